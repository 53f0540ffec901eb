"""./dev up --nodes 3: it starts, a node is killed and comes back by its command line, Ctrl-C ends all of it."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dev_up import NODES, Up, free_base_port, runs, wait_until  # noqa: E402

ARGUMENTS = None


class DevUp(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="forebay-up-")
        self.base_port = free_base_port()
        self.others = []
        self.ups = []
        self.addCleanup(self.end)

    def end(self):
        for up in self.ups:
            if up.process.poll() is None:
                up.interrupt()
        for process in self.others:
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def up(self, *more):
        up = Up(ARGUMENTS, self.directory, self.base_port, *more)
        self.ups.append(up)
        up.wait_said("Forebay is ready")
        return up

    def test_whole_life(self):
        up = self.up()
        for node in NODES:
            self.assertTrue(up.ready(node))
            self.assertTrue(runs(up.pid(node)))
            cmd = up.file(node, "cmd")
            self.assertEqual(cmd.count("\n"), 1, cmd)
            self.assertTrue(cmd.startswith("/"), cmd)
            self.assertIn(" --api 127.0.0.1:%d " % (self.base_port + 10 * (node - 1)), cmd)
            self.assertTrue(os.path.isdir(os.path.join(self.directory, "node-%d" % node, "data")))
            self.assertIn("serving", up.file(node, "log"))
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))
        self.assertEqual(up.forebay("topic", "create", "t", "--partitions", "3").returncode, 0)
        self.assertEqual(up.forebay("produce", "t", "--format", "lines", stdin=b"a\nb\nc\n").returncode, 0)

        # Each node leads twelve partitions of it and tells the rates of ten: the series stay bounded.
        self.assertEqual(up.forebay("topic", "create", "many", "--partitions", "36").returncode, 0)
        lines = b"".join(b"%d:x\n" % number for number in range(3_000))

        def busiest():
            self.assertEqual(up.forebay("produce", "many", "--key-separator", ":", stdin=lines).returncode, 0)
            counts = [len(up.series(node, "forebay_busiest_partition_in_bytes_per_second")) for node in NODES]
            self.assertLessEqual(max(counts), 10)
            return counts == [10, 10, 10]
        wait_until(busiest, "ten busy partitions of each node")
        self.assertEqual(up.forebay("topic", "delete", "many", "--yes").returncode, 0)

        # A node that dies is reported and the others go on.
        victim = up.pid(2)
        os.kill(victim, signal.SIGKILL)
        up.wait_said("node 2 has ended (killed by signal 9)")
        self.assertIsNone(up.process.poll())
        self.assertTrue(runs(up.pid(1)) and runs(up.pid(3)))

        def told():
            health = up.json("cluster", "health")
            return [one for one in health["problems"] if one["where"] == "node 2" and one["since"]]
        self.assertIn("down", wait_until(told, lambda: up.json("cluster", "health"))[0]["what"])
        wait_until(lambda: up.forebay("produce", "t", "--format", "lines", stdin=b"d\n").returncode == 0, "produce")
        # What two nodes lead now, __cluster among it, lacks a replica.
        wait_until(lambda: sum(sum(up.series(node, "forebay_under_replicated_partitions")) for node in (1, 3)) == 4,
                   "the metrics tell of it")
        self.assertEqual(sum(sum(up.series(node, "forebay_leaders")) for node in (1, 3)), 4)

        # Its command line starts it again, in each of the ways that one may run it.
        for start in (["sh", os.path.join(self.directory, "node-2", "cmd")], up.file(2, "cmd").split(), up.file(2, "cmd")):
            with open(os.devnull, "r+b") as nothing:
                self.others.append(subprocess.Popen(start, shell=isinstance(start, str), stdin=nothing, stdout=nothing,
                                                    stderr=nothing, cwd="/", start_new_session=True))
            wait_until(lambda: up.ready(2), "node 2 is ready again")
            self.assertNotEqual(up.pid(2), victim)
            if not isinstance(start, str):
                victim = up.pid(2)
                os.kill(victim, signal.SIGKILL)
                self.others[-1].wait()
        up.wait_said("node 2 runs again, as process %d" % up.pid(2))
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))

        # Ctrl-C ends all nodes, also the one that somebody else has started.
        pids = [up.pid(node) for node in NODES]
        self.assertEqual(up.interrupt(), 0, up.said())
        self.assertIn("all nodes have ended", up.said())
        self.assertFalse([pid for pid in pids if runs(pid)])
        for node in NODES:
            self.assertFalse(os.path.exists(os.path.join(self.directory, "node-%d" % node, "pid")))

        # What there was is there again.
        up = self.up()
        consumed = up.forebay("consume", "t", "--until-end", "-o", "json").stdout.splitlines()
        self.assertEqual({json.loads(line)["value"] for line in consumed}, {"a", "b", "c", "d"})
        self.assertEqual(up.interrupt(), 0, up.said())

    def start_again(self, node):
        with open(os.devnull, "r+b") as nothing:
            self.others.append(subprocess.Popen(["sh", os.path.join(self.directory, "node-%d" % node, "cmd")], stdin=nothing,
                                                stdout=nothing, stderr=nothing, cwd="/", start_new_session=True))

    def test_node_that_was_away_longer_than_the_log_is_kept(self):
        up = self.up()
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))
        self.assertEqual(up.forebay("topic", "create", "t", "--partitions", "1").returncode, 0)
        self.assertEqual(up.forebay("produce", "t", "--format", "lines", stdin=b"before\n").returncode, 0)
        replicas = lambda: up.json("partition", "list", "t")[0]["replicas"]
        in_sync = lambda: [one["state"] for one in replicas()] == ["in sync"] * 3
        wait_until(in_sync, replicas)

        os.kill(up.pid(3), signal.SIGKILL)
        up.wait_said("node 3 has ended")
        lines = b"".join(b"while it is away %d\n" % number for number in range(1_000))
        wait_until(lambda: up.forebay("produce", "t", "--format", "lines", stdin=lines).returncode == 0, "produce")
        trimmed = up.json("topic", "trim", "t", "--before", "end", "--yes")
        self.assertGreaterEqual(trimmed["partitions"][0]["log_start"], 1_001)
        self.assertEqual(up.forebay("produce", "t", "--format", "lines", stdin=b"after\n").returncode, 0)
        self.start_again(3)
        wait_until(lambda: up.ready(3), "node 3 is ready again")
        wait_until(in_sync, replicas)
        wait_until(lambda: sum(up.series(3, "forebay_log_installs_total")) == 1, "the metrics tell of it")

        # What it has is as good as what the others have: one of them goes, and it makes the majority.
        os.kill(up.pid(2), signal.SIGKILL)
        up.wait_said("node 2 has ended")
        wait_until(lambda: up.forebay("produce", "t", "--format", "lines", stdin=b"last\n").returncode == 0, "produce")
        consumed = up.forebay("consume", "t", "--until-end", "-o", "json").stdout.splitlines()
        values = [json.loads(line)["value"] for line in consumed]
        self.assertEqual((values[0], values[-1]), ("after", "last"))
        self.assertEqual(up.interrupt(), 0, up.said())

    def test_refusals_say_what_is_wrong(self):
        for words, text in ((("--nodes", "x"), "--nodes: found 'x'"),
                            (("--nodes", "3", "--base-port", "65530"), "--base-port: found '65530'"),
                            (("--nodes", "3", "--dir", self.directory + "/a b"), "without spaces"),
                            (("--nodes",), "--nodes needs a value")):
            done = subprocess.run([ARGUMENTS.dev, "up", *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    for name in ("--dev", "--forebayd", "--forebay"):
        parser.add_argument(name, required=True)
    ARGUMENTS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
