"""Disks that are full, fail or are slow, under the real daemon."""

import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import (BrokerTest, FailPoints, Load, check_log, check_log_while_written, main, wait_until)  # noqa: E402
from small_disk import FailingDevice, SmallDisk, make_image, need_private_mounts  # noqa: E402

MIB = 1 << 20
# One shard, the smallest ring (80 MiB, and the reserve with it), little in memory.
SMALL = ("runtime.shards=1", "storage.journal_file_bytes=20MiB", "storage.journal_files_max=4",
         "storage.segment_flush_bytes=64KiB", "memory.cache_bytes_per_shard=1MiB",
         "storage.retention_check_interval=1s")
RESERVE = 80 * MIB


def values_of(node, topic):
    return {(partition, offset): value for partition, offset, value in node.consume(topic)}


def fingerprints(node):
    """{path: digest} of all files but the lock, which holds the number of the process that had it last."""
    found = {}
    for path in node.files():
        if path != node.path("LOCK"):
            with open(path, "rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


class Full(BrokerTest):
    """A file system of 256 MiB."""

    @classmethod
    def setUpClass(cls):
        need_private_mounts()

    def small(self, *settings):
        node = self.broker(*SMALL, *settings)
        image = os.path.join(node.directory, "disk.img")
        make_image(image, 256)
        disk = SmallDisk(node.directory, image)
        self.addCleanup(disk.close)  # clean-ups run backwards: after the node has ended, before its folder goes
        self.addCleanup(node.end)
        node.data_dir = os.path.join(disk.path, "data")
        return node.start(), disk

    def produce_until_refused(self, node, seed):
        load = Load(node, "t", seed, value_bytes=8000, options=("--timeout", "3s"))
        self.assertNotEqual(load.process.wait(timeout=60), 0, "the disk never became full")
        load.finish()
        self.assertIn("DISK_FULL", load.errors)
        self.assertIn("topic trim", load.errors)
        return load

    def test_produce_is_refused_and_all_else_goes_on(self):
        node, disk = self.small()
        node.ok("topic", "create", "t", "--config", "segment.bytes=2MiB")
        load = self.produce_until_refused(node, 1)
        self.assertGreater(disk.free_bytes(), RESERVE // 2, "the reserve was eaten")
        self.assertRegex(" ".join(node.json("node", "describe")["warnings"]), "in reserve.*topic trim")
        self.assertEqual(node.get("/readyz")[0], 200)
        check_log(node.consume("t"), [load])
        # So does what frees space: shorter retention, deletion.
        node.ok("topic", "create", "another")
        node.ok("topic", "alter", "t", "--config", "retention.ms=86400000")
        node.ok("topic", "delete", "another", "--yes")
        # A start takes no more than what the old journal gives back, in order or not.
        node.restart_after_kill()
        node.restart()
        check_log(node.consume("t"), [load])
        self.assertEqual(node.json("topic", "describe", "t")["config"]["retention.ms"], "86400000")
        # Trimming needs no space and brings it back.
        begin = node.offsets("t")[0][1] * 2 // 3
        node.ok("topic", "trim", "t", "--before", str(begin), "--yes")
        wait_until(lambda: disk.free_bytes() > RESERVE + 20 * MIB, lambda: "space: %d" % disk.free_bytes())
        more = Load(node, "t", 2, value_bytes=500, pause=0.02)
        more.wait_acked(500)
        more.finish()
        self.assertEqual(more.status, 0, more.errors)
        node.restart_after_kill()
        self.assertEqual(node.offsets("t")[0][0], begin)
        found = values_of(node, "t")
        for one in (load, more):
            for place, line in one.acked():
                if place[1] >= begin:
                    self.assertEqual(found.get(place), one.line(line), "acknowledged at %s and lost" % (place,))

    def full_to_the_last_block(self, *settings):
        node, disk = self.small(*settings)
        node.ok("topic", "create", "t", "--config", "segment.bytes=2MiB")
        load = Load(node, "t", 1, value_bytes=2000, options=("--timeout", "60s"), pause=0.01)
        load.wait_acked(3000)
        disk.fill()
        # What is in memory cannot go to its segment; produce ends, reading does not.
        wait_until(lambda: "in reserve" in " ".join(node.json("node", "describe")["warnings"]), "a warning")
        self.assertEqual(node.get("/readyz")[0], 200)
        check_log_while_written(node, "t", [load])
        node.kill()
        before = fingerprints(node)
        status, text = node.refuse()
        self.assertEqual(status, 1, text)
        self.assertRegex(text, "DISK_FULL.*No space left on device")
        # Nothing of what was there was touched: the next start finds it as this one did.
        after = fingerprints(node)
        self.assertEqual([name for name in before if after.get(name) != before[name]], [])
        disk.empty()
        node.start()
        check_log_while_written(node, "t", [load])
        self.assertEqual(node.files("quarantine"), [])
        load.wait_acked(500)  # the producer has waited for it
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        node.restart()
        check_log(node.consume("t"), [load])

    def test_the_schema_registry_goes_on(self):
        """Its state cannot be stored meanwhile; the journal has its changes."""
        node, disk = self.small()

        def register(subject):
            path = os.path.join(node.directory, subject + ".avsc")
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"type": "record", "name": "R", "doc": "%s", "fields": []}' % os.urandom(200000).hex())
            return node.run("schema", "register", subject, path).returncode

        def registered():
            return sorted(one["subject"] for one in node.json("schema", "subject", "list"))

        expected = []
        for number in range(8):
            # Of several MB, so that it does not fit into what the store's log has taken already. It is stored some
            # seconds later: when the disk is full, unless the machine was slow.
            for part in range(20):
                name = "s%d-%d" % (number, part)
                wait_until(lambda: register(name) == 0, "room")
                expected.append(name)
            disk.fill()
            try:
                wait_until(lambda: "tried again every second" in node.whole_log(), "a warning", seconds=12)
                break
            except AssertionError:
                disk.empty()
        self.assertIn("tried again every second", node.whole_log())
        expected.sort()
        self.assertEqual(registered(), expected)
        disk.empty()
        wait_until(lambda: register("after") == 0, "room")
        node.restart_after_kill()
        expected = sorted([*expected, "after"])
        self.assertEqual(registered(), expected)
        self.assertEqual(register("then"), 0)
        node.restart()
        self.assertEqual(registered(), sorted([*expected, "then"]))
        self.assertNotIn("a machine has stopped", node.whole_log())

    def test_recovery_on_a_disk_that_is_full_to_the_last_block(self):
        self.full_to_the_last_block()

    def test_recovery_on_a_full_disk_through_the_page_cache(self):
        self.full_to_the_last_block("storage.io_engine=posix")


class Errors(BrokerTest):
    """Errors of the disk at named places of the daemon, switched on by a file."""

    def failing(self, *points, settings=()):
        """A node whose fail points wait for trip()."""
        node = self.broker(*SMALL, *settings)
        fail_points = FailPoints(node, *points)
        self.trip, self.untrip = fail_points.trip, fail_points.untrip
        return node.start()

    def whole_ring(self, node, load):
        """From here on no file is added to the ring: a write of the journal is a round. A file that is seen may still be
        filled with zeros, which are writes too; the node counts those that are whole."""
        wait_until(lambda: node.json("node", "describe")["disk"]["journal_bytes"] == 4 * 20 * MIB, "four whole files")
        load.wait_acked(500)

    def journal_error(self, point, *settings):
        node = self.failing(point + ":error@1-1", settings=settings)
        node.ok("topic", "create", "t", "--partitions", "2", "--config", "segment.bytes=2MiB")
        load = Load(node, "t", 1, value_bytes=4000, pause=0.005)
        self.whole_ring(node, load)
        self.trip()
        wait_until(lambda: node.metric("forebay_journal_write_errors_total") == 1, "the error")
        load.wait_acked(1000)
        self.untrip()
        node.kill()
        node.start()
        load.wait_acked(500)
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        self.assertEqual(node.get("/readyz")[0], 200)
        check_log(node.consume("t"), [load])
        self.assertEqual(node.files("quarantine"), [])

    def test_failed_round_goes_to_a_new_file(self):
        self.journal_error("journal.write")

    def test_failed_sync_of_a_round_goes_to_a_new_file(self):
        self.journal_error("journal.sync", "storage.io_engine=posix")

    def stopped_for_good(self, point, *settings):
        """After an error that stays: partitions stop, reads go on, a start on a good disk has everything."""
        node = self.failing(*point, settings=settings)
        node.ok("topic", "create", "t", "--partitions", "2", "--config", "segment.bytes=2MiB")
        load = Load(node, "t", 1, value_bytes=4000, options=("--timeout", "20s"), pause=0.01)
        load.wait_acked(2000)
        self.trip()
        reasons = node.wait_ready_status(503)
        self.assertIn("STORAGE_FAILED", reasons)
        self.assertRegex(reasons, r'"topic": ?"t"')
        self.assertNotEqual(load.process.wait(timeout=90), 0)
        load.finish()
        self.assertIn("STORAGE_FAILED", load.errors)
        found = values_of(node, "t")
        for place, line in load.acked():
            self.assertEqual(found.get(place), load.line(line), "acknowledged at %s and not served" % (place,))
        self.assertEqual(node.get("/healthz")[0], 200)
        node.stop()  # whatever it says
        self.untrip()
        node.start()
        check_log(node.consume("t"), [load])
        node.produce("t", [b"%d:0:x" % load.seed])

    def test_journal_that_cannot_be_written_stops_its_partitions(self):
        self.stopped_for_good(("journal.write:error",))

    def test_journal_that_cannot_be_synced_stops_its_partitions(self):
        self.stopped_for_good(("journal.sync:error",), "storage.io_engine=posix")

    def test_segments_that_cannot_be_written_stop_their_partitions(self):
        self.stopped_for_good(("segment.write:error",))

    def test_segments_that_cannot_be_synced_stop_their_partitions(self):
        self.stopped_for_good(("segment.sync:error",), "storage.io_engine=posix")

    def test_failed_segment_goes_to_a_new_file(self):
        # Where files are not sealed, the next write is one of data; where they are small, one is soon made.
        for point, engine, segment in (("segment.write", "auto", "1GiB"), ("segment.sync", "posix", "1GiB"),
                                       ("segment.create", "auto", "2MiB")):
            with self.subTest(point=point):
                node = self.failing(point + ":error@1-1", settings=("storage.io_engine=" + engine,))
                node.ok("topic", "create", "t", "--config", "segment.bytes=" + segment)
                load = Load(node, "t", 1, value_bytes=4000, pause=0.005)
                load.wait_acked(500)
                self.trip()
                wait_until(lambda: node.metric("forebay_segment_write_errors_total") == 1, "the error")
                load.wait_acked(1000)
                self.assertEqual(node.get("/readyz")[0], 200)
                node.kill()
                self.untrip()
                node.start()
                load.wait_acked(500)
                load.finish()
                self.assertEqual(load.status, 0, load.errors)
                check_log(node.consume("t"), [load])
                self.assertEqual(node.files("quarantine"), [])
                node.end()

    def test_read_error_hurts_only_what_is_read_there(self):
        node = self.failing("segment.read:error")
        for topic in ("old", "new"):
            node.ok("topic", "create", topic, "--config", "segment.bytes=1MiB")
        old = node.produce("old", [b"%d:%s" % (n, b"x" * 4000) for n in range(1500)])
        node.restart()  # nothing of it is in memory
        node.produce("new", [b"fresh"])
        self.trip()
        failed = node.run("consume", "old", "--until-end", "--timeout", "3s", "-o", "json")
        self.assertNotEqual(failed.returncode, 0)
        self.assertRegex(failed.stderr, "STORAGE_FAILED|DATA_LOSS")
        self.assertEqual([value for _, _, value in node.consume("new")], [b"fresh"])
        node.produce("old", [b"taken"])
        self.assertEqual(node.get("/readyz")[0], 200)
        self.untrip()
        # An error of the moment is no damage.
        self.assertEqual(len(node.consume("old")), len(old) + 1)
        self.assertEqual(node.files("quarantine"), [])


class Device(BrokerTest):
    """A block device that fails, below a real file system: what the kernel makes of it is not ours to say."""

    @classmethod
    def setUpClass(cls):
        need_private_mounts()

    def device_fails(self, *settings):
        node = self.broker(*SMALL, *settings)
        device = FailingDevice(node.directory, mib=512)
        self.addCleanup(device.close)
        disk = SmallDisk(node.directory, device.path)
        self.addCleanup(disk.close)
        self.addCleanup(device.work)
        self.addCleanup(node.end)
        node.data_dir = os.path.join(disk.path, "data")
        node.start()
        node.ok("topic", "create", "t", "--partitions", "2", "--config", "segment.bytes=2MiB")
        load = Load(node, "t", 1, value_bytes=4000, options=("--timeout", "20s"), pause=0.02)
        load.wait_acked(2000)
        device.fail()
        self.assertIn("STORAGE_FAILED", node.wait_ready_status(503))
        self.assertNotEqual(load.process.wait(timeout=90), 0)
        load.finish()
        # Reads go on; what was acknowledged before and while it happened is served, and is on the device.
        found = values_of(node, "t")
        for place, line in load.acked():
            self.assertEqual(found.get(place), load.line(line), "acknowledged at %s and not served" % (place,))
        node.kill()
        device.work()
        disk.unmount()
        disk.mount()
        node.start()
        check_log(node.consume("t"), [load])
        self.assertEqual(node.files("quarantine"), [])

    def test_write_errors(self):
        self.device_fails()

    def test_write_errors_through_the_page_cache(self):
        self.device_fails("storage.io_engine=posix")


class Slow(BrokerTest):
    def test_stalled_journal_is_told_and_bounded_and_recovers(self):
        node = self.broker(*SMALL, "memory.produce_bytes_max=16MiB")
        stall = FailPoints(node, "journal.write:sleep=6000@1-1")
        node.start()
        node.ok("topic", "create", "t", "--partitions", "2")
        loads = [Load(node, "t", n, value_bytes=4000, pause=0.01) for n in range(3)]
        for load in loads:
            load.wait_acked(200)
        before = node.rss_bytes()
        stall.trip()
        wait_until(lambda: node.metric("forebay_journal_stalled") == 1, "the stall is seen")
        warnings = " ".join(node.json("node", "describe")["warnings"])
        self.assertIn("has not finished a write for more than a second", warnings)
        late = node.run("produce", "t", "-", "--timeout", "1s", stdin=b"9:0:x\n")
        self.assertNotEqual(late.returncode, 0)
        self.assertIn("TIMED_OUT", late.stderr)
        self.assertLess(node.rss_bytes() - before, 150 * MIB, "memory grows while the disk stands still")
        self.assertEqual(node.get("/healthz")[0], 200)
        wait_until(lambda: node.metric("forebay_journal_stalled") == 0, "the stall is over")
        for load in loads:
            load.wait_acked(500)
        for load in loads:
            load.finish()
            self.assertEqual(load.status, 0, load.errors)
        self.assertNotIn("has not finished", " ".join(node.json("node", "describe")["warnings"]))
        records = [r for r in node.consume("t") if not r[2].startswith(b"9:")]  # its outcome was unknown
        found = {(partition, offset): value for partition, offset, value in records}
        for load in loads:
            for place, line in load.acked():
                self.assertEqual(found.get(place), load.line(line), "acknowledged at %s and lost" % (place,))


if __name__ == "__main__":
    main()
