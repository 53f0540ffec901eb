"""What a torture run needs of the machine, and how it gives it back: namespaces of its own for mounts and network, so
that what it made goes with its processes, whatever becomes of them."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import time

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """A facility that this machine does not have; its text is the facility."""


STOP, CONTINUE = signal.SIGSTOP, signal.SIGCONT


def need_root():
    if os.geteuid() != 0:
        raise Missing("root")


def need_tools(*names):
    for name in names:
        if shutil.which(name) is None:
            raise Missing(name)


def unshare(flag, what):
    if _libc.unshare(flag) != 0:
        raise Missing("%s (%s)" % (what, os.strerror(ctypes.get_errno())))


def private_mounts():
    """From here on, this process and what it starts mounts for itself alone."""
    need_root()
    unshare(CLONE_NEWNS, "mount namespaces")
    if _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise Missing("private mounts")


def run(*command, check=True, timeout=60):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError("%s: exit %d\n%s%s" % (" ".join(command), done.returncode, done.stdout, done.stderr))
    return done


def _before_exec(cores):
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most if cores else 0, most))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def start(command, log_path=None, environment=None, directory=None):
    """A child that does not outlive this process, deaf to the terminal's Ctrl-C. In `directory` it leaves its core."""
    with open(log_path or os.devnull, "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                preexec_fn=lambda: _before_exec(directory is not None), start_new_session=True,
                                cwd=directory)


def end(process, seconds=10.0):
    """However it is: afterwards it does not run."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(condition, what, seconds):
    """Returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError("not within %g s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.02)


def remove_tree(directory):
    """With what is still mounted in it: an interruption may have come between two steps."""
    with open("/proc/self/mounts") as mounts:
        points = [line.split()[1] for line in mounts if line.split()[1].startswith(directory + "/")]
    for point in reversed(points):
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)


class Cleanup:
    """What is to be undone, last first, each whatever becomes of the others."""

    def __init__(self):
        self._undo = []

    def add(self, what, *arguments):
        self._undo.append((what, arguments))

    def close(self):
        while self._undo:
            what, arguments = self._undo.pop()
            try:
                what(*arguments)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                print("could not undo: %s" % error)
