"""The daemon as a process: stops, starts, refusals, configuration, readiness."""

import itertools
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from batches import crc32c  # noqa: E402
from broker import (SMALL_RING, BrokerTest, Follower, Load, check_log, main, snapshot, wait_until)  # noqa: E402


class Stop(BrokerTest):
    def test_sigterm_under_load_is_clean(self):
        node = self.broker().start()
        node.ok("topic", "create", "load", "--partitions", "3")
        load = Load(node, "load", 1)
        load.wait_acked(2000)
        status, seconds = node.stop()
        self.assertEqual(status, 0, node.log())
        self.assertLess(seconds, 10.0)
        node.start()
        recovered = node.log_events("recovered")[-1]
        self.assertEqual(recovered["clean"], "true", recovered["line"])
        load.wait_acked(100)  # the producer has waited for it
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        check_log(node.consume("load"), [load])

    def test_sigint_stops_as_well_and_idle_stop_is_quick(self):
        node = self.broker().start()
        node.process.send_signal(signal.SIGINT)
        self.assertEqual(node.process.wait(timeout=30), 0)
        node.start()
        self.assertEqual(node.log_events("recovered")[-1]["clean"], "true")

    def test_second_sigterm_changes_nothing(self):
        node = self.broker().start()
        node.ok("topic", "create", "t")
        load = Load(node, "t", 2)
        load.wait_acked(500)
        node.process.terminate()
        node.process.terminate()
        self.assertEqual(node.process.wait(timeout=30), 0, node.log())
        node.start()
        load.finish()
        check_log(node.consume("t"), [load])

    def test_open_streams_do_not_hold_it_up(self):
        node = self.broker().start()
        node.ok("topic", "create", "t")
        node.produce("t", [b"%d" % n for n in range(10)])
        followers = [Follower(node, "t") for _ in range(5)]
        wait_until(lambda: all(len(f.delivered) == 10 for f in followers), "five followers at the end")
        status, seconds = node.stop()
        for follower in followers:
            follower.finish()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 10.0)


class Restart(BrokerTest):
    def test_metadata_survives_sigkill(self):
        node = self.broker().start()
        node.ok("topic", "create", "made", "--partitions", "3", "--config", "retention.ms=3600000")
        node.restart_after_kill()
        described = node.json("topic", "describe", "made")
        self.assertEqual(len(described["partitions"]), 3)
        self.assertEqual(described["config_changed"], {"retention.ms": "3600000"})

        node.ok("topic", "add-partitions", "made", "--total", "5")
        node.restart_after_kill()
        self.assertEqual(len(node.json("topic", "describe", "made")["partitions"]), 5)
        node.produce("made", [b"x"], "--partition", "4")

        node.produce("made", [b"%d" % n for n in range(10)], "--partition", "0")
        node.ok("topic", "trim", "made", "--before", "7", "--partition", "0", "--yes")
        node.restart_after_kill()
        self.assertEqual(node.offsets("made")[0], (7, 10))
        self.assertEqual([o for p, o, _ in node.consume("made", "--partition", "0")], [7, 8, 9])

        node.ok("topic", "alter", "made", "--config", "retention.ms=7200000")
        node.restart_after_kill()
        self.assertEqual(node.json("topic", "describe", "made")["config"]["retention.ms"], "7200000")

    def test_deleted_topic_goes_to_the_trash_and_its_id_is_not_used_again(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "gone", "--partitions", "2")
        old = node.topic_id("gone")
        node.produce("gone", [b"%d:%s" % (n, b"y" * 5000) for n in range(300)], "--partition", "0")
        wait_until(lambda: node.segments(old, 0), "a segment")
        node.ok("topic", "delete", "gone", "--yes")
        node.restart_after_kill()
        self.assertEqual(node.run("topic", "describe", "gone").returncode, 3)
        trash = os.listdir(node.path("trash"))
        self.assertTrue(any(name.startswith(old + "-0-") for name in trash), trash)
        self.assertEqual(node.segments(old, 0), [])
        node.ok("topic", "create", "gone", "--partitions", "2")
        self.assertNotEqual(node.topic_id("gone"), old)
        self.assertEqual(node.offsets("gone"), {0: (0, 0), 1: (0, 0)})
        self.assertEqual(node.consume("gone"), [])
        node.restart_after_kill()
        self.assertEqual(node.consume("gone"), [])
        self.assertIn("gone", [t["name"] for t in node.json("topic", "list")])

    def test_kill_right_behind_a_delete_finishes_it(self):
        node = self.broker(*SMALL_RING).start()
        for number in range(4):
            name = "t%d" % number
            node.ok("topic", "create", name, "--partitions", "4")
            topic = node.topic_id(name)
            node.produce(name, [b"%d:%s" % (n, b"y" * 2000) for n in range(200)])
            deleting = node.popen("topic", "delete", name, "--yes", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if number % 2 == 0:
                deleting.wait(timeout=60)
            else:  # somewhere in the middle
                wait_until(lambda: not node.segments(topic, 0) or deleting.poll() is not None, "the data on its way")
            node.kill()
            deleting.wait(timeout=120)
            node.start()
            there = node.run("topic", "describe", name).returncode == 0
            if number % 2 == 0:
                self.assertFalse(there)
            if there:
                self.assertEqual(len(node.consume(name)), 200)
            else:
                wait_until(lambda: not node.files(os.path.join("topics", topic), ".log"), "the data is in the trash")

    def test_trash_is_emptied_after_its_delay(self):
        node = self.broker("storage.trash_delay=1s", *SMALL_RING).start()
        node.ok("topic", "create", "t")
        topic = node.topic_id("t")
        node.produce("t", [b"z" * 3000 for _ in range(100)])
        wait_until(lambda: node.segments(topic, 0), "a segment")
        node.ok("topic", "delete", "t", "--yes")
        wait_until(lambda: not os.listdir(node.path("trash")), lambda: "empty: %s" % os.listdir(node.path("trash")))

    def test_shard_count_changes_between_starts(self):
        node = self.broker(*SMALL_RING)
        node.settings.append("runtime.shards=1")
        node.start()
        node.ok("topic", "create", "s", "--partitions", "7")
        loads = []
        for round_number, (shards, orderly) in enumerate([(3, True), (2, False), (5, False), (1, True)]):
            load = Load(node, "s", 10 + round_number, value_bytes=400)
            load.wait_acked(3000)
            loads.append(load)
            if orderly:
                load.finish()
                node.stop_cleanly()
            else:
                node.kill()
            node.settings[-1] = "runtime.shards=%d" % shards
            node.start()
            if not orderly:
                load.finish()
            self.assertEqual(node.json("node", "describe")["shards"], shards)
            check_log(node.consume("s"), loads)
        self.assertEqual(node.files("quarantine"), [])

    def test_the_old_journals_go_after_a_start(self):
        node = self.broker(*SMALL_RING).start()
        for _ in range(3):
            node.restart_after_kill()
        wait_until(lambda: len(os.listdir(node.path("journal"))) == 1,
                   lambda: "one epoch: %s" % os.listdir(node.path("journal")))


class Posix(BrokerTest):
    def test_fallback_engine_keeps_what_it_acknowledged(self):
        node = self.broker("storage.io_engine=posix", *SMALL_RING).start()
        self.assertEqual(node.json("node", "describe")["io_engine"], "helper threads, page cache")
        node.ok("topic", "create", "p", "--partitions", "2")
        loads = []
        for number in range(2):
            load = Load(node, "p", number)
            load.wait_acked(1500)
            node.kill()
            node.start()
            load.wait_acked(200)
            load.finish()
            loads.append(load)
        check_log(node.consume("p"), loads)
        node.stop_cleanly()
        node.start()
        self.assertEqual(node.log_events("recovered")[-1]["clean"], "true")
        check_log(node.consume("p"), loads)
        # And on with the other engine.
        node.settings[0] = "storage.io_engine=auto"
        node.restart()
        check_log(node.consume("p"), loads)


class Refusals(BrokerTest):
    def test_second_daemon_on_the_same_directory(self):
        node = self.broker().start()
        other = self.broker(data_dir=node.data_dir)
        before = snapshot(node.path("journal"))
        status, text = other.refuse()
        self.assertEqual(status, 1, text)
        self.assertIn("process %d" % node.process.pid, text)
        self.assertIn("LOCK", text)
        # The first one may add files to its ring meanwhile; another epoch, or a file that goes, is the second one's doing.
        after = snapshot(node.path("journal")).keys()
        self.assertLessEqual(before.keys(), after)
        self.assertEqual({name.split("/")[0] for name in after}, {"1"})
        node.ok("topic", "create", "t")  # not disturbed
        node.kill()
        other.start()  # a dead one's lock does not count
        self.assertEqual([t["name"] for t in other.json("topic", "list")], ["t"])

    def test_foreign_directory_is_left_alone(self):
        for content in ({"notes.txt": b"mine"}, {"BOOT": b"x", "notes.txt": b"mine"}, {"FORMAT": b"something else\n"},
                        {"data/FORMAT": b"x"}, {".hidden": b""}):
            node = self.broker()
            for name, data in content.items():
                os.makedirs(os.path.dirname(node.path(name)), exist_ok=True)
                with open(node.path(name), "wb") as file:
                    file.write(data)
            before = snapshot(node.data_dir)
            status, text = node.refuse()
            self.assertEqual(status, 1, text)
            self.assertIn(node.data_dir, text)
            self.assertEqual(snapshot(node.data_dir), before, content)

    def test_directory_of_a_newer_version_is_left_alone(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "t")
        node.produce("t", [b"a", b"b"])
        node.kill()
        write_format(node.path("FORMAT"), 2, "from: the future\n")
        before = snapshot(node.data_dir)
        status, text = node.refuse()
        self.assertEqual(status, 1, text)
        self.assertRegex(text, "NEWER_FORMAT.*format 2.*knows up to 1")
        self.assertEqual(snapshot(node.data_dir), before)

    def test_data_directory_that_cannot_be_used(self):
        node = self.broker()
        with open(node.data_dir, "wb") as file:
            file.write(b"a file")
        status, text = node.refuse()
        self.assertEqual(status, 1, text)
        self.assertIn(node.data_dir, text)
        with open(node.data_dir, "rb") as file:
            self.assertEqual(file.read(), b"a file")

    def test_port_in_use(self):
        # One of a cluster opens its ports before it has found the others.
        for attribute, in_cluster in itertools.product(("api", "peer", "http"), (False, True)):
            node = self.broker()
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                taken.listen()
                address = "127.0.0.1:%d" % taken.getsockname()[1]
                setattr(node, attribute, address)
                if in_cluster:
                    node.settings += ("node.id=1", "cluster.nodes=1@%s,2@127.0.0.1:1,3@127.0.0.1:2" % node.peer)
                status, text = node.refuse()
                self.assertEqual(status, 1, text)
                self.assertRegex(text, r"(?i)%s.*in use" % re.escape(address))
            if not in_cluster:
                node.start()  # nothing was left behind that hinders

    def test_address_of_another_machine(self):
        node = self.broker()
        node.api = "192.0.2.1:7400"
        status, text = node.refuse()
        self.assertEqual(status, 1, text)
        self.assertIn("192.0.2.1:7400", text)

    def test_lists_in_another_order_form_no_cluster(self):
        nodes = [self.broker(), self.broker()]
        listed = ["%d@%s" % (i + 1, node.peer) for i, node in enumerate(nodes)]
        for i, node in enumerate(nodes):
            order = ",".join(listed if i == 0 else reversed(listed))
            node.settings += ("node.id=%d" % (i + 1), "cluster.nodes=" + order)
            node.start(wait=False)
        for node in nodes:
            wait_until(lambda: "in the same order" in node.wait_ready_status(503), "the lists differ, says /readyz")


def write_format(path, version, more):
    with open(path) as file:
        lines = file.read().splitlines(keepends=True)
    text = lines[0] + "format: %d\n" % version + lines[2] + more
    with open(path, "w") as file:
        file.write(text + "crc32c: %08x\n" % crc32c(text.encode()))


class Configuration(BrokerTest):
    def refused(self, node, *expected):
        status, text = node.refuse()
        self.assertEqual(status, 2, text)
        for pattern in expected:
            self.assertRegex(text, pattern)
        self.assertFalse(os.path.exists(node.data_dir), "nothing is made before the configuration is right")

    def with_file(self, text):
        node = self.broker()
        path = os.path.join(node.directory, "forebay.yaml")
        with open(path, "w") as file:
            file.write(text)
        node.flags = ["--config", path]
        return node

    def test_file(self):
        self.refused(self.with_file("storage:\n  trash_delay: soon\n"), r"forebay\.yaml:2", "storage.trash_delay", "soon",
                     "duration")
        self.refused(self.with_file("node:\n  id: 1\nstorag:\n  x: 1\n"), r"forebay\.yaml:4", "storag.x", "unknown key")
        self.refused(self.with_file("api:\n  listen: nowhere\n"), r"forebay\.yaml:2", "HOST:PORT")
        self.refused(self.with_file("runtime:\n  shards: -1\n"), r"forebay\.yaml:2", "0 to 256")
        self.refused(self.with_file("runtime: [1, 2\n"), r"forebay\.yaml:")
        self.refused(self.with_file("a: 1\nstorage:\n  journal_files_max: many\n"), r"forebay\.yaml:1", r"forebay\.yaml:3")
        missing = self.broker()
        missing.flags = ["--config", os.path.join(missing.directory, "none.yaml")]
        self.refused(missing, "none.yaml")

    def test_flags_and_environment(self):
        self.refused(self.broker("storage.trash_delay=-1s"), "storage.trash_delay")
        self.refused(self.broker("no.such.key=1"), "no.such.key")
        self.refused(self.broker("memory.limit=1MiB"), "memory.limit")
        self.refused(self.broker(flags=["--no-such-flag"]), "no-such-flag")
        self.refused(self.broker(flags=["--set", "novalue"]), "KEY=VALUE")
        self.refused(self.broker(environment={"FOREBAYD_RUNTIME_SHARDS": "x"}), "FOREBAYD_RUNTIME_SHARDS")
        self.refused(self.broker(environment={"FOREBAYD_RUNTIME_SHARD": "1"}), "FOREBAYD_RUNTIME_SHARD")

    def test_values_that_contradict_each_other(self):
        self.refused(self.broker("storage.journal_file_bytes=16MiB"), "storage.journal_file_bytes")
        self.refused(self.broker("storage.journal_files_max=3"), "storage.journal_files_max")
        self.refused(self.broker("storage.journal_file_bytes=20MiB", "storage.round_bytes_max=8MiB"),
                     "storage.round_bytes_max")
        self.refused(self.broker("storage.journal_file_bytes=3GiB"), "storage.journal_file_bytes")

    def test_the_smallest_values_start(self):
        node = self.broker("storage.journal_file_bytes=20MiB", "storage.journal_files_max=4", "runtime.blocking_threads=1",
                           "memory.produce_bytes_max=16MiB", "memory.cache_bytes_per_shard=0", "storage.round_bytes_max=4KiB",
                           "storage.round_partition_bytes=4KiB", "storage.segment_flush_bytes=4KiB", "runtime.shards=1",
                           "storage.disk_reserve_bytes=1", "storage.scrub_bytes_per_second=0").start()
        node.ok("topic", "create", "t", "--partitions", "2")
        load = Load(node, "t", 1)
        load.wait_acked(500)
        node.restart_after_kill()
        load.finish()
        check_log(node.consume("t"), [load])

    def test_flags_win_over_environment_and_file(self):
        node = self.with_file("runtime:\n  shards: 2\nstorage:\n  trash_delay: 5s\n")
        node.daemon_environment["FOREBAYD_RUNTIME_SHARDS"] = "3"
        node.start()
        self.assertEqual(node.json("node", "describe")["shards"], 3)
        node.stop_cleanly()
        node.settings = ["runtime.shards=1"]
        node.start()
        self.assertEqual(node.json("node", "describe")["shards"], 1)

    def test_version_and_help(self):
        node = self.broker()
        for flag in ("--version", "--help"):
            done = subprocess.run([node.forebayd, flag], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"forebayd", done.stdout)


class Running(BrokerTest):
    def test_closed_descriptors_are_not_taken_by_its_files(self):
        node = self.broker()
        command = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *node.command()]
        node.process = subprocess.Popen(command, cwd=node.directory, env=node.daemon_environment)
        node.wait_until_ready()
        for number in range(3):
            self.assertEqual(os.readlink("/proc/%d/fd/%d" % (node.process.pid, number)), "/dev/null")
        node.ok("topic", "create", "t")
        self.assertEqual(node.stop()[0], 0)

    def test_log_level_changes_while_running(self):
        node = self.broker("log.level=error").start()
        before = node.whole_log()
        self.assertNotIn(" info ", before)
        self.assertEqual(node.get("/loglevel?level=debug", "PUT")[0], 200)
        node.ok("topic", "create", "t")
        node.get("/loglevel?level=shout", "PUT")
        status, text = node.get("/loglevel?level=shout", "PUT")
        self.assertEqual(status, 400, text)
        self.assertEqual(node.get("/loglevel?level=info", "PUT")[0], 200)
        node.stop_cleanly()
        self.assertTrue(node.log_events("stopped"), node.log())

    def test_too_few_descriptors_is_an_error_not_a_crash(self):
        node = self.broker()
        node.forebayd, real = shutil.which("prlimit"), node.forebayd
        node.command = lambda: ["prlimit", "--nofile=40", real, "--data-dir", node.data_dir, "--api", node.api, "--peer",
                                node.peer, "--http", node.http]
        if not node.forebayd:
            self.skipTest("prlimit missing")
        node.start(wait=False)
        def settled():
            if node.process.poll() is not None:
                return True
            try:
                return node.get("/healthz")[0] == 200
            except OSError:
                return False
        wait_until(settled, "it serves or says why not")
        if node.process.poll() is not None:
            self.assertEqual(node.process.returncode, 1, node.log())
            self.assertIn("error", node.log())
            return
        connections = []
        try:
            for _ in range(60):
                connections.append(socket.create_connection(tuple(node.http.rsplit(":", 1)), timeout=2))
        except OSError:
            pass
        for connection in connections:
            connection.close()
        wait_until(settled, "it serves again")
        self.assertIsNone(node.process.poll(), node.log())
        node.stop_cleanly()


if __name__ == "__main__":
    main()
