"""A node whose disk lost the end of a log: it serves the rest, refuses what would hide the loss, and goes on when an
operator has accepted it."""

import json
import os
import re
import shutil
import struct
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import SMALL_RING, BrokerTest, flip_bit, main, snapshot, wait_until  # noqa: E402

SHARDS = 2
CLUSTER_ID = "00000000-0000-0000-0000-000000000001"


def shard_of(topic_id, partition):
    """As the broker spreads partitions over its shards."""
    mixed = 0
    for byte in uuid.UUID(topic_id).bytes:
        mixed = (mixed ^ byte) * 0x100000001b3 % 2**64
    return ((mixed >> 32) + partition) % SHARDS


def value(number):
    return b"%d:%s" % (number, b"v" * 4000)


class Lost(BrokerTest):
    def filled(self, records=6000):
        """A running node with the topic d: more than one journal file of records in each of two shards."""
        node = self.broker(*SMALL_RING, "runtime.shards=%d" % SHARDS).start()
        node.ok("topic", "create", "d", "--partitions", str(SHARDS))
        topic_id = node.topic_id("d")
        self.on_cluster_shard, self.elsewhere = sorted(
            range(SHARDS), key=lambda p: shard_of(topic_id, p) != shard_of(CLUSTER_ID, 0))
        for partition in range(SHARDS):
            node.produce("d", [value(n) for n in range(records)], "--partition", str(partition))
        self.records = records
        return node

    def journal_of(self, node, shard):
        """Files of the shard's journal that begin with a round, the newest last."""
        found = []
        for path in node.journal_files():
            with open(path, "rb") as file:
                head = file.read(40)
            if os.path.basename(path).startswith("%d-" % shard) and head[:8] == b"FBROUND1":
                found.append((struct.unpack("<Q", head[32:40])[0], path))
        return [path for _, path in sorted(found)]

    def lose_newest(self, node, shard):
        files = self.journal_of(node, shard)
        self.assertGreater(len(files), 1)
        os.remove(files[-1])

    def not_ready(self, node):
        """What /readyz says once everything is open that can be."""
        def settled():
            text = node.wait_ready_status(503)
            return text if "NOT_YET" not in text and "being" not in text else None
        return wait_until(settled, "an answer of /readyz that stays")

    def accept(self, node, *words):
        return node.run("log", "accept-loss", "--data-dir", node.data_dir, *words)

    def unchanged(self, node, before):
        after = snapshot(node.data_dir)
        for one in (before, after):
            one.pop("LOCK", None)
        self.assertEqual(after.keys(), before.keys())
        self.assertEqual([path for path in after if after[path] != before[path]], [])

    def known(self, node, partition):
        """Offset of the first record that is not there; all before are, byte for byte."""
        done = node.run("consume", "d", "--partition", str(partition), "-o", "%o %v\n", "--until-end")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("DATA_LOSS", done.stderr)
        lines = done.stdout.splitlines()
        for offset, line in enumerate(lines):
            self.assertEqual(line.encode(), b"%d %s" % (offset, value(offset)))
        self.assertLess(0, len(lines))
        self.assertLess(len(lines), self.records)
        return len(lines)

    def refused(self, done, *texts):
        self.assertEqual(done.returncode, 1, done.stderr)
        for text in ("DATA_LOSS",) + texts:
            self.assertIn(text, done.stderr)


class Tail(Lost):
    def test_serves_the_rest_until_the_loss_is_accepted(self):
        node = self.filled()
        lost = self.elsewhere
        node.kill()
        self.lose_newest(node, shard_of(self.topic_id(node), lost))
        verified = node.run("log", "verify", node.data_dir)  # also before a start has seen it
        self.assertEqual(verified.returncode, 1)
        self.assertIn("the log is damaged from", verified.stdout)
        node.start(wait=False)
        text = self.not_ready(node)
        self.assertIn('"d"', text)
        self.assertIn("accept-loss", text)
        self.assertNotIn("__cluster", text)

        end = self.known(node, lost)
        command = "--topic d --partition %d" % lost
        self.refused(node.run("produce", "d", "-", "--partition", str(lost), stdin=b"more\n", timeout=30), command)
        self.refused(node.run("consume", "d", "--partition", str(lost), "--offsets", str(end), "--follow", timeout=30))
        self.refused(node.run("consume", "d", "--partition", str(lost), "--offsets", "end", "--follow", timeout=30))
        self.assertIn("is lost", node.ok("offsets", "d").stderr)
        node.ok("consume", "d", "--partition", str(lost), "--offsets", "0-10")  # not beyond what is there
        node.produce("d", [b"goes on"], "--partition", str(self.on_cluster_shard))
        node.ok("topic", "create", "e")

        health = node.run("health", "-o", "json")
        self.assertEqual(health.returncode, 1)
        problems = [p for p in json.loads(health.stdout)["problems"] if p["where"] == "d/%d" % lost]
        self.assertEqual(len(problems), 1, health.stdout)
        self.assertIn("from offset %d on" % end, problems[0]["what"])
        self.assertIn("accept-loss --data-dir %s %s" % (node.data_dir, command), problems[0]["fix"])
        described = node.json("topic", "describe", "d")
        mark = {"partition": lost, "kind": "tail", "begin": end, "end": None, "accepted": False}
        self.assertEqual(described["damage"], [mark])
        self.assertIn("tail", node.ok("topic", "describe", "d").stdout)
        term = described["partitions"][lost]["term"]
        self.assertGreaterEqual(node.metric("forebay_lost_tail_partitions"), 1)

        refused = self.accept(node, "--all", "--yes")
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn("in use by a daemon", refused.stderr)
        node.stop_cleanly()
        self.assertEqual(node.run("log", "verify", node.data_dir).returncode, 1)

        before = snapshot(node.data_dir)
        dry = self.accept(node, "--all", "--dry-run", "-o", "json")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertEqual([(one["topic"], one["partition"], one["kind"], one["begin"], one["end"])
                          for one in json.loads(dry.stdout)["losses"]], [("d", lost, "tail", end, None)])
        for words, status in ((("--all",), 2), ((), 2), (("--topic", "nope", "--yes"), 3),
                              (("--topic", "d", "--partition", str(self.on_cluster_shard), "--yes"), 3)):
            done = self.accept(node, *words)
            self.assertEqual(done.returncode, status, done.stderr)
        self.unchanged(node, before)

        done = self.accept(node, "--topic", "d", "--partition", str(lost), "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(node.path("audit.log")) as file:
            line, = [json.loads(line) for line in file]
        self.assertEqual((line["verb"], line["topic"], line["partition"], line["kind"], line["begin"]),
                         ("log accept-loss", "d", lost, "tail", end))
        self.assertTrue(line["user"] and line["time"])
        again = self.accept(node, "--all", "--yes")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("nothing is lost", again.stderr)
        verified = node.run("log", "verify", node.data_dir)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

        node.start()
        self.assertEqual(node.produce("d", [value(end)], "--partition", str(lost)), {0: (lost, end)})
        read = [r["value"].encode() for r in node.records("d", "--partition", str(lost), "--until-end")]
        self.assertEqual(read, [value(n) for n in range(end + 1)])
        described = node.json("topic", "describe", "d")
        self.assertGreater(described["partitions"][lost]["term"], term)
        self.assertEqual(described["damage"], [dict(mark, accepted=True)])
        self.assertEqual(node.metric("forebay_damaged_partitions"), 0)
        node.restart()
        self.assertEqual(node.offsets("d")[lost], (0, end + 1))

    def topic_id(self, node):
        """Of d, with the node stopped."""
        for name in os.listdir(node.path("topics")):
            with open(node.path("topics", name, "NAME")) as file:
                if file.read().strip() == "d":
                    return name
        raise AssertionError("no topic d")


class Range(Lost):
    def test_is_passed_over_once_it_is_accepted(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "d", "--config", "segment.bytes=256KiB")
        records = 600
        node.produce("d", [value(n) for n in range(records)])
        topic_id = node.topic_id("d")
        node.stop_cleanly()  # what the journals have is in segments then
        segments = node.segments(topic_id, 0)
        os.remove(segments[1])
        flip_bit(segments[3], os.path.getsize(segments[3]) // 2, 3)
        node.start()  # ready: the rest can be read and written
        wait_until(lambda: node.json("topic", "describe", "d")["damage"], "the missing file is noticed")
        at = 0
        lost = set()
        while at < records:
            done = node.run("consume", "d", "--offsets", str(at), "--until-end", "-o", "%o\n")
            if done.returncode == 0:
                break
            self.refused(done)
            begin, at = map(int, re.search(r"at offset (\d+); next good offset (\d+)", done.stderr).groups())
            lost |= set(range(begin, at))
        self.assertTrue(lost)
        health = node.run("health")
        self.assertEqual(health.returncode, 1)
        self.assertIn("damaged range: offsets %d to" % min(lost), health.stdout)
        self.assertIn("accept-loss --data-dir %s --topic d --partition 0" % node.data_dir, health.stdout)
        node.produce("d", [value(records)])
        node.stop_cleanly()
        self.assertEqual(node.run("log", "verify", node.data_dir).returncode, 1)
        done = self.accept(node, "--topic", "d", "--yes", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)["losses"]
        self.assertEqual(set().union(*(range(one["begin"], one["end"]) for one in told)), lost)
        verified = node.run("log", "verify", node.data_dir)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        self.assertIn("accepted", verified.stdout)
        self.assertIn('"accepted":true', node.ok("log", "dump", node.data_dir, "-o", "json").stdout.replace(" ", ""))
        for _ in range(2):
            node.start()
            self.assertEqual([(offset, text) for _, offset, text in node.consume("d")],
                             [(n, value(n)) for n in range(records + 1) if n not in lost])
            self.assertEqual(node.metric("forebay_damaged_partitions"), 0)
            node.ok("health")
            node.stop_cleanly()


class Metadata(Lost):
    def read_only(self, node):
        text = self.not_ready(node)
        self.assertIn("__cluster", text)
        for words in (("create", "e"), ("alter", "d", "--config", "retention.ms=60000"), ("delete", "d", "--yes"),
                      ("add-partitions", "d", "--total", "5")):
            self.refused(node.run("topic", *words, timeout=30), "--topic __cluster --partition 0")
        health = node.run("health", "-o", "json")
        self.assertEqual(health.returncode, 1)
        self.assertIn("metadata is lost", health.stdout)

    def accepted(self, node):
        node.stop_cleanly()
        done = self.accept(node, "--all", "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("__cluster", done.stderr)
        node.start()
        node.ok("topic", "create", "e")
        node.restart()
        self.assertEqual([topic["name"] for topic in node.json("topic", "list")], ["d", "e"])
        for partition in range(SHARDS):
            node.produce("d", [b"goes on"], "--partition", str(partition))

    def test_lost_end_of_the_metadata_log(self):
        node = self.filled()
        node.kill()
        self.lose_newest(node, shard_of(CLUSTER_ID, 0))
        node.start(wait=False)
        self.read_only(node)
        self.known(node, self.on_cluster_shard)
        node.produce("d", [b"goes on"], "--partition", str(self.elsewhere))
        os.remove(node.path("topics", CLUSTER_ID, "NAME"))  # it is known by its id
        self.accepted(node)

    def test_metadata_log_that_is_gone_and_a_store_that_is_there(self):
        node = self.filled(records=600)
        node.stop_cleanly()
        for path in self.journal_of(node, shard_of(CLUSTER_ID, 0)):
            os.remove(path)
        shutil.rmtree(node.path("topics", CLUSTER_ID), ignore_errors=True)
        node.start(wait=False)
        self.read_only(node)
        self.assertEqual(len(node.consume("d", "--partition", str(self.elsewhere))), 600)
        node.produce("d", [b"goes on"], "--partition", str(self.elsewhere))
        self.accepted(node)

    def test_metadata_that_is_gone_altogether(self):
        node = self.filled(records=600)
        node.stop_cleanly()
        for path in self.journal_of(node, shard_of(CLUSTER_ID, 0)):
            os.remove(path)
        for folder in (node.path("topics", CLUSTER_ID), node.path("kv")):
            shutil.rmtree(folder, ignore_errors=True)
        segments = node.files("topics", ".log")
        self.assertTrue(segments)
        for _ in range(2):  # it is not taken for a first start, with no topics there
            node.start(wait=False)
            self.assertIn("__cluster", self.not_ready(node))
            self.refused(node.run("topic", "create", "e", timeout=30), "--topic __cluster --partition 0")
            self.assertEqual(node.json("topic", "list"), [])
            node.stop_cleanly()
        self.assertEqual(node.files("topics", ".log"), segments)
        done = self.accept(node, "--topic", "__cluster", "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        node.start()
        node.ok("topic", "create", "e")


if __name__ == "__main__":
    main()
