"""The rows of consumer groups, of one node or of a cluster: bench/e2e/group_load.cc is the members, which read nothing."""
import json
import os
import subprocess
import time

from rows import Row, median, settled_cpu, spread

PARTITIONS = 100
MEMBERS = 100
RECORDS = 20_000  # in each partition: more than are committed in a run


class Load:
    """Members that have joined. Use as a context."""

    def __init__(self, bench, server, topic, partitions, prefix, groups, members):
        command = [os.path.join(bench.program.limits, "group_load"), server.server, topic, partitions, prefix, groups, members]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.assigned_s = self.answer()["assigned_s"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"group_load ended with {self.process.wait()}")
        return json.loads(line)

    def order(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def topics(bench, server, *flags):
    bench.program.create_topic(server, "many", PARTITIONS, *flags)
    bench.program.create_topic(server, "few", 10, *flags)
    bench.program.perf(server, "produce", "many", "--records", PARTITIONS * RECORDS, "--size", 32)
    # Where the groups live is made by the first of them.
    bench.program.forebay(server, "group", "create", "first")


def joined_and_committed(bench, server):
    """100 members of one group that share 100 partitions; then commits of all of them, each waits for the one before."""
    assigned, commits, cpu = [], [], []
    for run in range(bench.runs):
        with Load(bench, server, "many", PARTITIONS, f"join{run}-", 1, MEMBERS) as load:
            assigned.append(load.assigned_s)
        with Load(bench, server, "many", PARTITIONS, f"commit{run}-", 10, MEMBERS) as load:
            watch = server.watch()
            commits.append(load.order("commit", bench.seconds, RECORDS)["commits_per_s"])
            watch.end()
            cpu.append(watch.cpu_s / watch.seconds)
    seconds = "{:.2f} s".format
    return [
        Row(f"{MEMBERS} members of one group join and have their partitions", spread(assigned, seconds), "2 s",
            met=median(assigned) <= 2),
        Row(f"offsets committed per second, {10 * MEMBERS} partitions of 10 groups, one under way in each",
            spread(commits, "{:.0f}".format), "20000", met=median(commits) >= 20_000),
        Row("  cores of the servers", spread(cpu, "{:.2f}".format), ""),
    ]


def many_groups(bench, server, nodes):
    groups = bench.idle_partitions // 10
    before = [node.rss_mib() for node in nodes]
    with Load(bench, server, "few", 10, "many-", groups, 10) as load:
        time.sleep(bench.settle_s)
        share = [settled_cpu(node, bench.seconds * 2) for node in nodes]
        grown = [node.rss_mib() - rss for node, rss in zip(nodes, before)]
        return [
            Row(f"{groups} groups of 10 members join at once, until all have their partitions", f"{load.assigned_s:.1f} s", ""),
            Row("  then, with their heartbeats: share of a core, the busiest node", f"{100 * max(share):.0f} %", ""),
            Row("  memory that they take, the most of a node", f"{max(grown):.0f} MiB", ""),
        ]


def of_node(bench):
    node = bench.node("groups").start()
    topics(bench, node)
    found = joined_and_committed(bench, node) + many_groups(bench, node, [node])
    bench.drop(node)
    return found


# --- a cluster ---

def coordinator(bench, cluster, group):
    told = json.loads(bench.program.forebay(cluster, "group", "describe", group, "-o", "json"))["coordinator"]
    for node in cluster.nodes:
        if node.server == told:
            return node
    raise RuntimeError(f"the coordinator of {group} is '{told}', which is none of {cluster.server}")


def fail_over(bench, cluster):
    recovered, moved = [], []
    for run in range(bench.runs):
        group = f"fail{run}-"
        with Load(bench, cluster, "many", PARTITIONS, group, 1, MEMBERS) as load:
            leads = coordinator(bench, cluster, group + "0")
            load.order("failover")
            leads.kill()
            answer = load.answer()
            recovered.append(answer["recovered_s"])
            moved.append(answer["moved"])
            leads.start()
            cluster.wait_in_sync()
            time.sleep(bench.settle_s)
    return [
        Row(f"coordinator of a group of {MEMBERS} members killed: all are back after", spread(recovered, "{:.2f} s".format),
            "3 s", met=max(recovered) < 3),
        Row("  partitions that moved", f"{max(moved)}", "0", met=max(moved) == 0),
    ]


def of_cluster(bench):
    cluster = bench.cluster("groups").start()
    topics(bench, cluster, "--replication", 3)
    found = joined_and_committed(bench, cluster) + fail_over(bench, cluster) + many_groups(bench, cluster, cluster.nodes)
    bench.drop(cluster)
    return found
