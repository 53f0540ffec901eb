"""How long producers wait when a leader is killed, and when it stands still: percentiles over many of both.

A probe is a producer that sends one record at a time, 25 ms after the answer before, to one of the struck leader's
partitions. Its time is that from the strike to its first acknowledgement of something that it sent afterwards.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import cluster as clusters
import machine
import network as networks

TOPIC = "failover"
PROBES = 20
PAUSE_MS = 25
STRUCK_SECONDS = 4.0  # longer than anybody may wait
REST_SECONDS = 2.5


class Probes:
    """What torture_load wrote down."""

    def __init__(self, path):
        self.invoked, self.acked = {}, []  # by id; (invoked, acked, partition)
        with open(path) as file:
            for line in file:
                words = line.split()
                if len(words) < 7 or words[3] != "produce":
                    continue
                key = words[6]
                if words[2] == "invoke":
                    self.invoked[key] = int(words[0])
                elif words[2] == "ok":
                    self.acked.append((self.invoked[key], int(words[0]), int(words[5])))

    def waited(self, struck, partitions):
        """[ms] of each of the partitions; None for one that was not served while the strike lasted."""
        found = dict.fromkeys(partitions)
        for invoked, acked, partition in self.acked:
            if invoked >= struck and partition in found and found[partition] is None:
                if acked - struck < STRUCK_SECONDS * 1e9:
                    found[partition] = (acked - struck) / 1e6
        return list(found.values())


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Measurement:
    def __init__(self, arguments, directory, network, partitions):
        self.arguments, self.partitions = arguments, partitions
        self.directory = os.path.join(directory, "p%d" % partitions)
        os.makedirs(self.directory)
        self.programs = {name: getattr(arguments, name) for name in ("forebayd", "forebay", "load")}
        self.history = os.path.join(self.directory, "history")
        self.cluster = clusters.Cluster(self.directory, network, "folder", self.programs)
        step = max(1, partitions // PROBES)
        self.probed = list(range(0, partitions, step))[:PROBES]
        self.loader = None

    def run(self):
        """{kind: [(partitions struck, [ms])]}"""
        try:
            self.cluster.start()
            machine.wait_until(self._create, lambda: "the topic can be created: " + self.error, 60)
            rate = len(self.probed) * 1000 / PAUSE_MS
            self.loader = machine.start(
                [self.programs["load"], "--run", "failover", "--history", self.history, "--servers",
                 self.cluster.servers(), "--topic", TOPIC, "--partitions", str(self.partitions), "--only",
                 ",".join(map(str, self.probed)), "--producers", "1", "--readers", "0",
                 "--batch-records", "1", "--rate", str(rate)],
                os.path.join(self.directory, "load.log"))
            time.sleep(REST_SECONDS)
            strikes = []
            for _ in range(self.arguments.count):
                strikes.append(("kill", *self._strike(lambda node: node.kill(), lambda node: node.start())))
                strikes.append(("pause", *self._strike(lambda node: node.pause(), lambda node: node.resume())))
            machine.end(self.loader)
            probes = Probes(self.history)
            found = {"kill": [], "pause": []}
            for kind, struck, led in strikes:
                found[kind].append(probes.waited(struck, led))
            return found
        finally:
            machine.end(self.loader)
            self.cluster.close()

    def _create(self):
        done = self.cluster.forebay("topic", "create", TOPIC, "--partitions", str(self.partitions), "--replication",
                                    "3", "--timeout", "30s", check=False)
        self.error = done.stderr
        return done.returncode == 0 or "EXISTS" in done.stderr

    def _strike(self, strike, mend):
        leaders = machine.wait_until(self._all_led, "every partition has a leader", 60)
        led = {number: [one for one in self.probed if leaders[one] == number] for number in self.cluster.nodes}
        node = self.cluster.nodes[max(sorted(led), key=lambda number: len(led[number]))]
        struck = time.monotonic_ns()
        strike(node)
        time.sleep(STRUCK_SECONDS)
        mend(node)
        self.cluster.wait_ready()
        time.sleep(REST_SECONDS)
        return struck, led[node.number]

    def _all_led(self):
        leaders = self.cluster.leaders(TOPIC)
        return leaders if all(leaders.get(one) in self.cluster.nodes for one in self.probed) else None


def report(partitions, found):
    for kind in ("kill", "pause"):
        probes = [ms for strike in found[kind] for ms in strike]
        served = [ms for ms in probes if ms is not None]
        if not served:
            print("| %d | %s | %d | - | nothing was served |" % (partitions, kind, len(found[kind])))
            continue
        print("| %d | %s | %d | %d | %.0f | %.0f | %.0f | %.0f | %d |" % (
            partitions, kind, len(found[kind]), len(probes), percentile(served, 0.5), percentile(served, 0.9),
            percentile(served, 0.99), max(served), len(probes) - len(served)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for program in ("forebayd", "forebay", "load", "check"):
        parser.add_argument("--" + program, required=True, type=os.path.abspath)
    parser.add_argument("--count", type=int, default=100, help="kills, and as many pauses, for each size")
    parser.add_argument("--partitions", default="10,100,1000")
    parser.add_argument("--network", choices=("auto", "namespaces", "loopback"), default="loopback")
    parser.add_argument("--json", help="file for all that was measured")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    directory = tempfile.mkdtemp(prefix="forebay-failover-")
    network = networks.make((1, 2, 3), arguments.network)
    everything = {}
    try:
        print("| partitions | leader | strikes | probes | p50 ms | p90 ms | p99 ms | max ms | not served in %g s |" %
              STRUCK_SECONDS)
        print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for partitions in map(int, arguments.partitions.split(",")):
            everything[partitions] = Measurement(arguments, directory, network, partitions).run()
            report(partitions, everything[partitions])
    finally:
        network.close()
        shutil.rmtree(directory, ignore_errors=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(everything, file)
    probes = [ms for found in everything.values() for strikes in found.values() for one in strikes for ms in one]
    return 1 if None in probes else 0


if __name__ == "__main__":
    sys.exit(main())
