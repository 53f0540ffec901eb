"""Where the registry clients are, and whether they are those that are pinned here. Also a program: installs them.

    installed.py [python] [node] [go]    all when none is named

They are kept out of the build, so that checkouts share them: in ~/.cache/forebay-conformance, or FOREBAY_CONFORMANCE.
"""

import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FOREBAY_CONFORMANCE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "forebay-conformance")
PINS = {"python": ("requirements.txt",), "node": ("package.json", "package-lock.json"), "go": ("go.mod", "go.sum")}
LANGUAGES = tuple(PINS)
NEEDED = {"python": ("python3",), "node": ("node", "npm"), "go": ("go", "gcc")}


def folder(language):
    return os.path.join(ROOT, language)


def pins(language):
    """What says exactly which clients these are."""
    hashed = hashlib.sha256()
    for name in PINS[language]:
        with open(os.path.join(HERE, language, name), "rb") as file:
            hashed.update(file.read())
    return hashed.hexdigest()


def missing(language):
    """Why the clients of a language cannot be run; nothing when they can."""
    for tool in NEEDED[language]:
        if not shutil.which(tool):
            return "%s missing" % tool
    try:
        with open(os.path.join(folder(language), "pins")) as file:
            if file.read() == pins(language):
                return None
    except OSError:
        return "the registry client for %s is not installed: ./dev setup --conformance" % language
    return "another registry client for %s is installed than the one that is pinned: ./dev setup --conformance" % language


def run(*words, **options):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, **options)


def install_python(into):
    run("python3", "-m", "venv", into)
    run(os.path.join(into, "bin", "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:",
        "-r", os.path.join(HERE, "python", "requirements.txt"))


def install_node(into):
    os.makedirs(into)
    for name in PINS["node"]:
        shutil.copy(os.path.join(HERE, "node", name), into)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=into)


def install_go(into):
    """Go keeps modules, and what it has compiled of them, in caches of its own."""
    os.makedirs(into)
    run("go", "build", "-mod=readonly", "-o", os.path.join(into, "conformance"), ".", cwd=os.path.join(HERE, "go"))


def install(language):
    """Whether it is there afterwards."""
    lacks = [tool for tool in NEEDED[language] if not shutil.which(tool)]
    if lacks:
        print("%s: not installed, since %s missing" % (language, " and ".join(lacks)), file=sys.stderr)
        return False
    if not missing(language):
        print("%s: as pinned already" % language, file=sys.stderr)
        return True
    into = folder(language)
    shutil.rmtree(into, ignore_errors=True)
    os.makedirs(ROOT, exist_ok=True)
    try:
        {"python": install_python, "node": install_node, "go": install_go}[language](into)
    except (OSError, subprocess.CalledProcessError) as error:
        why = "`%s` exits with %d" % (" ".join(error.cmd), error.returncode) if hasattr(error, "cmd") else error
        print("%s: not installed: %s\n"
              "  Its packages come from the registry that its own tool is set up for: is that reached from here? What is not\n"
              "  installed is skipped by the tests." % (language, why), file=sys.stderr)
        return False
    with open(os.path.join(into, "pins"), "w") as file:
        file.write(pins(language))
    print("%s: installed in %s" % (language, into), file=sys.stderr)
    return True


if __name__ == "__main__":
    sys.exit(0 if all([install(language) for language in sys.argv[1:] or LANGUAGES]) else 1)
