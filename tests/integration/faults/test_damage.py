"""Damage on the disk of a stopped node: right bytes, DATA_LOSS or a clear refusal, never wrong bytes or a crash."""

import os
import random
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import SMALL_RING, BrokerTest, flip_bit, main, snapshot  # noqa: E402

RECORDS = 600


def value(number):
    return b"%d:%s" % (number, b"v" * 2000)


class Damage(BrokerTest):
    def filled(self):
        """A stopped node with several segments; and a copy of its data directory."""
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "d", "--config", "segment.bytes=256KiB")
        node.produce("d", [value(n) for n in range(RECORDS)])
        self.topic = node.topic_id("d")
        node.stop_cleanly()
        self.copy = os.path.join(node.directory, "copy")
        shutil.copytree(node.data_dir, self.copy)
        return node

    def again(self, node):
        if node.process is not None:
            node.stop_cleanly()
        shutil.rmtree(node.data_dir)
        shutil.copytree(self.copy, node.data_dir)

    def read_all(self, node):
        """{offset: value} of everything that can be read, stepping over what is answered with DATA_LOSS."""
        found, at = {}, 0
        for _ in range(RECORDS):
            done = node.run("consume", "d", "--offsets", str(at), "--until-end", "-o", "%o %v\n")
            for line in done.stdout.splitlines():
                offset, text = line.split(" ", 1)
                found[int(offset)] = text.encode()
                at = int(offset) + 1
            if done.returncode == 0:
                return found
            self.assertIn("DATA_LOSS", done.stderr)
            at = int(re.search(r"next good offset (\d+)", done.stderr).group(1))
            if at >= RECORDS:
                return found
        self.fail("the reader does not get on")

    def check(self, found):
        for offset, got in found.items():
            self.assertEqual(got, value(offset), "wrong bytes at %d" % offset)


class Segments(Damage):
    def test_flipped_bits(self):
        node, random_numbers = self.filled(), random.Random(1)
        for round_number in range(4):
            path = random_numbers.choice(node.segments(self.topic, 0))
            flip_bit(path, random_numbers.randrange(os.path.getsize(path)), random_numbers.randrange(8))
            node.start()
            found = self.read_all(node)
            self.check(found)
            self.assertGreater(len(found), RECORDS // 2)
            if len(found) < RECORDS:
                self.assertTrue(node.files("quarantine"), "a damaged file is kept")
            node.produce("d", [value(RECORDS)])  # the rest goes on
            self.again(node)

    def test_truncated_and_missing(self):
        node = self.filled()
        for cut in (0, 5000, None):
            path = node.segments(self.topic, 0)[1]
            if cut is None:
                os.remove(path)
            else:
                os.truncate(path, cut)
            node.start()
            found = self.read_all(node)
            self.check(found)
            self.assertLess(len(found), RECORDS)
            self.assertGreater(len(found), RECORDS // 2)
            self.again(node)

    def test_a_damaged_partition_does_not_keep_the_others(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "d", "--partitions", "3", "--config", "segment.bytes=256KiB")
        for partition in range(3):
            node.produce("d", [value(n) for n in range(RECORDS)], "--partition", str(partition))
        topic = node.topic_id("d")
        node.stop_cleanly()
        os.remove(node.segments(topic, 1)[1])
        node.start()
        done = node.run("consume", "d", "--until-end", "-o", "%p %o %v\n")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"error: DATA_LOSS: d/1 at offset \d+: .*next good offset \d+")
        read = {partition: [] for partition in range(3)}
        for line in done.stdout.splitlines():
            partition, offset, text = line.split(" ", 2)
            self.assertEqual(text.encode(), value(int(offset)))
            read[int(partition)].append(int(offset))
        hole = int(re.search(r"d/1 at offset (\d+)", done.stderr).group(1))
        self.assertEqual(read, {0: list(range(RECORDS)), 1: list(range(hole)), 2: list(range(RECORDS))})
        # Without an end there is no other moment to tell of it.
        follows = node.run("consume", "d", "--follow", timeout=60)
        self.assertEqual(follows.returncode, 1, follows.stderr)
        self.assertIn("DATA_LOSS: d/1", follows.stderr)

    def test_index_is_made_again(self):
        node = self.filled()
        for damage in ("missing", "empty", "flipped"):
            for path in node.files("topics", ".idx"):
                if damage == "missing":
                    os.remove(path)
                elif damage == "empty":
                    os.truncate(path, 0)
                else:
                    flip_bit(path, os.path.getsize(path) // 2, 3)
            node.start()
            found = self.read_all(node)
            self.check(found)
            self.assertEqual(len(found), RECORDS)
            self.again(node)


class Markers(Damage):
    def test_format_and_boot_are_refused_untouched(self):
        node = self.filled()
        for name, offsets in (("FORMAT", [30, 60]), ("BOOT", [20, 4096 + 20])):
            for at in offsets:
                flip_bit(node.path(name), at, 1)
            before = snapshot(node.data_dir)
            status, text = node.refuse()
            self.assertEqual(status, 1, text)
            self.assertIn(name, text)
            after = snapshot(node.data_dir)
            before.pop("LOCK", None), after.pop("LOCK", None)
            self.assertEqual(after, before)
            self.again(node)

    def test_one_good_copy_of_boot_is_enough(self):
        node = self.filled()
        for at in (20, 4096 + 20):
            flip_bit(node.path("BOOT"), at, 1)
            node.start()
            self.assertEqual(len(self.read_all(node)), RECORDS)
            self.again(node)

    def test_name_is_for_people(self):
        node = self.filled()
        os.remove(node.path("topics", self.topic, "NAME"))
        node.start()
        self.assertEqual(len(self.read_all(node)), RECORDS)


class Journal(Damage):
    def test_flipped_bits(self):
        node, random_numbers = self.filled(), random.Random(2)
        for round_number in range(4):
            path = node.journal_files()[0]
            for _ in range(3):
                flip_bit(path, random_numbers.randrange(1 << 20), random_numbers.randrange(8))
            node.start()
            self.check(self.read_all(node))
            self.again(node)


class Store(Damage):
    def test_metadata_store_is_made_again_from_the_log(self):
        node, random_numbers = self.filled(), random.Random(3)
        for damage in ("missing", "sst", "manifest"):
            for path in node.files("kv"):
                name = os.path.basename(path)
                if damage == "missing":
                    os.remove(path)
                elif name.startswith("MANIFEST" if damage == "manifest" else "0") and os.path.getsize(path) > 0:
                    flip_bit(path, random_numbers.randrange(os.path.getsize(path)), 2)
            node.start()
            self.assertEqual(node.topic_id("d"), self.topic)
            self.assertEqual(len(self.read_all(node)), RECORDS)
            self.again(node)


class Unknown(Damage):
    def test_what_belongs_to_no_partition_is_moved_away_and_kept(self):
        node = self.filled()
        stranger = "00000000-1111-4222-8333-444444444444"
        for folder in (os.path.join(stranger, "7"), os.path.join(self.topic, "9"), "strange"):
            os.makedirs(node.path("topics", folder))
            with open(node.path("topics", folder, "00000000000000000000-00000000-1.log"), "wb") as file:
                file.write(b"somebody's data")
        node.start()
        self.assertEqual(len(self.read_all(node)), RECORDS)
        kept = [path for path in node.files("quarantine") if path.endswith(".log")]
        self.assertEqual(len(kept), 3, kept)
        for path in kept:
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"somebody's data")
        warnings = "\n".join(node.json("node", "describe")["warnings"])
        for name in (stranger + "/7", self.topic + "/9", "topics/strange"):
            self.assertIn(name, warnings)
            self.assertFalse(os.path.exists(node.path("topics", name.replace("topics/", ""))))
        # Said once: the next start finds nothing.
        node.restart()
        self.assertNotIn("quarantine", "\n".join(node.json("node", "describe")["warnings"]))
        self.assertEqual(len(node.files("quarantine", ".log")), 3)


if __name__ == "__main__":
    main()
