"""A partition of which nothing is left, neither its folder nor the journal: it is not made anew in silence."""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import main, snapshot  # noqa: E402
from test_accept_loss import Lost, shard_of, value  # noqa: E402


class Gone(Lost):
    def name_of(self, node, topic):
        try:
            with open(node.path("topics", topic, "NAME")) as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    def lose(self, node, folder):
        """All that a stopped node has of one partition of d: the journal of its shard, and its folder."""
        topic = next(name for name in os.listdir(node.path("topics")) if self.name_of(node, name) == "d")
        shard = shard_of(topic, self.elsewhere)
        for path in node.journal_files():
            if os.path.basename(path).startswith("%d-" % shard):
                os.remove(path)
        if folder:
            shutil.rmtree(node.path("topics", topic, str(self.elsewhere)))

    def test_is_served_by_nobody_until_its_loss_is_accepted(self):
        node = self.filled(records=600)
        lost, kept = self.elsewhere, self.on_cluster_shard
        node.stop_cleanly()
        self.lose(node, folder=True)
        for _ in range(2):
            node.start(wait=False)
            text = self.not_ready(node)
            self.assertIn("all of topic 'd' partition %d is lost" % lost, text)
            self.assertNotIn("partition %d is lost" % kept, text)
            part = ("--partition", str(lost))
            self.refused(node.run("produce", "d", "-", *part, stdin=b"more\n", timeout=30))
            self.refused(node.run("consume", "d", *part, "--until-end", timeout=30))
            self.refused(node.run("consume", "d", *part, "--offsets", "0", "--follow", timeout=30))
            health = node.run("health", "-o", "json")
            self.assertEqual(health.returncode, 1)
            self.assertTrue([p for p in json.loads(health.stdout)["problems"] if p["where"] == "d/%d" % lost
                             and "accept-loss" in p["fix"]], health.stdout)
            self.assertGreaterEqual(len(node.consume("d", "--partition", str(kept))), 600)
            node.produce("d", [b"goes on"], "--partition", str(kept))
            terms = [one["term"] for one in node.json("topic", "describe", "d")["partitions"]]
            self.assertGreater(terms[lost], terms[kept], "a term of its first life may come again")
            node.stop_cleanly()

        before = snapshot(node.data_dir)
        dry = self.accept(node, "--all", "--dry-run", "-o", "json")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        loss, = json.loads(dry.stdout)["losses"]
        self.assertEqual((loss["topic"], loss["partition"], loss["kind"], loss["begin"]), ("d", lost, "tail", 0))
        self.assertIn("begin again at offset 0", loss["what"])
        self.unchanged(node, before)
        done = self.accept(node, "--topic", "d", "--partition", str(lost), "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(node.path("audit.log")) as file:
            line, = [json.loads(line) for line in file]
        self.assertEqual((line["topic"], line["partition"], line["begin"]), ("d", lost, 0))

        node.start()
        self.assertEqual(node.produce("d", [value(0)], "--partition", str(lost)), {0: (lost, 0)})
        self.assertEqual(len(node.consume("d", "--partition", str(kept))), 602)
        partitions = node.json("topic", "describe", "d")["partitions"]
        self.assertGreater(partitions[lost]["term"], partitions[kept]["term"])
        node.restart()
        self.assertEqual(node.offsets("d")[lost], (0, 1))

    def test_topic_can_be_deleted(self):
        node = self.filled(records=10)  # too few for a segment: the journal was all there is
        node.stop_cleanly()
        self.lose(node, folder=False)
        node.start(wait=False)
        self.assertIn("all of topic 'd' partition %d is lost" % self.elsewhere, self.not_ready(node))
        node.ok("topic", "delete", "d", "--yes")
        node.wait_until_ready()
        node.restart()
        self.assertEqual(node.json("topic", "list"), [])


if __name__ == "__main__":
    main()
