"""`./dev up --nodes 3` for tests. FOREBAY_BIN tells ./dev which programs to run, so that nothing is built."""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from node import wait_until  # noqa: E402

NODES = (1, 2, 3)


def free_base_port(nodes=NODES):
    """A port P so that nobody listens on P+10(i-1) and the two after it, for each node i. Below 32768, where the kernel
    begins to take ports for connections: one of those may come in between. Tests begin to look in different places."""
    places = range(21_000, 32_700, 40)
    begin = os.getpid() % len(places)
    for base in (*places[begin:], *places[:begin]):
        sockets = []
        try:
            for port in (base + 10 * (node - 1) + next_one for node in nodes for next_one in range(3)):
                one = socket.socket()
                sockets.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


def runs(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Up:
    """One that runs, with what it says. `programs` has the paths dev, forebayd and forebay."""

    def __init__(self, programs, directory, base_port, *more, nodes=NODES):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FOREBAY")}
        environment["FOREBAY_BIN"] = os.path.dirname(os.path.abspath(programs.forebayd))
        self.programs, self.directory, self.base_port, self.nodes = programs, directory, base_port, nodes
        self.process = subprocess.Popen(
            [programs.dev, "up", "--nodes", str(len(nodes)), "--dir", directory, "--base-port", str(base_port), *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            start_new_session=True)
        self.lines = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def said(self):
        return "".join(self.lines)

    def wait_said(self, text):
        wait_until(lambda: text in self.said(), lambda: "'%s' in\n%s" % (text, self.said()), 120)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        self._thread.join(timeout=60)
        self.process.stdout.close()
        return status

    def file(self, node, name):
        with open(os.path.join(self.directory, "node-%d" % node, name)) as file:
            return file.read()

    def pid(self, node):
        return int(self.file(node, "pid"))

    def get(self, node, path):
        """(status, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.base_port + 10 * (node - 1) + 2, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as error:
            raise OSError("HTTP: %r" % error) from error
        finally:
            connection.close()

    def ready(self, node):
        try:
            return self.get(node, "/readyz")[0] == 200
        except OSError:
            return False

    def series(self, node, name):
        """The values of all series of a metric."""
        return [float(line.rsplit(" ", 1)[1]) for line in self.get(node, "/metrics")[1].splitlines()
                if line.startswith(name + "{") or line.startswith(name + " ")]

    def command(self, *words):
        servers = ",".join("127.0.0.1:%d" % (self.base_port + 10 * (node - 1)) for node in self.nodes)
        return [os.path.abspath(self.programs.forebay), *words, "--server", servers]

    def forebay(self, *words, stdin=b""):
        return subprocess.run(self.command(*words), input=stdin, capture_output=True, timeout=300)

    def json(self, *words):
        done = self.forebay(*words, "-o", "json")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise AssertionError("%s: %s%s" % (words, done.stdout, done.stderr)) from error


class ClusterTest(unittest.TestCase):
    """A cluster of three for each test, whose nodes are stopped and started by hand; end() leaves nothing."""

    arguments = None  # --dev, --forebayd, --forebay: of run_all()

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="forebay-cluster-")
        self.others = []
        self.addCleanup(self.end)
        self.up = Up(self.arguments, self.directory, free_base_port())
        self.up.wait_said("Forebay is ready")

    def end(self):
        if self.up.process.poll() is None:
            self.up.interrupt()
        for process in self.others:
            process.terminate()
            process.wait(timeout=60)
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self, node, how=signal.SIGTERM):
        pid = self.up.pid(node)
        os.kill(pid, how)
        wait_until(lambda: not runs(pid), "node %d has ended" % node)

    def start(self, node):
        with open(os.path.join(self.directory, "node-%d" % node, "log"), "ab") as log:
            self.others.append(subprocess.Popen(self.up.file(node, "cmd").split(), stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, cwd="/", start_new_session=True))

    @classmethod
    def run_all(cls):
        parser = argparse.ArgumentParser(add_help=False)
        for name in ("--dev", "--forebayd", "--forebay"):
            parser.add_argument(name, required=True)
        cls.arguments, rest = parser.parse_known_args()
        unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
