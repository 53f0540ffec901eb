"""A node is drained, stopped, started and undrained while records are produced, and none of them fails."""

import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dev_up import ClusterTest, wait_until  # noqa: E402


class Load:
    """One producer that goes on until it is told to end; a record at a time, so that many requests are under way in turn."""

    def __init__(self, up, topic):
        self.process = subprocess.Popen(up.command("produce", topic, "--format", "lines"), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.sent = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def _feed(self):
        while not self._ends.wait(0.002):
            try:
                self.process.stdin.write(b"%d\n" % self.sent)
                self.process.stdin.flush()
            except OSError:
                return  # it has ended: end() tells why
            self.sent += 1

    def end(self):
        """(exit status, standard error)"""
        self._ends.set()
        self._thread.join(timeout=60)
        _, errors = self.process.communicate(timeout=120)
        return self.process.returncode, errors.decode()


class NodeStop(ClusterTest):
    def node(self, number):
        return [one for one in self.up.json("cluster", "describe")["nodes"] if one["id"] == number][0]

    def check(self, number, *more):
        """(exit status, what it says)"""
        done = self.up.forebay("node", "ready-to-stop", str(number), "-o", "json", *more)
        return done.returncode, json.loads(done.stdout)

    def start(self, node):
        super().start(node)
        wait_until(lambda: self.up.ready(node), "node %d is ready again" % node)

    def test_under_load(self):
        up = self.up
        self.assertEqual(up.forebay("topic", "create", "t", "--partitions", "6").returncode, 0)
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))
        wait_until(lambda: self.node(2)["leaders"] == 2, lambda: self.node(2))
        load = Load(up, "t")
        wait_until(lambda: load.sent > 100, "records flow")

        status, said = self.check(2)
        self.assertEqual(status, 1, said)
        self.assertEqual(said["leads"], 2)
        self.assertEqual({one["reason"] for one in said["obstacles"]}, {"it leads the partition"})

        drained = up.forebay("node", "drain", "2", "--wait", "60s", "-o", "json")
        self.assertEqual(drained.returncode, 0, drained.stderr)
        self.assertEqual(json.loads(drained.stdout)["leads"], 0)
        self.assertEqual(self.node(2)["state"], "alive, drained")
        self.assertEqual(self.check(2, "--wait", "60s")[0], 0)

        # It goes, and then no other one may.
        self.stop(2)
        wait_until(lambda: not self.node(2)["alive"], lambda: self.node(2))
        status, said = self.check(3)
        self.assertEqual(status, 1, said)
        self.assertTrue(all("node 2 is unreachable" in one["reason"] for one in said["obstacles"]), said)
        self.start(2)
        self.assertTrue(self.node(2)["drained"])  # it was decided, and a restart changes nothing
        self.assertEqual(up.forebay("node", "undrain", "2").returncode, 0)
        wait_until(lambda: self.node(2)["leaders"] == 2, lambda: self.node(2))

        # Without being drained: what leads hands over when it is told to end. The controller among it.
        wait_until(lambda: self.node(1)["controller"] and self.node(1)["leaders"] == 2, lambda: self.node(1))
        wait_until(lambda: up.json("cluster", "health")["healthy"], lambda: up.json("cluster", "health"))
        self.stop(1)
        self.start(1)

        status, errors = load.end()
        self.assertEqual(status, 0, errors)
        consumed = up.forebay("consume", "t", "--until-end", "-o", "json").stdout.splitlines()
        self.assertEqual({int(json.loads(line)["value"]) for line in consumed}, set(range(load.sent)))

    def test_refusals_say_what_is_wrong(self):
        for verb in ("drain", "undrain", "ready-to-stop"):
            done = self.up.forebay("node", verb, "9")
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(b"9", done.stderr)


if __name__ == "__main__":
    ClusterTest.run_all()
