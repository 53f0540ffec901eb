"""Nodes leave a cluster of four for good while real events are produced, and no event is lost.

./dev up starts four nodes. While the events of tests/data/commits.ndjson.zst go into 12 partitions with three replicas
each, node 4 is stopped and decommissioned dead. It goes on and is told that it is out; it comes back with its data
directory and is refused; with an empty one it is a new node. Then the node that is the controller is decommissioned alive: it keeps nothing, says what has become of it,
and is idle. Everything is read back, byte for byte, in the order of each author, and has its three copies.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dev_up import Up, free_base_port, runs, wait_until  # noqa: E402
from real_events import CONSUME, PARTITIONS, PRODUCE, Acked, check, load, verify  # noqa: E402

FOUR = (1, 2, 3, 4)


class Cluster:
    def __init__(self, up):
        self.up = up
        self.others = []

    def data(self, node):
        return os.path.join(self.up.directory, "node-%d" % node, "data")

    def kill(self, node):
        pid = self.up.pid(node)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not runs(pid), "node %d has ended" % node)

    def start(self, node):
        with open(os.path.join(self.up.directory, "node-%d" % node, "log"), "ab") as log:
            process = subprocess.Popen(self.up.file(node, "cmd").split(), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, cwd="/", start_new_session=True)
        self.others.append(process)
        return process

    def succeed(self, *words):
        done = self.up.forebay(*words)
        check(done.returncode == 0, "%s: %s%s" % (words, done.stdout, done.stderr))
        return done

    def refuse(self, status, text, *words):
        done = self.up.forebay(*words)
        check(done.returncode == status and text in done.stderr.decode(),
              "%s: %d %s" % (words, done.returncode, done.stderr))

    def members(self):
        return {one["partition"]: sorted(replica["node"] for replica in one["replicas"])
                for one in self.up.json("partition", "list", "commits")}

    def nodes(self):
        return {one["id"]: one for one in self.up.json("cluster", "describe")["nodes"]}

    def controller(self):
        return self.up.json("cluster", "describe")["controller"]

    def status(self, node):
        try:
            return self.up.get(node, "/readyz")
        except OSError:
            return None, ""

    def folders(self, node):
        """Topics that have partitions on the node."""
        root = os.path.join(self.data(node), "topics")
        return {topic for topic in os.listdir(root)
                if os.path.exists(os.path.join(root, topic, "NAME"))
                and any(entry.isdigit() for entry in os.listdir(os.path.join(root, topic)))
                and open(os.path.join(root, topic, "NAME")).read().strip() == "commits"}

    def end(self):
        for process in self.others:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)


class Producer:
    """Feeds the events in parts to one `forebay produce` that lives as long as the test."""

    def __init__(self, up, lines, acked):
        self.lines, self.acked, self.fed = lines, acked, 0
        self.process = subprocess.Popen(up.command(*PRODUCE, "--acked", acked.path), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def feed(self, count):
        self.process.stdin.write(b"\n".join(self.lines[self.fed:self.fed + count]) + b"\n")
        self.process.stdin.flush()
        self.fed += count

    def finish(self):
        self.feed(len(self.lines) - self.fed)
        self.process.stdin.close()
        summary = json.loads(self.process.stdout.read())
        check(self.process.wait(timeout=300) == 0, "the producer failed: %s" % summary)
        check(summary["records"] == len(self.lines) and summary["failed"] == 0, summary)
        print("produced: %s" % summary)


def expect_three_copies_without(cluster, node):
    for partition, nodes in cluster.members().items():
        check(len(nodes) == 3 and node not in nodes, "partition %d is on %s" % (partition, nodes))
    wait_until(lambda: cluster.up.json("cluster", "health")["healthy"], lambda: cluster.up.json("cluster", "health"), 60)


def refusals(cluster):
    cluster.refuse(2, "no broker 9", "node", "decommission", "9", "--yes")
    plan = cluster.up.json("node", "decommission", "4", "--dry-run")
    check(plan["replicas"] == sum(one["replicas"] for one in plan["gains"]) > 0, plan)
    check({one["node"] for one in plan["gains"]} <= {1, 2, 3}, plan)
    # Nobody is there to be asked, and nothing happens.
    cluster.refuse(2, "--yes", "node", "decommission", "4")
    check(cluster.nodes()[4]["decommission"] is None, cluster.nodes()[4])


def dead_node(cluster, producer):
    """For the others it is dead; it is only stopped, and knows nothing."""
    os.kill(cluster.up.pid(4), signal.SIGSTOP)
    cluster.succeed("node", "decommission", "4", "--yes")
    cluster.refuse(5, "--cancel", "node", "undrain", "4")
    producer.feed(len(producer.lines) // 5)
    began = time.monotonic()
    cluster.succeed("node", "decommission", "4", "--wait", "120s")
    print("the dead node was out after %.1f s" % (time.monotonic() - began))
    check(cluster.nodes()[4]["state"] == "removed", cluster.nodes()[4])
    expect_three_copies_without(cluster, 4)
    # Four are listed, three are left: none of them can go.
    cluster.refuse(5, "topic 'commits'", "node", "decommission", "3", "--yes")


def dead_node_comes_back(cluster):
    os.kill(cluster.up.pid(4), signal.SIGCONT)
    wait_until(lambda: "removed" in cluster.status(4)[1], lambda: cluster.status(4), 60)
    cluster.kill(4)
    process = cluster.start(4)
    wait_until(lambda: "removed" in cluster.status(4)[1], lambda: cluster.status(4), 60)
    check(cluster.status(4)[0] == 503, cluster.status(4))
    check(cluster.nodes()[4]["registered"] is False, cluster.nodes()[4])
    problems = cluster.up.json("cluster", "health")["problems"]
    check([one["what"] for one in problems] == ["removed from the cluster, and still runs"], problems)
    process.terminate()
    process.wait(timeout=60)
    os.rename(cluster.data(4), os.path.join(cluster.up.directory, "old-data"))
    cluster.start(4)
    wait_until(lambda: cluster.status(4)[0] == 200, lambda: cluster.status(4), 60)
    check(cluster.nodes()[4]["state"] == "alive", cluster.nodes()[4])


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def live_node(cluster, producer):
    leaves = cluster.controller()
    cluster.succeed("node", "decommission", str(leaves), "--yes")
    cluster.succeed("node", "decommission", str(leaves), "--cancel")
    check(cluster.nodes()[leaves]["decommission"] is None, cluster.nodes()[leaves])
    cluster.succeed("node", "decommission", str(leaves), "--yes")
    producer.feed(len(producer.lines) // 5)
    began = time.monotonic()
    cluster.succeed("node", "decommission", str(leaves), "--wait", "180s")
    print("the live node %d was out after %.1f s" % (leaves, time.monotonic() - began))
    expect_removed_and_idle(cluster, leaves)
    expect_three_copies = {partition: nodes for partition, nodes in cluster.members().items()}
    check(all(nodes == sorted(set(FOUR) - {leaves}) for nodes in expect_three_copies.values()), expect_three_copies)
    return leaves


def expect_removed_and_idle(cluster, node):
    wait_until(lambda: "removed" in cluster.status(node)[1], lambda: cluster.status(node), 30)
    check(cluster.status(node)[0] == 503, cluster.status(node))
    check(not cluster.folders(node), cluster.folders(node))
    pid = cluster.up.pid(node)
    before, said = cpu_seconds(pid), len(cluster.up.file(node, "log"))
    time.sleep(5)
    check(cpu_seconds(pid) - before < 1, "it is busy: %.2f s of 5" % (cpu_seconds(pid) - before))
    log = cluster.up.file(node, "log")
    check(log.count("the cluster refuses this node") == 1, log[-2000:])
    check(len(log) - said < 10_000, "it says much: %s" % log[said:])


def life(cluster, lines):
    up = cluster.up
    cluster.succeed("topic", "create", "commits", "--partitions", str(PARTITIONS), "--replication", "3")
    refusals(cluster)
    acked = Acked(os.path.join(up.directory, "acked"))
    producer = Producer(up, lines, acked)
    producer.feed(len(lines) // 5)
    acked.wait_for(len(lines) // 10, producer.process)
    dead_node(cluster, producer)
    dead_node_comes_back(cluster)
    producer.feed(len(lines) // 5)
    gone = live_node(cluster, producer)
    producer.finish()
    verify(lines, acked.places(), [json.loads(line) for line in cluster.succeed(*CONSUME).stdout.splitlines()])
    os.kill(up.pid(gone), signal.SIGTERM)
    wait_until(lambda: cluster.nodes()[gone]["state"] == "removed", lambda: cluster.nodes(), 60)
    expect_three_copies_without(cluster, gone)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--dev", "--forebayd", "--forebay", "--data"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    lines = load(arguments.data)
    directory = tempfile.mkdtemp(prefix="forebay-decommission-")
    up = Up(arguments, directory, free_base_port(FOUR), nodes=FOUR)
    cluster = Cluster(up)
    try:
        up.wait_said("Forebay is ready")
        life(cluster, lines)
    except AssertionError:
        print(up.said(), file=sys.stderr)
        for node in FOUR:
            print("--- node %d\n%s" % (node, up.file(node, "log")[-4000:]), file=sys.stderr)
        raise
    finally:
        cluster.end()
        if up.process.poll() is None:
            up.interrupt()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
