"""Starts a node, or three, and runs the program of one language against them: registry clients that nobody here wrote.

The clients are where `./dev setup --conformance` puts them; where they are not, the test is skipped.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration", "groups"))
import cluster  # noqa: E402
import installed  # noqa: E402

PROGRAM_SECONDS = 100


def command(language, clients, directory):
    """The words that run the program of a language, and what its environment has beside that of all."""
    if language == "python":
        return [os.path.join(clients, "bin", "python"), os.path.join(HERE, "python", "conformance.py")], {}
    if language == "node":
        return ["node", os.path.join(HERE, "node", "conformance.js")], {"NODE_PATH": os.path.join(clients, "node_modules")}
    program = os.path.join(directory, "conformance-go")
    subprocess.run(["go", "build", "-o", program, "."], check=True, cwd=os.path.join(HERE, "go"),
                   env={**os.environ, "GOFLAGS": "-mod=readonly", "GOPROXY": "off"})
    return [program], {}


def schemas(arguments):
    """A folder with those of this folder, and Protobuf's as descriptors too."""
    folder = os.path.join(arguments.directory, "schemas")
    subprocess.run(["cp", "-r", os.path.join(HERE, "schemas"), folder], check=True)
    for version in ("v1", "v2"):
        subprocess.run([arguments.protoc, "-I", folder, "-I", os.path.join(folder, version), "--include_imports",
                        "--descriptor_set_out", os.path.join(folder, version + ".desc"), "order.proto"], check=True)
    return folder


def story(api, nodes, arguments):
    cluster.start_whole(api, nodes, arguments.nodes)
    words, more = command(arguments.language, arguments.clients, arguments.directory)
    first, *others = ["http://" + address for address in nodes.http]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOREBAY")}
    environment.update(
        REGISTRY_URL=first, REGISTRY_OTHERS=",".join(others), SCHEMAS=schemas(arguments),
        COURIER=json.dumps([sys.executable, os.path.join(HERE, "courier.py")]), FOREBAY_SERVERS=",".join(nodes.api),
        FOREBAY_STUBS=arguments.directory, PYTHONDONTWRITEBYTECODE="1", **more)
    done = subprocess.run(words, env=environment, timeout=PROGRAM_SECONDS)
    cluster.check(done.returncode == 0, "the program of %s: exit %d" % (arguments.language, done.returncode))


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--language", choices=installed.LANGUAGES, required=True)
    told, rest = parser.parse_known_args()
    missing = installed.missing(told.language)
    if missing:
        print("skipped:", missing)
        return cluster.SKIPPED

    def of_language(api, nodes, arguments):
        arguments.language, arguments.clients = told.language, installed.folder(told.language)
        story(api, nodes, arguments)

    sys.argv[1:] = rest
    return cluster.main(of_language)


if __name__ == "__main__":
    sys.exit(main())
