"""65,468 real events into three nodes of which one is killed, as README.md has it under "Three nodes".

./dev up starts three nodes. The events of tests/data/commits.ndjson.zst go into 12 partitions with three replicas each,
key = author, ce_id = id, event time = time. In the middle of the load a node is killed with SIGKILL; `cluster health` says
so, and the producer goes on. Everything is read back from the two that are left: every acknowledged event is at the place
that its acknowledgement named, byte for byte, with its key, id and event time, and the events of each author are in
order. Then the node is started again by its command line and heals; and when another one is killed, everything is read
back once more, from what it has now.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dev_up import NODES, Up, free_base_port, wait_until  # noqa: E402
from real_events import CONSUME, PARTITIONS, PRODUCE, Acked, check, load, verify  # noqa: E402

VICTIM = 2


def problems_of(up, where):
    return [one for one in up.json("cluster", "health")["problems"] if one["where"].startswith(where)]


def produce_and_kill(up, lines, acked):
    process = subprocess.Popen(up.command(*PRODUCE, "--acked", acked.path), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    half = len(lines) // 2
    process.stdin.write(b"\n".join(lines[:half]) + b"\n")
    process.stdin.flush()
    acked.wait_for(half // 4, process)
    before = acked.count()
    os.kill(up.pid(VICTIM), signal.SIGKILL)  # in the middle: lines are read, under way and acknowledged
    print("killed node %d after %d acknowledged lines" % (VICTIM, before))
    check(before < len(lines), "the kill came too late")
    up.wait_said("node %d has ended (killed by signal 9)" % VICTIM)
    down = wait_until(lambda: problems_of(up, "node %d" % VICTIM), "cluster health tells of the node")[0]
    check("down" in down["what"] and down["since"] and down["fix"], down)
    process.stdin.write(b"\n".join(lines[half:]) + b"\n")
    process.stdin.close()
    summary = json.loads(process.stdout.read())
    check(process.wait(timeout=300) == 0, "the producer failed: %s" % summary)
    check(summary["records"] == len(lines) and summary["failed"] == 0, summary)
    print("produced: %s" % summary)
    lacking = wait_until(lambda: problems_of(up, "commits/"), "cluster health tells of the partitions")
    check(any("under-replicated" in one["what"] and one["since"] for one in lacking), lacking)


def read_back(up):
    done = up.forebay(*CONSUME)
    check(done.returncode == 0, "consume failed: %s" % done.stderr.decode(errors="replace"))
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_healed(up):
    done = up.forebay("cluster", "health", "--wait", "120s", "-o", "json")
    check(done.returncode == 0, done.stdout)
    partitions = up.json("partition", "list", "commits")
    check(len(partitions) == PARTITIONS, partitions)
    for partition in partitions:
        check([replica["node"] for replica in partition["replicas"]] == list(NODES), partition)
        check(all(replica["state"] == "in sync" and replica["lag_records"] == 0 for replica in partition["replicas"]),
              partition)


def life(up, lines, others):
    check(up.forebay("topic", "create", "commits", "--partitions", str(PARTITIONS), "--replication", "3").returncode == 0,
          "topic create")
    acked = Acked(os.path.join(up.directory, "acked"))
    produce_and_kill(up, lines, acked)
    verify(lines, acked.places(), read_back(up))

    with open(os.devnull, "r+b") as nothing:
        others.append(subprocess.Popen(["sh", os.path.join(up.directory, "node-%d" % VICTIM, "cmd")], stdin=nothing,
                                       stdout=nothing, stderr=nothing, start_new_session=True))
    wait_until(lambda: up.ready(VICTIM), "the node is ready again")
    wait_healed(up)

    os.kill(up.pid(1), signal.SIGKILL)
    up.wait_said("node 1 has ended (killed by signal 9)")
    verify(lines, acked.places(), read_back(up))
    check(up.interrupt() == 0, up.said())
    for node in NODES:
        verified = up.forebay("log", "verify", os.path.join(up.directory, "node-%d" % node, "data"), "-o", "json")
        check(json.loads(verified.stdout)["ok"], verified.stdout)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--dev", "--forebayd", "--forebay", "--data"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    lines = load(arguments.data)
    directory = tempfile.mkdtemp(prefix="forebay-cluster-")
    up, others = Up(arguments, directory, free_base_port()), []
    try:
        up.wait_said("Forebay is ready")
        life(up, lines, others)
    except AssertionError:
        print(up.said(), file=sys.stderr)
        for node in NODES:
            print("--- node %d\n%s" % (node, up.file(node, "log")[-4000:]), file=sys.stderr)
        raise
    finally:
        if up.process.poll() is None:
            up.interrupt()
        for process in others:
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
