"""Replicas move among four nodes while real events are produced, and no event is lost.

./dev up starts four nodes. While the events of tests/data/commits.ndjson.zst go into 12 partitions with three replicas
each, every partition leaves one of its nodes for the one that it was not on, also where that node leads it; a copy is made
anew; leadership is handed over. Everything is read back, byte for byte, in the order of each author. Then the topic gets
two replicas instead of three, and three again, and is read once more. Nodes keep nothing of what left them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dev_up import Up, free_base_port, wait_until  # noqa: E402
from real_events import CONSUME, PARTITIONS, PRODUCE, Acked, check, load, verify  # noqa: E402

FOUR = (1, 2, 3, 4)


def succeed(up, *words):
    done = up.forebay(*words)
    check(done.returncode == 0, "%s: %s%s" % (words, done.stdout, done.stderr))
    return done


def refuse(up, status, text, *words):
    done = up.forebay(*words)
    check(done.returncode == status and text in done.stderr.decode(), "%s: %d %s" % (words, done.returncode, done.stderr))


def targets(up):
    return {one["partition"]: one["target"] for one in up.json("partition", "status", "commits", "--all")}


def wait_settled(up):
    def settled():
        return not up.json("partition", "status", "commits")
    wait_until(settled, lambda: "moves end: %s" % up.json("partition", "status", "commits"), 300)


def members(up):
    return {one["partition"]: sorted(replica["node"] for replica in one["replicas"])
            for one in up.json("partition", "list", "commits")}


def folders(up, node):
    """Partitions of the topic that have data on the node. There is one topic beside __cluster."""
    root = os.path.join(up.directory, "node-%d" % node, "data", "topics")
    found = set()
    for topic in os.listdir(root):
        name = os.path.join(root, topic, "NAME")
        if os.path.exists(name) and open(name).read().strip() == "commits":
            found |= {int(entry) for entry in os.listdir(os.path.join(root, topic)) if entry.isdigit()}
    return found


def move_all(up):
    """Each partition from its second node, and from its first one where the number is odd, to the one it is not on."""
    wanted = {}
    for partition, now in targets(up).items():
        new = next(node for node in FOUR if node not in now)
        wanted[partition] = [new] + now[1:] if partition % 2 else [now[0], new, now[2]]
        succeed(up, "partition", "move", "commits", str(partition), "--to", ",".join(map(str, wanted[partition])))
    return wanted


def move_under_load(up, lines, acked):
    process = subprocess.Popen(up.command(*PRODUCE, "--acked", acked.path), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    third = len(lines) // 3
    process.stdin.write(b"\n".join(lines[:third]) + b"\n")
    process.stdin.flush()
    acked.wait_for(third // 4, process)
    wanted = move_all(up)
    process.stdin.write(b"\n".join(lines[third:2 * third]) + b"\n")
    process.stdin.flush()
    wait_settled(up)
    check(targets(up) == wanted, targets(up))
    check(members(up) == {partition: sorted(nodes) for partition, nodes in wanted.items()}, members(up))
    process.stdin.write(b"\n".join(lines[2 * third:]) + b"\n")
    process.stdin.close()
    summary = json.loads(process.stdout.read())
    check(process.wait(timeout=300) == 0, "the producer failed: %s" % summary)
    check(summary["records"] == len(lines) and summary["failed"] == 0, summary)
    print("produced: %s" % summary)


def read_back(up):
    return [json.loads(line) for line in succeed(up, *CONSUME).stdout.splitlines()]


def one_copy_anew(up):
    now = targets(up)[0]
    succeed(up, "partition", "rebuild", "commits", "0", "--node", str(now[1]), "--yes")
    wait_settled(up)
    check(targets(up)[0] == now and members(up)[0] == sorted(now), members(up))
    succeed(up, "partition", "transfer-leader", "commits", "0", "--to", str(now[2]))
    check(up.json("partition", "list", "commits")[0]["leader"] == now[2], up.json("partition", "list", "commits"))


def refusals(up):
    now = targets(up)[3]
    refuse(up, 2, "named twice", "partition", "move", "commits", "3", "--to", "1,1,2")
    refuse(up, 2, "no broker 9", "partition", "move", "commits", "3", "--to", "1,2,9")
    refuse(up, 5, "nothing to cancel", "partition", "cancel", "commits", "3")
    check(targets(up)[3] == now, "a refused move has moved something")


def life(up, lines):
    succeed(up, "topic", "create", "commits", "--partitions", str(PARTITIONS), "--replication", "3")
    acked = Acked(os.path.join(up.directory, "acked"))
    move_under_load(up, lines, acked)
    verify(lines, acked.places(), read_back(up))
    one_copy_anew(up)
    refusals(up)
    for replicas in (2, 3):
        succeed(up, "topic", "alter", "commits", "--replication", str(replicas))
        wait_settled(up)
        check(all(len(nodes) == replicas for nodes in members(up).values()), members(up))
    verify(lines, acked.places(), read_back(up))
    hosted = members(up)
    for node in FOUR:
        here = {partition for partition, nodes in hosted.items() if node in nodes}
        # What is new and small may be in the journal alone.
        check(folders(up, node) <= here, "node %d has %s, is to have %s" % (node, folders(up, node), here))
    check(up.interrupt() == 0, up.said())
    for node in FOUR:
        verified = up.forebay("log", "verify", os.path.join(up.directory, "node-%d" % node, "data"), "-o", "json")
        check(json.loads(verified.stdout)["ok"], verified.stdout)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--dev", "--forebayd", "--forebay", "--data"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    lines = load(arguments.data)
    directory = tempfile.mkdtemp(prefix="forebay-moves-")
    up = Up(arguments, directory, free_base_port(FOUR), nodes=FOUR)
    try:
        up.wait_said("Forebay is ready")
        life(up, lines)
    except AssertionError:
        print(up.said(), file=sys.stderr)
        for node in FOUR:
            print("--- node %d\n%s" % (node, up.file(node, "log")[-4000:]), file=sys.stderr)
        raise
    finally:
        if up.process.poll() is None:
            up.interrupt()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
