"""One forebayd under test: its ports, its figures, its end."""
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def free_ports(count):
    """Ports that nobody listens on now; held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Node:
    def __init__(self, binaries, data_dir, settings=()):
        self.binaries = binaries
        self.data_dir = data_dir
        self.settings = settings
        self.process = None
        self.api_port, self.peer_port, self.http_port = free_ports(3)

    @property
    def server(self):
        return f"127.0.0.1:{self.api_port}"

    def start(self, wait=True):
        command = [f"{self.binaries}/forebayd", "--data-dir", self.data_dir, "--api", self.server,
                   "--peer", f"127.0.0.1:{self.peer_port}", "--http", f"127.0.0.1:{self.http_port}"]
        for setting in self.settings:
            command += ["--set", setting]
        with open(self.data_dir + ".log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=120):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"forebayd ended with {self.process.returncode}; see {self.data_dir}.log")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.01)
        raise RuntimeError(f"forebayd is not ready after {timeout_s} s; see {self.data_dir}.log")

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    # --- figures ---

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) / 1024

    def metric(self, name):
        """Sum over the labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        if not values:
            raise RuntimeError(f"/metrics has no {name}")
        return sum(float(value) for value in values)

    def flushes(self):
        return self.metric("forebay_journal_rounds_total") + self.metric("forebay_segment_syncs_total")

    def watch(self):
        return Watch(self)


class Watch:
    """What the node used between two moments."""

    def __init__(self, node):
        self.node = node
        self.flushes_begin = node.flushes()
        self.cpu_begin = node.cpu_s()
        self.time_begin = time.monotonic()

    def end(self):
        self.seconds = time.monotonic() - self.time_begin
        self.cpu_s = self.node.cpu_s() - self.cpu_begin
        self.flushes = self.node.flushes() - self.flushes_begin
        return self
