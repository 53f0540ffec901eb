"""One forebayd for a test: its own data directory, free ports, ended by its process id."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE = 60.0  # seconds: for anything that happens soon on an idle machine
# Below those that the kernel gives to connections: one of these may come before a node listens.
PORTS = range(10_000, 20_900)


def free_ports(count):
    """Ports nobody listens on now. All sockets are open at once, so that no port comes twice."""
    sockets = []
    try:
        while len(sockets) < count:
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", random.choice(PORTS)))
                sockets.append(one)
            except OSError:
                one.close()
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(condition, what, seconds=DEADLINE):
    """Returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %g s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.01)


class Node:
    def __init__(self, forebayd, forebay, settings=()):
        self.forebayd = os.path.abspath(forebayd)
        self.forebay = os.path.abspath(forebay)
        self.settings = list(settings)
        self.directory = tempfile.mkdtemp(prefix="forebay-test-")
        self.data_dir = os.path.join(self.directory, "data")
        ports = free_ports(3)
        self.api, self.peer, self.http = ("127.0.0.1:%d" % port for port in ports)
        self.log_path = os.path.join(self.directory, "forebayd.log")
        self.process = None

    def start(self, wait=True):
        command = [self.forebayd, "--data-dir", self.data_dir, "--api", self.api, "--peer", self.peer,
                   "--http", self.http]
        for setting in self.settings:
            command += ["--set", setting]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self):
        done = self.run("health", "--wait", "60s", "--timeout", "2s")
        if done.returncode != 0:
            raise AssertionError("the node is not ready: %s\n%s" % (done.stdout, self.log()))

    def kill(self):
        """Power off, as far as a process can: SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """In good order. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process = None
        return status

    def close(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()[-8000:]

    def environment(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FOREBAY")}
        environment["FOREBAY_SERVERS"] = self.api
        return environment

    def run(self, *words, stdin=b"", timeout=120, environment=None):
        """Runs forebay to its end; standard output and error as text."""
        done = subprocess.run([self.forebay, *words], input=stdin, capture_output=True, timeout=timeout,
                              env=environment or self.environment(), cwd=self.directory)
        done.stdout_bytes = done.stdout
        done.stdout = done.stdout.decode(errors="surrogateescape")
        done.stderr = done.stderr.decode(errors="surrogateescape")
        return done

    def popen(self, *words, **options):
        return subprocess.Popen([self.forebay, *words], env=self.environment(), cwd=self.directory, **options)

    def ok(self, *words, stdin=b"", status=0):
        """As run(), and the exit status must be `status`."""
        done = self.run(*words, stdin=stdin)
        if done.returncode != status:
            raise AssertionError("forebay %s: exit %d instead of %d\nstdout: %s\nstderr: %s" %
                                 (" ".join(words), done.returncode, status, done.stdout, done.stderr))
        return done

    def json(self, *words, stdin=b"", status=0):
        return json.loads(self.ok(*words, "-o", "json", stdin=stdin, status=status).stdout)

    def records(self, *words):
        """What `consume -o json` prints, parsed."""
        lines = self.ok("consume", *words, "-o", "json").stdout.split("\n")
        assert lines.pop() == ""
        return [json.loads(line) for line in lines]
