"""Consumers of three nodes: `forebay consume --group` whose processes, and whose coordinator, are killed or stand still, and nothing
is lost; what the command line says of a group; static members, patterns and mixed subscriptions."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

from cluster import Member, check, main, start_whole, wait_until

PARTITIONS = 6
LAG_KEYS = ["topic", "partition", "committed", "end", "lag_records", "lag_bytes", "lag_seconds", "member"]
CONFLICT = 5  # exit status


class Tool:
    def __init__(self, forebay, nodes, directory):
        self.words, self.directory, self.started = [forebay, "--server", ",".join(nodes.api)], directory, []

    def run(self, *words, status=0):
        done = subprocess.run([*self.words, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        check(done.returncode == status, f"{words} ends with {done.returncode}: {done.stderr.decode()}")
        return done

    def json(self, *words, status=0):
        return json.loads(self.run(*words, "-o", "json", status=status).stdout)

    def popen(self, *words, **more):
        self.started.append(subprocess.Popen([*self.words, *words], **more))
        return self.started[-1]

    def end(self):
        for process in self.started:
            process.kill()
            process.wait()


class Consumer:
    """`forebay consume --group` that writes "PARTITION OFFSET VALUE" into a file."""

    def __init__(self, tool, name, group, topic):
        self.path = os.path.join(tool.directory, name)
        with open(self.path, "wb") as out:
            self.process = tool.popen("consume", topic, "--group", group, "-o", "%p %o %v\\n", stdin=subprocess.DEVNULL, stdout=out)

    def lines(self):
        """What is written out: a last line that a kill has cut is none."""
        with open(self.path) as text:
            return [line.split() for line in text if line.endswith("\n")]

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        check(self.process.wait(timeout=60) == 130, "an interrupted consumer says so")


class Producer:
    """Sends 0, 1, 2, ... until it is told to end; each is acknowledged then."""

    def __init__(self, tool, topic):
        self.process = tool.popen("produce", topic, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.count, self.ending = 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.wait(0.005):
            self.process.stdin.write(b"%d\n" % self.count)
            self.process.stdin.flush()
            self.count += 1
        self.process.stdin.close()

    def end(self):
        self.ending.set()
        self.thread.join()
        check(self.process.wait(timeout=60) == 0, "all is acknowledged")
        return self.count


def lost(tool, group, consumers):
    """What is committed and in nobody's output. The commits are looked at first: what they cover was written out before."""
    committed = {one["partition"]: one["committed"] or 0 for one in tool.json("group", "lag", group)["partitions"]}
    written = {(int(partition), int(offset)) for consumer in consumers for partition, offset, _ in consumer.lines()}
    return [(partition, offset) for partition, end in committed.items() for offset in range(end) if (partition, offset) not in written]


def killed_and_stopped(api, nodes, tool):
    """Three consumers: one is killed, one stands still, and so goes the node that coordinates them."""
    tool.run("topic", "create", "events", "--partitions", str(PARTITIONS))
    tool.run("group", "create", "jobs")
    producer = Producer(tool, "events")
    consumers = [Consumer(tool, f"consumer-{number}", "jobs", "events") for number in range(3)]
    killed, still, third = consumers

    def shared():
        members = tool.json("group", "members", "jobs")
        return len(members) == 3 and all(len(member["owned"]) == 2 for member in members)
    wait_until(shared, "three consumers share the topic")
    wait_until(lambda: all(consumer.lines() for consumer in consumers), "each gets records")
    killed.process.kill()
    still.process.send_signal(signal.SIGSTOP)
    coordinator = nodes.api.index(tool.json("group", "describe", "jobs")["coordinator"])
    nodes.kill(coordinator)

    # The sessions of both run out, also on the next coordinator; the third has everything then.
    def third_has_all():
        members = tool.json("group", "members", "jobs")
        return len(members) == 1 and len(members[0]["owned"]) == PARTITIONS
    wait_until(third_has_all, "the third consumer takes over")
    check(not lost(tool, "jobs", consumers), "what is committed was written out")
    still.process.send_signal(signal.SIGCONT)
    nodes.start(coordinator)
    wait_until(lambda: len(tool.json("group", "members", "jobs")) == 2, "who stood still comes back")
    count = producer.end()

    def missing():
        values = {int(value) for consumer in consumers for _, _, value in consumer.lines()}
        return set(range(count)) - values
    wait_until(lambda: not missing(), "every record is written out by somebody")
    for consumer in (still, third):
        consumer.interrupt()
    lag = tool.json("group", "lag", "jobs")
    check(lag["state"] == "empty", lag)
    check(all(one["lag_records"] == 0 and one["committed"] == one["end"] for one in lag["partitions"]), lag)
    check(sum(one["end"] for one in lag["partitions"]) == count, "each record is in the topic once")
    check(not lost(tool, "jobs", consumers), "what is committed was written out")


def told(nodes, tool):
    """What scripts read of a group, and what they may do with it: of "jobs", which nobody is in any more."""
    lag = tool.json("group", "lag", "jobs")
    check(list(lag) == ["group", "state", "partitions", "catch_up_seconds"] and lag["catch_up_seconds"] == 0, lag)
    check(all(list(one) == LAG_KEYS for one in lag["partitions"]) and len(lag["partitions"]) == PARTITIONS, lag)
    check(all(one["member"] is None and one["lag_seconds"] == 0 for one in lag["partitions"]), lag)
    tool.run("group", "create", "late", "--offsets", "end")
    tool.run("consume", "events", "--group", "late", "--offsets", "start", "--count", "1", status=CONFLICT)
    ends = {one["partition"]: one["end"] for one in lag["partitions"]}
    for where, after in ((("--to", "start"), {p: 0 for p in ends}), (("--by", "-1"), {p: end - 1 for p, end in ends.items()}),
                         (("--to-time", "@1000"), {p: 0 for p in ends})):
        moved = tool.json("group", "reset", "jobs", *where, "--dry-run")
        check({one["partition"]: one["after"] for one in moved} == after, f"{where}: {moved}")
        check(all(one["status"] == "would reset" and one["before"] == ends[one["partition"]] for one in moved), moved)
    check(tool.json("group", "lag", "jobs")["partitions"] == lag["partitions"], "a dry run changes nothing")
    tool.run("group", "reset", "jobs", "--by", "-1", "--yes")
    behind = tool.json("group", "lag", "jobs")["partitions"]
    check(tool.json("group", "lag", "jobs")["catch_up_seconds"] is None, "nobody reads")
    check(all(one["lag_records"] == 1 and one["lag_bytes"] > 0 and one["lag_seconds"] > 0 for one in behind), behind)
    of_jobs = lambda what: nodes.metric(f'forebay_group_{what}{{group="jobs"}}')  # noqa: E731
    wait_until(lambda: of_jobs("lag_records") == [PARTITIONS], "its coordinator's metrics have its lag, and no other node's")
    check(of_jobs("lag_bytes") == [sum(one["lag_bytes"] for one in behind)], (of_jobs("lag_bytes"), behind))
    check(of_jobs("lag_seconds")[0] >= max(one["lag_seconds"] for one in behind), (of_jobs("lag_seconds"), behind))
    check(of_jobs("stalled") == [0], "it has not stood still for long")
    for what in ("lag_records", "lag_bytes", "lag_seconds", "stalled"):
        check(nodes.metric(f"forebay_group_other_{what}") == [0] * len(nodes.api), f"{what}: there are no other groups")
    again = tool.run("consume", "events", "--group", "jobs", "--until-end", "-o", "%p %o\\n").stdout.decode().split("\n")[:-1]
    check(sorted(again) == sorted(f"{p} {end - 1}" for p, end in ends.items()), again)
    tool.run("group", "delete", "jobs", "late", "--yes")


def subscriptions(api, nodes):
    """One member by a pattern, one by names; what both want is shared."""
    create = lambda name, count: api.ask(nodes.api, "CreateTopic",  # noqa: E731
                                         api.admin.CreateTopicRequest(name=name, partitions=count), api.admin_stub)
    for name, count in (("red", 2), ("blue", 2), ("green", 2)):
        create(name, count)
    pattern = Member(api, nodes.api, "mixed", pattern="r.*|b.*")
    names = Member(api, nodes.api, "mixed", topics=["blue", "green"])

    def settled(reds):
        all_owned = sorted(pattern.topics() + names.topics())
        return all_owned == sorted(["blue"] * 2 + ["green"] * 2 + reds) and not set(pattern.owned) & set(names.owned)
    wait_until(lambda: settled(["red"] * 2), "each partition has one owner that wants it")
    check("green" not in pattern.topics() and "red" not in names.topics(), "nobody has what he does not want")
    create("rose", 2)
    wait_until(lambda: settled(["red"] * 2 + ["rose"] * 2), "a pattern follows topics that are made")
    for member in (pattern, names):
        member.leave()

    one = Member(api, nodes.api, "static", topics=["green"], instance_id="worker-1", session_timeout_ms=2_000)
    wait_until(lambda: len(one.owned) == 2, "a static member has all")
    check(one.commit("green", 0, 0) is None, "and commits")
    one.stop()
    two = Member(api, nodes.api, "static", topics=["green"], instance_id="worker-1", session_timeout_ms=2_000)
    wait_until(lambda: len(two.owned) == 2, "the next instance has its place at once")
    check(one.why() == "MEMBER_FENCED", one.ended)
    check(two.id != one.id, "by another id")
    two.leave()
    members = api.ask(nodes.api, "DescribeGroup", api.groups.DescribeGroupRequest(group="static")).members
    check(len(members) <= 1, "its place is kept for a session at most")
    late = Member(api, nodes.api, "static", topics=["green"], start=api.groups.StartRule(point=api.groups.START_LATEST))
    check(late.why() == "START_RULE_CONFLICT", late.ended)
    late.stop()


def story(api, nodes, arguments):
    start_whole(api, nodes, arguments.nodes)
    tool = Tool(arguments.forebay, nodes, arguments.directory)
    try:
        for part in (lambda: killed_and_stopped(api, nodes, tool), lambda: told(nodes, tool), lambda: subscriptions(api, nodes)):
            begun = time.monotonic()
            part()
            print("%.1f s" % (time.monotonic() - begun))
    finally:
        tool.end()
    for index in range(arguments.nodes):
        nodes.stop(index)


if __name__ == "__main__":
    sys.exit(main(story, "forebay"))
