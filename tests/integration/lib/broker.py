"""A node under test, and what the tests of processes, faults and bad input ask of it.

Nothing here sleeps for a fixed time: wait_until() looks again until a deadline, which is generous, because the machine
may be busy with other things.
"""

import argparse
import http.client
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from node import DEADLINE, Node, free_ports, wait_until  # noqa: E402,F401

ARGUMENTS = None
SKIPPED = 77  # the exit status that CTest takes for "did not run"

# Small files, so that a test sees rings that turn and segments that roll.
SMALL_RING = ("storage.journal_file_bytes=20MiB", "storage.journal_files_max=4", "storage.segment_flush_bytes=64KiB",
              "storage.disk_reserve_bytes=1MiB", "memory.cache_bytes_per_shard=1MiB")


class Broker(Node):
    """Node of the command line's tests, with more to ask it."""

    def __init__(self, settings=(), flags=(), environment=None, data_dir=None):
        super().__init__(ARGUMENTS.forebayd, ARGUMENTS.forebay, settings)
        if data_dir:
            self.data_dir = data_dir
        self.flags = list(flags)
        self.daemon_environment = {key: value for key, value in os.environ.items() if not key.startswith("FOREBAY")}
        self.daemon_environment.update(environment or {})

    # --- its life ------------------------------------------------------------------------------------------------

    def command(self):
        words = [self.forebayd, "--data-dir", self.data_dir, "--api", self.api, "--peer", self.peer, "--http", self.http]
        for setting in self.settings:
            words += ["--set", setting]
        return words + self.flags

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.directory,
                                            env=self.daemon_environment)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self):
        self.wait_ready_status(200)

    def wait_ready_status(self, status):
        """Until /readyz answers `status`; returns the answer's text."""
        def asked():
            if self.process.poll() is not None:
                raise AssertionError("the node ended with %d:\n%s" % (self.process.returncode, self.log()))
            try:
                got, text = self.get("/readyz")
            except OSError:
                return None
            return (text,) if got == status else None
        return wait_until(asked, lambda: "/readyz %d\n%s" % (status, self.log()))[0]

    def refuse(self, deadline=DEADLINE):
        """Starts it, expects that it gives up; returns exit status and what it said."""
        done = subprocess.run(self.command(), stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline,
                              cwd=self.directory, env=self.daemon_environment)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def stop(self, seconds=DEADLINE):
        """SIGTERM; returns (exit status, seconds it took)."""
        began = time.monotonic()
        self.process.terminate()
        status = self.process.wait(timeout=seconds)
        self.process = None
        return status, time.monotonic() - began

    def stop_cleanly(self):
        status, _ = self.stop()
        if status != 0:
            raise AssertionError("exit %d\n%s" % (status, self.log()))

    def end(self):
        """However it is: afterwards it does not run."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.process = None

    def restart(self):
        self.stop_cleanly()
        return self.start()

    def restart_after_kill(self):
        self.kill()
        return self.start()

    # --- what it says --------------------------------------------------------------------------------------------

    def whole_log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def log_events(self, event):
        """Lines of the log that tell this event, as dictionaries of their values."""
        found = []
        for line in self.whole_log().splitlines():
            match = re.match(r"^\S+ (\w+) %s(?::|$)(.*)" % re.escape(event), line)
            if match:
                fields = {"level": match.group(1), "line": line}
                for key, quoted, bare in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', match.group(2)):
                    fields[key] = quoted or bare
                found.append(fields)
        return found

    def get(self, path, method="GET", timeout=20.0):
        host, port = self.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as error:
            raise OSError("HTTP: %r" % error) from error
        finally:
            connection.close()

    def metric(self, name):
        """Sum over the labels."""
        status, text = self.get("/metrics")
        assert status == 200, status
        values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                  if re.match(r"%s(\{| )" % re.escape(name), line)]
        if not values:
            raise AssertionError("no metric " + name)
        return sum(values)

    def rss_bytes(self):
        with open("/proc/%d/statm" % self.process.pid) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    # --- its files -----------------------------------------------------------------------------------------------

    def path(self, *parts):
        return os.path.join(self.data_dir, *parts)

    def files(self, under="", suffix=""):
        """Paths of all files below a folder of the data directory, sorted."""
        found = []
        for folder, _, names in os.walk(self.path(under)):
            found += [os.path.join(folder, name) for name in names if name.endswith(suffix)]
        return sorted(found)

    def journal_files(self):
        """Those of the epoch in force, newest epoch last on disk, in the order of their numbers."""
        epochs = sorted(os.listdir(self.path("journal")), key=int)
        files = self.files(os.path.join("journal", epochs[-1]), ".journal")
        return sorted(files, key=lambda path: [int(n) for n in re.findall(r"\d+", os.path.basename(path))])

    def segments(self, topic_id, partition):
        return self.files(os.path.join("topics", topic_id, str(partition)), ".log")

    def topic_id(self, topic):
        return self.json("topic", "describe", topic)["id"]

    # --- records -------------------------------------------------------------------------------------------------

    def produce(self, topic, lines, *options):
        """Sends lines (bytes without line ends); returns {line number from 0: (partition, offset)}."""
        acked = os.path.join(self.directory, "acked-%d" % random.getrandbits(60))
        self.ok("produce", topic, "-", "--acked", acked, *options, stdin=b"\n".join(lines) + b"\n")
        return {line: place for place, line in read_acked(acked)}

    def consume(self, topic, *options):
        """[(partition, offset, value)] from log start to the end as it is now."""
        return [(r["partition"], r["offset"], r["value"].encode())
                for r in self.records(topic, "--until-end", *options)]

    def offsets(self, topic):
        """{partition: (log start, log end)}"""
        return {o["partition"]: (o["log_start"], o["log_end"]) for o in self.json("offsets", topic)}


def read_acked(path):
    """[((partition, offset), line from 0)] of an --acked file; a last line that is cut is left out."""
    with open(path) as file:
        text = file.read()
    whole = text[:text.rfind("\n") + 1]
    rows = [tuple(map(int, row.split())) for row in whole.splitlines()]
    return [((partition, offset), line - 1) for partition, offset, line in rows]


class Load:
    """A `forebay produce` that is fed as fast as it takes lines, or 50 lines every `pause` seconds, until stopped; it
    survives restarts of the node."""

    def __init__(self, node, topic, seed, value_bytes=200, options=(), pause=0):
        self.node, self.topic, self.seed, self.pause = node, topic, seed, pause
        self.filler = "x" * value_bytes
        self.acked_path = os.path.join(node.directory, "acked-%s-%d" % (topic, seed))
        self.sent = 0
        self._stop = threading.Event()
        self.process = node.popen("produce", topic, "-", "--acked", self.acked_path, "-o", "json", *options,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def line(self, number):
        return b"%d:%d:%s" % (self.seed, number, self.filler.encode())

    def _feed(self):
        try:
            while not self._stop.is_set():
                lines = [self.line(n) for n in range(self.sent, self.sent + 50)]
                self.process.stdin.write(b"\n".join(lines) + b"\n")
                self.process.stdin.flush()
                self.sent += len(lines)
                self._stop.wait(self.pause)
        except BrokenPipeError:
            pass

    def acked_count(self):
        try:
            with open(self.acked_path, "rb") as file:
                return file.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def wait_acked(self, more):
        wanted = self.acked_count() + more
        def there():
            if self.acked_count() >= wanted:
                return True
            if self.process.poll() is not None:
                raise AssertionError("the producer ended: %s" % self.process.stderr.read())
            return False
        wait_until(there, "%d more acknowledgements" % more)

    def finish(self):
        """No more lines; waits until all are answered. Returns the summary."""
        self._stop.set()
        # The feeder may sit in a full pipe until the producer takes more, or ends.
        self._thread.join(timeout=150)
        assert not self._thread.is_alive(), "the producer takes no more lines"
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        out = self.process.stdout.read()
        self.errors = self.process.stderr.read().decode(errors="replace")
        self.status = self.process.wait(timeout=150)
        self.process.stdout.close()
        self.process.stderr.close()
        return json.loads(out) if out else {}

    def acked(self):
        return read_acked(self.acked_path)


class FailPoints:
    """Fail points of a node (name:action[@range]) that wait for trip(). To be made before the node starts."""

    def __init__(self, node, *points):
        self._file = os.path.join(node.directory, "trip")
        node.daemon_environment["FOREBAYD_FAILPOINT"] = ",".join("%s@%s" % (point, self._file) for point in points)

    def trip(self):
        with open(self._file, "w"):
            pass

    def untrip(self):
        os.remove(self._file)


class Follower:
    """A `forebay consume --follow` that runs while things happen; what it delivered must never vanish."""

    def __init__(self, node, topic):
        self.delivered = []
        self.process = node.popen("consume", topic, "--offsets", "start", "--follow", "-o", "json",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                record = json.loads(line)
                self.delivered.append((record["partition"], record["offset"], record["value"].encode()))

    def finish(self):
        self.process.terminate()
        self.process.wait(timeout=DEADLINE)
        self._thread.join(timeout=DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        return self.delivered


def check_log_while_written(node, topic, loads):
    """As check_log, of producers that go on: what was acknowledged before the read has to be in it."""
    acked = [load.acked() for load in loads]
    return check_log(node.consume(topic), loads, acked=acked)


def check_log(records, loads, delivered=(), dense_from=None, acked=None):
    """The invariants of tests on one log: `records` is what is read at the end.

    I1 every acknowledged record is there; I3 one offset, one value, for all acknowledgements and reads; I4 offsets are
    contiguous; I6 nothing that nobody sent; I12 what was delivered is still there.
    """
    final = {}
    for partition, offset, value in records:
        assert (partition, offset) not in final, "I3: %d/%d comes twice" % (partition, offset)
        final[(partition, offset)] = value
    following = dict(dense_from or {})
    for partition, offset, _ in sorted(records):
        expected = following.get(partition, 0)
        assert offset == expected, "I4: partition %d goes from %d to %d" % (partition, expected, offset)
        following[partition] = offset + 1
    sent = {str(load.seed).encode(): load for load in loads}
    for load, places in zip(loads, acked or [load.acked() for load in loads]):
        for place, line in places:
            value = final.get(place)
            assert value is not None, "I1: line %d was acknowledged at %s and is lost" % (line, place)
            assert value == load.line(line), "I3: %s holds another record than was acknowledged" % (place,)
    for place, value in final.items():
        seed, number, _ = value.split(b":", 2)
        load = sent.get(seed)
        assert load is not None and int(number) < load.sent + 50 and value == load.line(int(number)), \
            "I6: nobody sent %r" % value[:60]
    for partition, offset, value in delivered:
        assert final.get((partition, offset)) == value, "I12: %d/%d was delivered and is gone" % (partition, offset)
    return final


# --- damage -----------------------------------------------------------------------------------------------------------


def flip_bit(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))


def snapshot(folder):
    """{path: (mode, bytes or link target or None)}: all of a folder, to be compared."""
    found = {}
    for where, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(where, name)
            status = os.lstat(path)
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isdir(path):
                content = None
            else:
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, folder)] = (status.st_mode, content)
    return found


# --- sockets ----------------------------------------------------------------------------------------------------------


def connect(address, timeout=20.0):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=timeout)


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class BrokerTest(unittest.TestCase):
    """Makes nodes that are ended and removed when the test is over; their logs are shown when it fails."""

    def broker(self, *settings, **options):
        node = Broker(settings, **options)
        self.addCleanup(self._close, node)
        return node

    def _close(self, node):
        outcome = getattr(self, "_outcome", None)
        errors = getattr(getattr(outcome, "result", None), "errors", [])
        failures = getattr(getattr(outcome, "result", None), "failures", [])
        if any(test is self for test, _ in errors + failures) and os.path.exists(node.log_path):
            print("--- log of the node of %s\n%s" % (self.id(), node.log()), file=sys.stderr)
        if node.process is not None and node.process.poll() is not None:
            node.process = None
        node.close()


def main():
    """Takes --forebayd, --forebay and what makes gRPC stubs, leaves the rest to unittest. Exit 77 when anything was
    skipped."""
    global ARGUMENTS
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--forebayd", required=True)
    parser.add_argument("--forebay", required=True)
    for name in ("--protoc", "--grpc-plugin", "--proto"):
        parser.add_argument(name)
    # Tests import this file under its module name, but it may not be the one that runs.
    ARGUMENTS, rest = parser.parse_known_args()
    result = unittest.main(module="__main__", argv=[sys.argv[0], *rest], verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    for _, reason in result.skipped:
        print("skipped: " + reason)
    sys.exit(SKIPPED if result.skipped else 0)
