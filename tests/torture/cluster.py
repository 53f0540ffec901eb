"""Nodes of a torture run: processes with a disk and an address each."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess

import disks
import machine

# Small files, so that rings turn and segments roll within a run. Sealed segments are verified again and again: rot that
# nobody reads is to be found within a run, too.
SETTINGS = ("storage.journal_file_bytes=20MiB", "storage.journal_files_max=4", "storage.segment_flush_bytes=64KiB",
            "storage.disk_reserve_bytes=96MiB", "memory.cache_bytes_per_shard=8MiB",
            "topic_defaults.segment.bytes=4MiB", "storage.scrub_interval=1s", "storage.scrub_bytes_per_second=64MiB")
READY_SECONDS = 60.0  # of a start with a recovery, on a busy machine


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


_LAST_VERIFIED = "forebay_scrub_last_full_pass_timestamp_seconds"


def _values(metrics, name):
    return [float(value) for value in re.findall(r"^%s(?:\{[^}]*\})? (\S+)$" % name, metrics, re.MULTILINE)]


class Node:
    def __init__(self, number, directory, network, disk, programs, clock_library=None):
        self.number, self.directory, self.network, self.disk, self.programs = number, directory, network, disk, programs
        self.log_path = os.path.join(directory, "forebayd.log")
        self.listens = network.listens(number, free_ports(3))
        self.api, self.peer, self.http = self.listens
        self.peer_list = None
        self.process = None
        self.clock_path = os.path.join(directory, "clock") if clock_library else None
        self._clock_library = clock_library
        self.set_clock(0)

    def _environment(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FOREBAY")}
        if self.clock_path:
            environment.update(LD_PRELOAD=self._clock_library, FAKETIME_TIMESTAMP_FILE=self.clock_path,
                               FAKETIME_CACHE_DURATION="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
        return environment

    def set_clock(self, seconds):
        """The wall clock of the node is that much ahead."""
        if self.clock_path:
            with open(self.clock_path + ".new", "w") as file:
                file.write("%+d\n" % seconds)
            os.rename(self.clock_path + ".new", self.clock_path)

    def start(self):
        command = [self.programs["forebayd"], "--data-dir", self.disk.data(), "--api", self.api, "--peer", self.peer,
                   "--http", self.http]
        for setting in SETTINGS + ("node.id=%d" % self.number, "cluster.nodes=" + self.peer_list):
            command += ["--set", setting]
        self.process = machine.start([*self.network.prefix(self.number), *command], self.log_path, self._environment(),
                                     self.directory)
        if hasattr(self.network, "process_of"):
            self.network.process_of[self.number] = self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """In good order; returns the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def get(self, path, timeout=5.0):
        host, port = self.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (http.client.HTTPException, OSError) as error:
            return None, repr(error)
        finally:
            connection.close()

    def is_ready(self):
        return self.get("/readyz")[0] == 200

    def wait_ready(self, seconds=READY_SECONDS):
        def asked():
            if self.process.poll() is not None:
                raise RuntimeError("node %d ended with %s:\n%s" % (
                    self.number, self.process.returncode, self.log_end()))
            return self.is_ready()
        machine.wait_until(asked, lambda: "node %d is ready; it says %s" % (self.number, self.get("/readyz")), seconds)

    def log_end(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()[-4000:]

    def close(self):
        if self.is_running():
            self.process.kill()
            self.process.wait()
        self.disk.close()


class Cluster:
    def __init__(self, directory, network, disk_kind, programs, count=3, clock_library=None):
        self.directory, self.network, self.programs = directory, network, programs
        self.nodes = {}
        self.rotted = set()  # numbers of nodes in whose segments bits have flipped
        try:
            for number in range(1, count + 1):
                home = os.path.join(directory, "node-%d" % number)
                self.nodes[number] = Node(number, home, network, disks.make(home, disk_kind), programs,
                                          clock_library if number == count else None)
        except BaseException:
            self.close()
            raise
        peers = network.peer_list({number: node.listens for number, node in self.nodes.items()})
        for node in self.nodes.values():
            node.peer_list = peers

    def start(self):
        for node in self.nodes.values():
            node.start()
        self.wait_ready()

    def wait_ready(self, seconds=READY_SECONDS):
        for node in self.nodes.values():
            node.wait_ready(seconds)

    def servers(self):
        return ",".join(node.api for node in self.nodes.values())

    def forebay(self, *words, check=True, timeout=60, servers=None):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FOREBAY")}
        done = subprocess.run([self.programs["forebay"], *words, "--server", servers or self.servers()], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, env=environment)
        if check and done.returncode != 0:
            raise RuntimeError("forebay %s: exit %d: %s%s" % (
                " ".join(words), done.returncode, done.stdout, done.stderr))
        return done

    def describe(self, topic):
        return json.loads(self.forebay("topic", "describe", topic, "-o", "json").stdout)

    def leaders(self, topic):
        """{partition: node or 0}, as far as anybody says."""
        return {one["partition"]: one["leader"] for one in self.describe(topic)["partitions"]}

    def busiest_leader(self, topic):
        leaders = [one for one in self.leaders(topic).values() if one in self.nodes]
        return self.nodes[max(sorted(self.nodes), key=leaders.count)]

    def coordinator(self, group):
        """The node that has the group's last word; after a fault it may take a while until there is one. A node that is it
        itself names nobody."""
        def asked():
            for node in self.nodes.values():
                done = self.forebay("group", "describe", group, "-o", "json", check=False, servers=node.api)
                answers.append(done.stdout + done.stderr)
                if done.returncode == 0:
                    address = json.loads(done.stdout)["coordinator"] or node.api
                    return next(one for one in self.nodes.values() if one.api == address)
            return None
        answers = []
        return machine.wait_until(asked, lambda: "group %s has a coordinator: %s" % (group, answers[-1]), 30)

    def behind(self):
        """Partitions of which a replica lacks something, as their leaders say; None when a node does not say."""
        total = 0
        for node in self.nodes.values():
            status, text = node.get("/metrics")
            values = _values(text, "forebay_under_replicated_partitions")
            if status != 200 or not values:
                return None
            total += sum(values)
        return total

    def verified_at(self):
        """When the oldest last verification of a partition's sealed segments ended, of the nodes with rot; 0: one of them
        has not verified all, or does not say."""
        ends = [float("inf")]
        for number in self.rotted:
            ends += _values(self.nodes[number].get("/metrics")[1], _LAST_VERIFIED) or [0]
        return min(ends)

    def damaged(self):
        """Partitions with damage; None when a node does not say."""
        found = [_values(node.get("/metrics")[1], "forebay_damaged_partitions") for node in self.nodes.values()]
        return sum(map(sum, found)) if all(found) else None

    def others(self, node):
        return [one for one in self.nodes.values() if one is not node]

    def close(self):
        for node in self.nodes.values():
            node.close()
