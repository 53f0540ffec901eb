"""65,468 real events through a node that is killed twice.

The events of tests/data/commits.ndjson.zst go into 12 partitions, key = author, ce_id = id, event time = time. The
daemon is killed with SIGKILL in the middle of the load, while the producer keeps on, and again right after the last
acknowledgement. Then everything is read back: every acknowledged event is at the place that its acknowledgement
named, byte for byte, with its key, id and event time, and the events of each author are in order.
"""

import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from node import Node  # noqa: E402
from real_events import CONSUME, PARTITIONS, PRODUCE, Acked, check, load, verify  # noqa: E402


def produce_and_kill(node, lines, acked):
    process = node.popen(*PRODUCE, "--acked", acked.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    half = len(lines) // 2
    process.stdin.write(b"\n".join(lines[:half]) + b"\n")
    process.stdin.flush()
    acked.wait_for(half // 4, process)
    before = acked.count()
    node.kill()  # in the middle: lines are read, under way and acknowledged
    print("killed after %d acknowledged lines" % before)
    node.start(wait=False)
    process.stdin.write(b"\n".join(lines[half:]) + b"\n")
    process.stdin.close()
    summary = json.loads(process.stdout.read())
    check(process.wait(timeout=300) == 0, "the producer failed: %s" % summary)
    node.kill()  # again, right behind the last acknowledgement
    check(before < len(lines), "the first kill came too late")
    check(summary["records"] == len(lines) and summary["failed"] == 0, summary)
    print("produced: %s" % summary)


def read_back(node):
    records = []
    process = node.popen(*CONSUME, stdout=subprocess.PIPE)
    for line in process.stdout:
        records.append(json.loads(line))
    check(process.wait(timeout=60) == 0, "consume failed")
    return records


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--forebayd", required=True)
    parser.add_argument("--forebay", required=True)
    parser.add_argument("--data", required=True)
    arguments = parser.parse_args()
    lines = load(arguments.data)
    node = Node(arguments.forebayd, arguments.forebay)
    try:
        node.start()
        node.ok("topic", "create", "commits", "--partitions", str(PARTITIONS))
        acked = Acked(os.path.join(node.directory, "acked"))
        produce_and_kill(node, lines, acked)
        node.start()
        verify(lines, acked.places(), read_back(node))
        check(node.stop() == 0, "the node stops in good order")
        report = node.json("log", "verify", node.data_dir)
        check(report["ok"], report)
    except AssertionError:
        print(node.log(), file=sys.stderr)
        raise
    finally:
        node.close()


if __name__ == "__main__":
    main()
