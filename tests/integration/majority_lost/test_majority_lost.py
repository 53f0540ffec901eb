"""Two nodes of three are lost with their disks: the third refuses, goes on when it is told to, and gets others again."""

import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dev_up import NODES, ClusterTest, wait_until  # noqa: E402

RECOVER = ("partition", "recover-without-majority")


class MajorityLost(ClusterTest):
    def data(self, node):
        return os.path.join(self.directory, "node-%d" % node, "data")

    def status(self, node):
        try:
            return self.up.get(node, "/readyz")
        except OSError:
            return None, ""

    def produce(self, line, *more):
        return self.up.forebay("produce", "t", "--format", "lines", *more, stdin=line)

    def consumed(self):
        lines = self.up.forebay("consume", "t", "--until-end", "-o", "json").stdout.splitlines()
        return {json.loads(line)["value"] for line in lines}

    def recover(self, *words):
        done = self.up.forebay(*RECOVER, *words, "--node", "1", "-o", "json")
        return done, json.loads(done.stdout) if done.stdout else {}

    def test_whole_story(self):
        up = self.up
        self.assertEqual(up.forebay("topic", "create", "t", "--partitions", "2").returncode, 0)
        self.assertEqual(self.produce(b"".join(b"%d\n" % one for one in range(100))).returncode, 0)
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))

        # Nobody recovers what is well.
        done, _ = self.recover("t", "--yes")
        self.assertEqual(done.returncode, 5, done)
        self.assertIn(b"a majority of its voters is there", done.stderr)

        for node in NODES:
            self.stop(node, signal.SIGKILL)
        kept = os.path.join(self.directory, "kept")
        os.rename(self.data(3), kept)
        shutil.rmtree(self.data(2))
        self.start(1)
        wait_until(lambda: self.status(1)[0] == 503, lambda: self.status(1))
        self.assertNotEqual(self.produce(b"no\n", "--timeout", "2s").returncode, 0)

        # At first the others may just be late; then it is a decision.
        def may_be_recovered():
            done, loss = self.recover("__cluster", "--dry-run")
            if done.returncode == 0:
                return loss
            self.assertIn(done.returncode, (5, 6), done)
            return None
        loss = wait_until(may_be_recovered, "it may be recovered")
        self.assertEqual([one["node"] for one in loss["lost"]], [2, 3])
        self.assertEqual(loss["left"], [1])
        self.assertFalse(loss["recovered"])
        done, _ = self.recover("__cluster")
        self.assertEqual(done.returncode, 2, done)  # nobody was there to be asked
        done, _ = self.recover("t", "--partition", "0", "--yes")
        self.assertEqual(done.returncode, 5, done)
        self.assertIn(b"recover it first", done.stderr)

        done, said = self.recover("__cluster", "--yes")
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(said["recovered"])
        for partition in ("0", "1"):
            done, said = self.recover("t", "--partition", partition, "--yes")
            self.assertEqual(done.returncode, 0, done)
        with open(os.path.join(self.data(1), "audit.log")) as audit:
            lines = [json.loads(line) for line in audit]
        self.assertEqual([(one["topic"], one["partition"]) for one in lines], [("__cluster", 0), ("t", 0), ("t", 1)])
        self.assertEqual(lines[0]["lost_disks"], [one["disk_id"] for one in loss["lost"]])
        wait_until(lambda: self.status(1)[0] == 200, lambda: (self.status(1), up.file(1, "log")[-2000:]))
        self.assertEqual(self.produce(b"alone\n").returncode, 0)
        self.assertEqual(self.consumed(), {str(one) for one in range(100)} | {"alone"})

        # What was decided is in the log: a restart changes nothing.
        self.stop(1, signal.SIGKILL)
        self.start(1)
        wait_until(lambda: self.status(1)[0] == 200, lambda: (self.status(1), up.file(1, "log")[-2000:]))

        # A data directory that was given up is refused; an empty one is taken.
        os.rename(kept, self.data(3))
        self.start(3)
        wait_until(lambda: "declared lost" in up.file(3, "log"), lambda: up.file(3, "log"))
        self.assertNotEqual(self.status(3)[0], 200)
        self.stop(3, signal.SIGKILL)
        shutil.rmtree(self.data(3))
        for node in (2, 3):
            self.start(node)
        # A cluster that does not know of one of them yet is healthy without it.
        def whole():
            copies = [replica for one in up.json("partition", "list", "t") for replica in one["replicas"]]
            return len(copies) == 6 and all(copy["state"] == "in sync" and copy["role"] != "learner" for copy in copies)
        wait_until(whole, lambda: up.json("partition", "list", "t"))
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))
        self.stop(1, signal.SIGKILL)
        tried = []
        def produces():
            tried.append(self.produce(b"three\n"))
            return tried[-1].returncode == 0
        wait_until(produces, lambda: "two others are a majority again: %s" % tried[-1])
        self.assertLessEqual({str(one) for one in range(100)} | {"alone", "three"}, self.consumed())


if __name__ == "__main__":
    ClusterTest.run_all()
