"""The command line end to end: every verb against a real node."""

import argparse
import base64
import json
import os
import pty
import re
import shutil
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Node, free_ports, wait_until  # noqa: E402

ARGUMENTS = None
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class CliTest(unittest.TestCase):
    """One node for all tests; each test has topics of its own."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node(ARGUMENTS.forebayd, ARGUMENTS.forebay).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def topic(self, name=None, partitions=1, *options):
        name = name or self.id().split(".")[-1]
        self.node.ok("topic", "create", name, "--partitions", str(partitions), *options)
        return name

    def file(self, content):
        handle, path = tempfile.mkstemp(dir=self.node.directory)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return path


class Topics(CliTest):
    def test_create_list_describe_delete(self):
        node = self.node
        created = node.json("topic", "create", "life", "--partitions", "3", "--config", "retention.ms=3600000")
        self.assertEqual((created["name"], created["partitions"], created["replication"]), ("life", 3, 1))
        self.assertEqual(node.ok("topic", "create", "life", status=5).stdout, "")
        described = node.json("topic", "describe", "life")
        self.assertEqual((described["name"], described["id"]), ("life", created["id"]))
        self.assertEqual([p["partition"] for p in described["partitions"]], [0, 1, 2])
        for partition in described["partitions"]:
            self.assertEqual(partition["leader"], 1)
            self.assertEqual(partition["replicas"], [1])
            self.assertGreaterEqual(partition["term"], 1)
            self.assertEqual((partition["log_start"], partition["log_end"]), (0, 0))
            self.assertIsInstance(partition["bytes"], int)
        self.assertEqual(described["config"]["retention.ms"], "3600000")
        self.assertEqual(described["config_changed"], {"retention.ms": "3600000"})
        self.assertIn("life", [t["name"] for t in node.json("topic", "list")])
        self.assertIn("life", node.ok("topic", "describe", "life").stdout)
        self.assertEqual(node.json("topic", "delete", "life", "--yes"),
                         [{"name": "life", "status": "deleted", "error": None}])
        node.ok("topic", "describe", "life", status=3)

    def test_usage_and_refusals(self):
        node = self.node
        node.ok("topic", "create", "bad name", status=2)
        node.ok("topic", "create", "__mine", status=2)
        node.ok("topic", "create", "cfg", "--config", "retention.ms=soon", status=2)
        node.ok("topic", "create", "cfg", "--config", "retention.mss=5", status=2)
        node.ok("topic", "create", status=2)
        node.ok("topic", "create", "x", "--partitions", "0x10", status=2)
        node.ok("topic", "create", "x", "--partitions", "0", status=2)
        node.ok("topic", "create", "x", "--replication", "0", status=2)
        node.ok("topic", "create", "rep", "--replication", "3", status=node.run(
            "topic", "create", "rep", "--replication", "3", "--dry-run").returncode)
        self.assertNotIn("rep", [t["name"] for t in node.json("topic", "list")])

    def test_dry_run_changes_nothing(self):
        node = self.node
        self.assertTrue(node.json("topic", "create", "dry", "--dry-run")["dry_run"])
        node.ok("topic", "describe", "dry", status=3)
        self.topic("dry2", 2)
        node.ok("topic", "alter", "dry2", "--config", "retention.ms=5000", "--dry-run")
        node.ok("topic", "add-partitions", "dry2", "--total", "5", "--dry-run")
        node.ok("topic", "delete", "dry2", "--dry-run")
        described = node.json("topic", "describe", "dry2")
        self.assertEqual(len(described["partitions"]), 2)
        self.assertEqual(described["config_changed"], {})

    def test_several_names_and_patterns(self):
        node = self.node
        for name in ("many.a", "many.b", "many.c"):
            self.topic(name)
        listed = node.json("topic", "list", "-r", r"many\..*")
        self.assertEqual([t["name"] for t in listed], ["many.a", "many.b", "many.c"])
        self.assertEqual([t["name"] for t in node.json("topic", "list", "many.b")], ["many.b"])
        self.assertEqual([t["name"] for t in node.json("topic", "list", "many.b", "none", status=7)], ["many.b"])
        self.assertEqual(node.json("topic", "list", "-r", "nothing-like-it"), [])
        self.assertEqual([t["name"] for t in node.json("topic", "describe", "many.a", "many.b")], ["many.a", "many.b"])
        self.assertEqual([t["name"] for t in node.json("topic", "describe", "many.a", "none", status=7)], ["many.a"])
        node.ok("topic", "describe", "none1", "none2", status=3)
        results = node.json("topic", "delete", "many.a", "none", "--yes", status=7)
        self.assertEqual([r["status"] for r in results], ["deleted", "failed"])
        self.assertIn("UNKNOWN_TOPIC", results[1]["error"])
        node.ok("topic", "delete", "none", "--yes", status=3)
        results = node.json("topic", "delete", "-r", r"many\..*", "--yes")
        self.assertEqual([r["name"] for r in results], ["many.b", "many.c"])
        node.ok("topic", "list", "-r", "[", status=2)
        node.ok("topic", "delete", "a", "-r", "b", "--yes", status=2)

    def test_alter_shows_what_changed(self):
        node = self.node
        self.topic("altered")
        changed = node.json("topic", "alter", "altered", "--config", "retention.ms=5000", "--config", "segment.ms=60000")
        self.assertEqual({(c["key"], c["to"]) for c in changed["changes"]},
                         {("retention.ms", "5000"), ("segment.ms", "60000")})
        self.assertEqual(changed["config"]["retention.ms"], "5000")
        changed = node.json("topic", "alter", "altered", "--unset", "retention.ms")
        self.assertEqual([c["key"] for c in changed["changes"]], ["retention.ms"])
        node.ok("topic", "alter", "altered", status=2)
        node.ok("topic", "alter", "altered", "--config", "nonsense=1", status=2)
        node.ok("topic", "alter", "missing", "--config", "retention.ms=5000", status=3)

    def test_add_partitions(self):
        node = self.node
        self.topic("wider", 2)
        grown = node.json("topic", "add-partitions", "wider", "--total", "4")
        self.assertEqual((grown["from"], grown["partitions"]), (2, 4))
        self.assertIn("partition", grown["warning"])
        self.assertEqual(node.json("topic", "add-partitions", "wider", "--add", "1")["partitions"], 5)
        node.ok("topic", "add-partitions", "wider", "--total", "3", status=2)
        node.ok("topic", "add-partitions", "wider", status=2)
        node.ok("produce", "wider", "--partition", "4", stdin=b"x\n")

    def test_trim(self):
        node = self.node
        self.topic("trimmed", 2)
        for partition in ("0", "1"):
            node.ok("produce", "trimmed", "--partition", partition, stdin=b"".join(b"%d\n" % i for i in range(10)))
        node.ok("topic", "trim", "trimmed", "--before", "4", status=2)  # no terminal to ask on
        dry = node.json("topic", "trim", "trimmed", "--before", "4", "--dry-run")
        self.assertEqual([(p["from"], p["log_start"]) for p in dry["partitions"]], [(0, 4), (0, 4)])
        done = node.json("topic", "trim", "trimmed", "--before", "4", "--partition", "1", "--yes")
        self.assertEqual([(p["partition"], p["log_start"]) for p in done["partitions"]], [(1, 4)])
        offsets = node.json("offsets", "trimmed")
        self.assertEqual(offsets, [{"topic": "trimmed", "partition": 0, "log_start": 0, "log_end": 10},
                                   {"topic": "trimmed", "partition": 1, "log_start": 4, "log_end": 10}])
        self.assertEqual([r["offset"] for r in node.records("trimmed", "--partition", "1", "--until-end")],
                         list(range(4, 10)))
        node.json("topic", "trim", "trimmed", "--before", "-3", "--partition", "0", "--yes")
        self.assertEqual(node.json("offsets", "trimmed", "--partition", "0")[0]["log_start"], 7)
        refused = node.json("topic", "trim", "trimmed", "--before", "99", "--yes", status=5)
        self.assertEqual([p["log_start"] for p in refused["partitions"]], [7, 4])  # as they were
        node.ok("topic", "trim", "trimmed", "--before", "end", "--yes")
        self.assertEqual([o["log_start"] for o in node.json("offsets", "trimmed")], [10, 10])
        node.ok("topic", "trim", "trimmed", "--before", "4", "--partition", "9", "--yes", status=3)
        node.ok("topic", "trim", "missing", "--before", "4", "--yes", status=3)

    def test_prompts_on_a_terminal(self):
        for answer, status, left in ((b"n\n", 1, True), (b"\n", 1, True), (b"y\n", 0, False)):
            name = "prompt-%d-%d" % (status, len(answer))
            self.topic(name)
            main, side = pty.openpty()
            process = self.node.popen("topic", "delete", name, stdin=side, stderr=side, stdout=subprocess.DEVNULL)
            os.close(side)
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(main, 1024)
            os.write(main, answer)
            self.assertEqual(process.wait(timeout=60), status)
            os.close(main)
            self.assertEqual(name in [t["name"] for t in self.node.json("topic", "list")], left)
        self.node.ok("topic", "delete", "prompt-1-1", status=2)  # no terminal, no --yes: refused


class Producing(CliTest):
    def test_lines_are_kept_byte_for_byte(self):
        topic = self.topic()
        lines = [b"plain", b"", b"  blanks  ", b"cr\r", "\u00e9\u20ac".encode(), b"\xff\xfe", b"a\tb\0c", b"last"]
        summary = self.node.json("produce", topic, stdin=b"\n".join(lines))
        self.assertEqual((summary["records"], summary["failed"]), (len(lines), 0))
        self.assertEqual(summary["bytes"], sum(map(len, lines)))
        values = []
        for record in self.node.records(topic, "--until-end"):
            self.assertIsNone(record["key"])
            self.assertEqual(record["headers"], {})
            self.assertRegex(record["event_time"], TIME)
            self.assertRegex(record["append_time"], TIME)
            value = record["value"]
            values.append(base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode())
        self.assertEqual(values, lines)

    def test_keys_headers_nulls(self):
        topic = self.topic()
        self.node.ok("produce", topic, "--key-separator", ":", "--null-value", "-H", "a=1", "-H", "a=2", "-H", "b=",
                     stdin=b"k1:v1\nk2:\nk3:\n:v4\nk5:a:b\n")
        records = self.node.records(topic, "--until-end")
        self.assertEqual([(r["key"], r["value"]) for r in records],
                         [("k1", "v1"), ("k2", None), ("k3", None), ("", "v4"), ("k5", "a:b")])
        for record in records:
            self.assertEqual(record["headers"], {"a": ["1", "2"], "b": ""})

    def test_every_compression_and_acks(self):
        topic = self.topic(partitions=2)
        for compression in COMPRESSIONS:
            self.node.ok("produce", topic, "--compression", compression, "--partition", "0",
                         stdin=b"".join(b"%s-%d\n" % (compression.encode(), i) for i in range(100)))
        values = [r["value"] for r in self.node.records(topic, "--until-end")]
        self.assertEqual(values, ["%s-%d" % (c, i) for c in COMPRESSIONS for i in range(100)])
        for acks in ("all", "leader", "none"):
            self.assertEqual(self.node.json("produce", topic, "--acks", acks, "--partition", "1", stdin=b"x\n")["records"], 1)

    def test_acked_file_tells_where_each_line_is(self):
        topic = self.topic(partitions=4)
        acked = os.path.join(self.node.directory, "acked")
        lines = [b"key-%d:value-%d" % (i % 17, i) for i in range(1, 2001)]
        self.node.ok("produce", topic, self.file(b"\n".join(lines) + b"\n"), "--key-separator", ":", "--acked", acked)
        with open(acked) as file:
            places = {}
            for text in file:
                partition, offset, line = map(int, text.split(" "))
                places[(partition, offset)] = line
        self.assertEqual(sorted(places.values()), list(range(1, 2001)))
        for record in self.node.records(topic, "--until-end"):
            line = lines[places[(record["partition"], record["offset"])] - 1].decode()
            self.assertEqual(record["key"] + ":" + record["value"], line)
        self.node.ok("produce", topic, "--acked", acked, "--acks", "none", status=2, stdin=b"x\n")
        self.node.ok("produce", topic, "--acked", "/nonexistent/file", status=1, stdin=b"x\n")

    def test_ndjson_fields(self):
        topic = self.topic()
        lines = [b'{"id":"i-1","who":"anna","at":"2026-01-31T13:00:00.123456+01:00","n":{"deep":1}}',
                 b' {"id": 7, "who": null, "at": 1769860800000 } ',
                 '{"id":"\\u00e9\\ud83c\\udf0a","who":"b\u00e9","at":"1999-12-31T23:59:59Z"}'.encode()]
        self.node.ok("produce", topic, "--format", "ndjson", "--key-field", "who", "--id-field", "id", "--time-field",
                     "at", stdin=b"\n".join(lines) + b"\n\n   \n")
        records = self.node.records(topic, "--until-end")
        self.assertEqual([r["value"].encode() for r in records], lines)
        self.assertEqual([r["key"] for r in records], ["anna", None, "b\u00e9"])
        self.assertEqual([r["headers"]["ce_id"] for r in records], ["i-1", "7", "\u00e9\U0001f30a"])
        self.assertEqual([r["event_time"] for r in records],
                         ["2026-01-31T12:00:00.123Z", "2026-01-31T12:00:00.000Z", "1999-12-31T23:59:59.000Z"])

    def test_a_bad_line_ends_it_and_nothing_after_it_is_sent(self):
        topic = self.topic()
        lines = b'{"k":1}\n{"k":2}\nnot json\n{"k":4}\n'
        done = self.node.ok("produce", topic, "--format", "ndjson", "-o", "json", stdin=lines, status=1)
        self.assertIn("line 3", done.stderr)
        self.assertEqual(json.loads(done.stdout)["records"], 2)
        self.assertEqual(len(self.node.records(topic, "--until-end")), 2)
        done = self.node.ok("produce", topic, "--format", "ndjson", "--skip-bad", "-o", "json", stdin=lines)
        self.assertIn("line 3", done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["records"], summary["bad_lines"], summary["failed"]), (3, 1, 0))
        done = self.node.ok("produce", topic, "--key-separator", ":", stdin=b"a:1\nb\n", status=1)
        # A line that was cut before its separator must not delete what has its key.
        self.node.ok("produce", topic, "--key-separator", ":", "--null-value", stdin=b"a:1\nb\n", status=1)
        self.assertIn("line 2", done.stderr)
        done = self.node.ok("produce", topic, "--format", "ndjson", "--key-field", "nope", stdin=b'{"k":1}\n', status=1)
        self.assertIn("line 1", done.stderr)
        self.assertIn("nope", done.stderr)

    def test_a_line_that_is_too_long_for_the_topic_is_a_bad_line(self):
        topic = self.topic(None, 1, "--config", "max.message.bytes=65536")
        lines = b"small\n" + b"x" * 100_000 + b"\nafter it\n"
        done = self.node.ok("produce", topic, stdin=lines, status=1)
        self.assertIn("line 2", done.stderr)
        self.assertIn("max.message.bytes", done.stderr)
        self.assertEqual([r["value"] for r in self.node.records(topic, "--until-end")], ["small"])
        summary = json.loads(self.node.ok("produce", topic, "--skip-bad", "-o", "json", stdin=lines).stdout)
        self.assertEqual((summary["records"], summary["bad_lines"], summary["failed"]), (2, 1, 0))

    def test_a_topic_of_small_batches_takes_many_lines(self):
        topic = self.topic(None, 1, "--config", "max.message.bytes=4KiB")
        lines = b"".join(b"%d\n" % n for n in range(20_000))
        self.assertEqual(json.loads(self.node.ok("produce", topic, "-o", "json", stdin=lines).stdout)["records"], 20_000)
        self.node.ok("perf", "produce", "--topic", topic, "--records", "5000", "--size", "100")
        done = self.node.ok("perf", "produce", "--topic", topic, "--records", "5", "--size", "8KiB", status=1)
        self.assertIn("forebay topic alter", done.stderr)

    def test_a_closed_descriptor_is_no_other_file(self):
        topic = self.topic()
        for closing, words in (("<&-", ["produce", topic]), (">&-", ["version"])):
            with self.subTest(closing=closing):
                done = subprocess.run(["sh", "-c", 'exec "$0" "$@" ' + closing, self.node.forebay, *words],
                                      env=self.node.environment(), stderr=subprocess.PIPE, timeout=60)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(b"Bad file descriptor", done.stderr)

    def test_what_is_not_there(self):
        done = self.node.ok("produce", "no-such-topic", stdin=b"x\n", status=3)
        self.assertIn("forebay topic create no-such-topic", done.stderr)
        topic = self.topic()
        self.node.ok("produce", topic, "/no/such/file", status=3)
        self.node.ok("produce", topic, self.node.directory, status=2)
        self.node.ok("produce", topic, "--partition", "7", stdin=b"x\n", status=3)
        self.node.ok("produce", topic, "--key-field", "k", stdin=b"x\n", status=2)
        self.node.ok("produce", topic, "--acks", "some", stdin=b"x\n", status=2)
        self.assertEqual(self.node.json("produce", topic, stdin=b"")["records"], 0)

    def test_summary_is_one_line(self):
        topic = self.topic()
        self.assertRegex(self.node.ok("produce", topic, stdin=b"a\nbb\n").stdout,
                         r"^2 records, 3B in \d+\.\d{3} s, 0 failed\n$")
        self.assertRegex(self.node.ok("produce", topic, stdin=b"a\n").stdout, r"^1 record, 1B in ")
        self.assertEqual(self.node.ok("produce", topic, "-q", stdin=b"a\n").stdout, "")

    def test_input_without_end_in_bounded_memory(self):
        topic = self.topic()
        block = b"".join(b"%08d" % i + b"x" * 1015 + b"\n" for i in range(1024))
        process = self.node.popen("produce", topic, "-o", "json", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def feed():
            for _ in range(256):
                process.stdin.write(block)
            process.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        out = process.stdout.read()
        feeder.join()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        process.stdout.close()
        self.assertEqual(status, 0)
        self.assertEqual(json.loads(out)["records"], 256 * 1024)
        # 256 MiB went through; the SDK's own bound is 64 MiB.
        self.assertLess(usage.ru_maxrss, 200 * 1024)

    def test_interrupted(self):
        topic = self.topic()
        process = self.node.popen("produce", topic, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(b"one\ntwo\nthr")
        process.stdin.flush()
        seen = self.node.records(topic, "--count", "2")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"2 records", out)
        self.assertEqual([r["value"] for r in seen], ["one", "two"])


class Consuming(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node.ok("topic", "create", "ten")
        cls.node.ok("produce", "ten", "--key-separator", ":",
                    stdin=b"".join(b"k%d:v%d\n" % (i, i) for i in range(10)))
        cls.node.ok("topic", "create", "timed", "--partitions", "2")
        for partition in range(2):
            events = ['{"t":%d}' % (1_000_000 + 1000 * i + partition) for i in range(10)]
            for event in events:  # a batch each: a place by time is found to the batch
                cls.node.ok("produce", "timed", "--format", "ndjson", "--time-field", "t", "--partition",
                            str(partition), stdin=event.encode())

    def offsets(self, *words):
        return [r["offset"] for r in self.node.records(*words)]

    def test_json_has_exactly_the_promised_keys(self):
        for record in self.node.records("ten", "--until-end"):
            self.assertEqual(list(record), ["topic", "partition", "offset", "event_time", "append_time", "key", "value",
                                            "headers"])

    def test_offset_grammar(self):
        for words, want in ((["start"], range(10)), (["+4"], range(4, 10)), (["-3"], range(7, 10)),
                            (["2-5"], range(2, 6)), (["7"], range(7, 10)), (["+99"], []), (["-99"], range(10)),
                            (["8-20"], [8, 9]), (["10"], [])):
            self.assertEqual(self.offsets("ten", "--offsets", *words), list(want), words)
            self.assertEqual(self.offsets("ten", "--offsets", *words, "--until-end"), list(want), words)
        self.assertEqual(self.offsets("ten", "--offsets", "end", "--until-end"), [])
        self.assertEqual(self.offsets("ten", "--offsets", "3", "--count", "2"), [3, 4])
        refused = self.node.ok("consume", "ten", "--offsets", "11", status=5)
        self.assertIn("see: forebay offsets ten\n", refused.stderr)
        self.node.ok("consume", "ten", "--offsets", "20-30", status=5)
        self.node.ok("consume", "ten", "--offsets", "tomorrow", status=2)
        self.node.ok("consume", "ten", "--until-end", "--follow", status=2)
        self.node.ok("consume", "none", status=3)
        self.node.ok("consume", "ten", "--partition", "5", status=3)

    def test_offsets_by_time(self):
        for at, want in ((1_003_000, [3, 3]), (0, [0, 0]), (1_009_000, [9, 9]), (1_009_001, [10, 9])):
            found = self.node.json("offsets", "timed", "--at", "@%d" % at)
            self.assertEqual([o["offset"] for o in found], want)
        records = self.node.records("timed", "--offsets", "@1970-01-01T00:16:48Z", "--until-end")
        self.assertEqual(sorted((r["partition"], r["offset"]) for r in records), [(0, 8), (0, 9), (1, 8), (1, 9)])
        self.assertEqual(len(self.node.records("timed", "--offsets", "@1h", "--by", "append", "--until-end")), 20)
        self.assertEqual(len(self.node.records("timed", "--offsets", "@1h", "--until-end")), 0)

    def test_partitions_keep_their_order(self):
        records = self.node.records("timed", "--until-end")
        for partition in range(2):
            self.assertEqual([r["offset"] for r in records if r["partition"] == partition], list(range(10)))
        self.assertEqual([r["partition"] for r in self.node.records("timed", "--partition", "1")], [1] * 10)

    def test_text_templates_and_yaml(self):
        self.assertEqual(self.node.ok("consume", "ten", "--count", "2").stdout, "v0\nv1\n")
        self.assertEqual(self.node.ok("consume", "ten", "--count", "2", "-o", "%t/%p@%o %k=%v %%\\n").stdout,
                         "ten/0@0 k0=v0 %\nten/0@1 k1=v1 %\n")
        self.assertEqual(self.node.ok("-o", "[%v]", "consume", "ten", "--count", "2").stdout, "[v0][v1]")
        self.assertIn("key: k0\n", self.node.ok("consume", "ten", "--count", "1", "-o", "yaml").stdout)
        self.assertIn("ten/0@0", self.node.ok("consume", "ten", "--count", "1", "-o", "wide").stdout)
        self.node.ok("consume", "ten", "-o", "%q", status=2)
        self.node.ok("consume", "ten", "-o", "jsn", status=2)

    def test_follow_until_interrupted(self):
        topic = self.topic()
        process = self.node.popen("consume", topic, "--follow", stdout=subprocess.PIPE, text=True)
        for i in range(3):
            self.node.ok("produce", topic, stdin=b"v%d\n" % i)
            self.assertEqual(process.stdout.readline(), "v%d\n" % i)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        process.stdout.close()

    def test_count_waits_and_until_end_does_not(self):
        topic = self.topic()
        self.assertEqual(self.node.records(topic, "--until-end"), [])
        self.assertEqual(self.node.records(topic, "--until-end", "--count", "3"), [])
        process = self.node.popen("consume", topic, "--count", "2", stdout=subprocess.PIPE, text=True)
        self.node.ok("produce", topic, stdin=b"a\n")
        self.assertEqual(process.stdout.readline(), "a\n")
        self.node.ok("produce", topic, stdin=b"b\nc\n")
        self.assertEqual(process.stdout.read(), "b\n")
        self.assertEqual(process.wait(timeout=60), 0)
        process.stdout.close()

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        topic = self.topic()
        self.node.ok("produce", topic, stdin=b"x" * 1000 + (b"\n" + b"x" * 1000) * 5000)
        process = self.node.popen("consume", topic, "--follow", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(100)
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(process.wait(timeout=60), 0)


class Measuring(CliTest):
    KEYS = ["records", "bytes", "seconds", "failed", "records_per_s", "mb_per_s", "latency_ms"]

    def test_produce_and_consume(self):
        topic = self.topic(partitions=3)
        for words in ([], ["--rate", "20k"], ["--producers", "3"], ["--keys", "10", "--compression", "lz4"],
                      ["--single", "--records", "50"]):
            words = ["--records", "2k", "--size", "100", *words]
            result = self.node.json("perf", "produce", "--topic", topic, *words)
            self.assertEqual(list(result), self.KEYS)
            self.assertEqual(result["records"], 50 if "--single" in words else 2000)
            self.assertEqual(result["failed"], 0)
            self.assertEqual(list(result["latency_ms"]), ["p50", "p90", "p99", "p99_9", "max"])
            self.assertLessEqual(result["latency_ms"]["p50"], result["latency_ms"]["max"])
        values = [r["value"] for r in self.node.records(topic, "--until-end")]
        runs = {}
        for value in values:
            self.assertEqual(len(value), 100)
            run, number = re.match(r"^([0-9a-f]{8})-(\d+) ", value).groups()
            runs.setdefault(run, []).append(int(number))
        self.assertEqual(sorted(len(numbers) for numbers in runs.values()), [50, 2000, 2000, 2000, 2000])
        for numbers in runs.values():
            self.assertEqual(sorted(numbers), list(range(len(numbers))))
        result = self.node.json("perf", "consume", "--topic", topic)
        self.assertEqual(list(result), self.KEYS)
        self.assertEqual(result["records"], 8050)
        self.assertIsNone(result["latency_ms"])
        self.assertIn("records/s", self.node.ok("perf", "consume", "--topic", topic).stdout)

    def test_a_rate_is_kept(self):
        topic = self.topic()
        result = self.node.json("perf", "produce", "--topic", topic, "--records", "500", "--size", "64", "--rate", "1k")
        self.assertGreater(result["seconds"], 0.45)

    def test_refusals(self):
        topic = self.topic()
        self.node.ok("perf", "produce", "--records", "5", status=2)
        self.node.ok("perf", "produce", "--topic", topic, "--size", "3", status=2)
        self.node.ok("perf", "produce", "--topic", topic, "--rate", "0", status=2)
        self.node.ok("perf", "produce", "--topic", "none", status=3)
        self.node.ok("perf", "consume", "--topic", "none", status=3)
        self.assertEqual(self.node.json("perf", "consume", "--topic", topic)["records"], 0)


class Examining(CliTest):
    def test_health(self):
        self.assertEqual(self.node.json("health"), {"healthy": True, "problems": []})
        self.assertEqual(self.node.ok("health").stdout, "healthy\n")
        port = free_ports(1)[0]
        sick = self.node.json("health", "--server", "127.0.0.1:%d" % port, "--timeout", "1s", status=1)
        self.assertFalse(sick["healthy"])
        self.assertEqual(list(sick["problems"][0]), ["what", "where", "fix"])
        self.assertEqual(sick["problems"][0]["where"], "127.0.0.1:%d" % port)

    def test_doctor(self):
        found = self.node.json("doctor")
        self.assertTrue(found["ok"])
        checks = {c["check"]: c["status"] for c in found["checks"]}
        for check in ("server reachable", "API answers", "advertised API address", "HTTP address", "version", "clock",
                      "I/O engine", "disk space", "node's open files", "disk sync", "own open files"):
            self.assertIn(check, checks)
        port = free_ports(1)[0]
        found = self.node.json("doctor", "--server", "127.0.0.1:%d" % port, "--timeout", "1s", status=1)
        self.assertFalse(found["ok"])
        self.node.ok("doctor", "--data-dir", "/no/such/directory", status=1)

    def test_node(self):
        node = self.node.json("node", "describe")
        self.assertEqual((node["id"], node["api_address"]), (1, self.node.api))
        self.assertGreater(node["disk"]["total_bytes"], 0)
        self.assertEqual(node["disk"]["journal_bytes"] % (64 << 20), 0)
        self.assertGreater(node["disk"]["journal_bytes"], 0)
        text = self.node.ok("node", "describe").stdout
        self.assertIn(self.node.api, text)
        self.assertRegex(text, r"memory limit +none")
        port = self.node.api.rsplit(":", 1)[1]
        dialled = self.node.json("node", "describe", "--server", "localhost:" + port)["api_address"]
        self.assertEqual(dialled, "localhost:" + port)
        before = self.node.json("node", "log-level", "debug")["previous"]
        self.assertEqual(self.node.json("node", "log-level", before)["previous"], "debug")
        self.node.ok("node", "log-level", "loud", status=2)

    def test_move_rate_changes_while_running(self):
        before = self.node.json("node", "describe")["move_bytes_per_second"]
        self.assertEqual(self.node.json("node", "move-rate", "1MiB")["previous"], before)
        self.assertEqual(self.node.json("node", "describe")["move_bytes_per_second"], 1 << 20)
        self.node.ok("node", "move-rate", str(before))

    def test_only_node_is_not_decommissioned(self):
        self.node.ok("node", "decommission", "1", "--yes", status=5)
        self.assertIsNone(self.node.json("cluster", "describe")["nodes"][0]["decommission"])

    def test_cluster_of_one(self):
        topic = self.topic(partitions=2)
        self.node.ok("produce", topic, stdin=b"x\ny\n")
        cluster = self.node.json("cluster", "describe")
        self.assertEqual([node["id"] for node in cluster["nodes"]], [1])
        only = cluster["nodes"][0]
        self.assertEqual((only["state"], only["alive"], only["away_since"]), ("alive", True, None))
        self.assertEqual(only["api_address"], self.node.api)
        self.assertGreater(only["details"]["disk"]["total_bytes"], 0)
        self.assertEqual(self.node.json("cluster", "health"), {"healthy": True, "problems": []})
        self.assertEqual(self.node.ok("cluster", "health").stdout, "healthy\n")
        partitions = self.node.json("partition", "list", topic)
        self.assertEqual([one["partition"] for one in partitions], [0, 1])
        for one in partitions:
            self.assertEqual((one["topic"], one["leader"]), (topic, 1))
            replica = one["replicas"][0]
            self.assertEqual((replica["node"], replica["role"], replica["lag_records"], replica["state"]),
                             (1, "leader", 0, "in sync"))
        self.assertEqual(sum(one["replicas"][0]["flushed"] for one in partitions), 2)
        self.assertIn("__cluster", [one["topic"] for one in self.node.json("partition", "list", "--internal")])
        self.assertRegex(self.node.ok("partition", "list", topic).stdout, r"PARTITION +LEADER")
        self.assertRegex(self.node.ok("partition", "list", topic, "-o", "wide").stdout, r"FLUSHED +LAG")
        self.node.ok("partition", "list", "no-such-topic", status=3)
        nobody = "127.0.0.1:%d" % free_ports(1)[0]
        sick = self.node.json("cluster", "health", "--server", nobody, "--timeout", "1s", status=1)
        self.assertEqual(list(sick["problems"][0]), ["what", "where", "since", "fix"])
        self.assertEqual(sick["problems"][0]["where"], nobody)

    def test_version_completion_help(self):
        version = self.node.json("version")
        self.assertRegex(version["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(version["servers"], [])
        asked = self.node.json("version", "--server", self.node.api)
        self.assertEqual(asked["servers"][0]["version"], version["version"])
        self.topic("completed-topic")
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("__complete", self.node.ok("completion", shell).stdout)
        self.node.ok("completion", "tcsh", status=2)
        # Completion gives up soon, for somebody waits for it: on a busy machine Tab is pressed again.
        wait_until(lambda: self.node.ok("__complete", "consume", "completed-").stdout == "completed-topic\n",
                   "the topic is completed")
        script = self.node.ok("completion", "bash").stdout.encode()
        subprocess.run(["bash", "-n"], input=script, check=True)
        # As in a terminal: COMP_WORDS would have the address in three words.
        pressed = b"""
            COMP_LINE='forebay -s %s topic describe compl'; COMP_POINT=${#COMP_LINE}
            COMP_WORDS=(forebay -s 127.0.0.1 : 1 topic describe compl); COMP_CWORD=7
            _forebay; echo "${COMPREPLY[*]}"
        """ % self.node.api.encode()
        environment = {"PATH": os.path.dirname(self.node.forebay) + ":" + os.environ["PATH"]}
        wait_until(lambda: subprocess.run(["bash"], input=script + pressed, capture_output=True, check=True,
                                          env=environment).stdout == b"completed-topic\n",
                   "the topic is completed in bash")
        key = b"COMP_LINE='forebay topic create t --config retention.m'; COMP_POINT=${#COMP_LINE}; _forebay; echo $COMPREPLY"
        done = subprocess.run(["bash"], input=script + key, capture_output=True, check=True, env=environment)
        self.assertEqual(done.stdout, b"retention.ms=\n")
        self.assertIn("130", self.node.ok("help", "exit-codes").stdout)
        self.assertIn("examples:", self.node.ok("topic", "create", "--help").stdout)
        self.assertEqual(self.node.ok("help", "topic", "create").stdout,
                         self.node.ok("topic", "create", "--help").stdout)
        self.node.ok("help", "nothing", status=2)

    def test_usage(self):
        for words in ([], ["topic"], ["tpic"], ["topic", "lst"], ["topic", "list", "--nope"], ["consume"],
                      ["topic", "list", "-o", "xml"], ["topic", "list", "--timeout", "x"], ["--server", "x", "version"]):
            done = self.node.ok(*words, status=2)
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.stderr, "")
        self.assertIn("did you mean 'topic'", self.node.run("tpic").stderr)

    def test_no_escape_codes_where_there_is_no_terminal(self):
        for words in (["topic", "list"], ["health"], ["topic", "describe", "none"]):
            done = self.node.run(*words)
            self.assertNotIn("\x1b", done.stdout + done.stderr)


class EveryVerb(CliTest):
    """Rows: words of a command line that succeeds, and whether it asks a broker."""

    def rows(self):
        topic = "every"
        if topic not in [t["name"] for t in self.node.json("topic", "list")]:
            self.topic(topic, 2)
            self.node.ok("produce", topic, stdin=b"x\n")
        journal = os.path.join(self.node.data_dir, "journal")
        file = sorted(os.path.join(folder, name) for folder, _, names in os.walk(journal) for name in names)[0]
        # A directory that no daemon uses, and that has lost nothing.
        idle = os.path.join(self.node.directory, "idle")
        os.makedirs(idle, exist_ok=True)
        for name in ("FORMAT", "BOOT"):
            shutil.copy(os.path.join(self.node.data_dir, name), idle)
        schema = os.path.join(self.node.directory, "every.avsc")
        with open(schema, "w") as out:
            out.write('"string"')
        self.node.ok("schema", "register", "every-value", schema)
        copy = os.path.join(self.node.directory, "every.ndjson")
        with open(copy, "w") as out:
            out.write(self.node.ok("schema", "export").stdout)
        return [
            (["topic", "create", "every-new", "--dry-run"], True),
            (["topic", "list"], True),
            (["topic", "describe", topic], True),
            (["topic", "alter", topic, "--config", "retention.ms=86400000"], True),
            (["topic", "delete", topic, "--dry-run"], True),
            (["topic", "add-partitions", topic, "--total", "3", "--dry-run"], True),
            (["topic", "trim", topic, "--before", "start", "--yes"], True),
            (["produce", topic], True),
            (["consume", topic, "--count", "1"], True),
            (["offsets", topic], True),
            (["producer", "list"], True),
            (["group", "create", "every"], True),
            (["group", "list"], True),
            (["group", "describe", "every"], True),
            (["group", "members", "every"], True),
            (["group", "lag", "every"], True),
            (["group", "reset", "every", "--topic", topic, "--to", "start", "--yes"], True),
            (["group", "delete", "every", "--dry-run"], True),
            (["schema", "register", "every-value", schema], True),
            (["schema", "get", "every-value"], True),
            (["schema", "check", "every-value", schema], True),
            (["schema", "diff", "every-value", "1", schema], True),
            (["schema", "compatibility", "every-value", "FULL"], True),
            (["schema", "mode", "every-value"], True),
            (["schema", "subject", "list"], True),
            (["schema", "subject", "describe", "every-value"], True),
            (["schema", "subject", "delete", "every-value", "--dry-run"], True),
            (["schema", "usage", "every-value"], True),
            (["schema", "export"], True),
            (["schema", "import", copy, "--dry-run"], True),
            (["cluster", "describe"], True),
            (["cluster", "health"], None),
            (["partition", "list", topic], True),
            (["partition", "status", topic], True),
            (["node", "describe"], True),
            (["node", "log-level", "info"], True),
            (["node", "move-rate", "64MiB"], True),
            (["node", "undrain", "1"], True),
            (["perf", "produce", "--topic", topic, "--records", "10", "--size", "64"], True),
            (["perf", "consume", "--topic", topic], True),
            (["health"], None),
            (["doctor"], None),
            (["log", "dump", file], False),
            (["log", "verify", file], False),
            (["log", "accept-loss", "--data-dir", idle, "--all", "--dry-run"], False),
            (["completion", "bash"], False),
            (["version"], True),  # of the broker too, when --server names one
            (["help"], False),
        ]

    def listed(self):
        """Every verb that the program itself lists."""
        text = self.node.ok("help").stdout
        commands = text[text.index("\ncommands:\n") + 11:text.index("\n\nmore help:")]
        # A long name has its summary on the next line.
        names = (re.match(r"^  (\S+(?: \S+){0,2})(?:  |$)", line) for line in commands.split("\n"))
        return {name.group(1) for name in names if name}

    # They need more than one node, or change what cannot be changed back: integration/moves, node_stop, majority_lost,
    # decommission. Or a name that a producer has taken: unit/cli/producer_verbs_test.
    SEVERAL_NODES = {"partition move", "partition cancel", "partition rebuild", "partition transfer-leader",
                     "partition recover-without-majority", "node drain", "node ready-to-stop",
                     "node decommission", "producer delete"}

    def test_no_verb_is_missing_here(self):
        listed = self.listed()
        covered = {next(name for name in (" ".join(words[:count]) for count in (3, 2, 1)) if name in listed)
                   for words, _ in self.rows()}
        self.assertEqual(covered | self.SEVERAL_NODES, listed)

    def test_each_speaks_json_and_yaml_with_the_options_in_any_place(self):
        for words, _ in self.rows():
            for line in (["-o", "json", *words], [words[0], "-o", "json", *words[1:]], [*words, "--output=json"]):
                with self.subTest(line=line):
                    done = self.node.ok(*line, stdin=b"x\n")
                    for document in ([done.stdout] if done.stdout[:2] in ("{\n", "[\n", "[]") else done.stdout.splitlines()):
                        json.loads(document)
                    self.assertNotEqual(done.stdout, "")
            self.assertNotEqual(self.node.ok(*words, "-o", "yaml", stdin=b"x\n").stdout, "")
            self.assertNotEqual(self.node.ok(*words, "-o", "help").stdout, "")
            self.node.ok(*words, "-o", "wide", stdin=b"x\n")
            self.node.ok(*words, "-q", stdin=b"x\n")

    def test_each_says_unavailable_when_nobody_is_there(self):
        nobody = "127.0.0.1:%d" % free_ports(1)[0]
        for words, asks in self.rows():
            if asks is None:
                continue
            with self.subTest(words=words):
                done = self.node.run(*words, "--server", nobody, "--timeout", "300ms", stdin=b"x\n")
                self.assertEqual(done.returncode, 6 if asks else 0, done.stderr)
        done = self.node.ok("topic", "list", "--server", nobody, "--timeout", "300ms", status=6)
        self.assertIn("see: forebay doctor --server " + nobody, done.stderr)

    def test_a_dead_server_in_front_costs_no_time(self):
        topic = self.topic()
        servers = "127.0.0.1:%d,%s" % (free_ports(1)[0], self.node.api)
        for words in (("produce", topic), ("perf", "produce", "--topic", topic, "--records", "5"),
                      ("perf", "consume", "--topic", topic), ("topic", "describe", topic)):
            with self.subTest(words=words):
                # Less than what the dead one could take when somebody waited for it.
                self.node.ok(*words, "--server", servers, "--timeout", "2s", stdin=b"x\n")
        self.assertEqual(len(self.node.records(topic, "--until-end", "--server", servers, "--timeout", "2s")), 6)

    def test_another_port_of_the_node_is_told_from_nobody(self):
        # What listens there must answer before the command gives up.
        wait_until(lambda: "not gRPC" in self.node.ok("topic", "list", "--server", self.node.http, "--timeout", "1s",
                                                      status=6).stderr, "the command says what listens there")


class Offline(unittest.TestCase):
    def test_dump_and_verify(self):
        node = Node(ARGUMENTS.forebayd, ARGUMENTS.forebay).start()
        try:
            node.ok("topic", "create", "stored", "--partitions", "2")
            # Enough for segments: what is little stays in the journal when the node stops.
            count, fill = 6000, "x" * 1000
            lines = b"".join(b"%d:value-%d %s\n" % (i % 7, i, fill.encode()) for i in range(count))
            node.ok("produce", "stored", "--key-separator", ":", "-H", "h=1", stdin=lines)
            sent = {(r["partition"], r["offset"]): (r["key"], r["value"])
                    for r in node.records("stored", "--until-end")}
            self.assertEqual(len(sent), count)
            topic_id = node.json("topic", "describe", "stored")["id"]
            node.ok("log", "verify", node.data_dir, status=5)  # in use
            self.assertEqual(node.stop(), 0)
            report = node.json("log", "verify", node.data_dir)
            self.assertTrue(report["ok"])
            self.assertEqual([p for p in report["problems"] if p["severity"] == "damage"], [])
            lines = [json.loads(line) for line in node.ok("log", "dump", node.data_dir, "-o", "json").stdout.splitlines()]
            self.assertEqual({line["kind"] for line in lines}, {"directory", "journal", "partition"})
            self.assertEqual({line["name"] for line in lines if line["kind"] == "partition"}, {"__cluster", "stored"})
            folder = os.path.join(node.data_dir, "topics", topic_id)
            segments = sorted(os.path.join(path, name) for path, _, names in os.walk(folder) for name in names
                              if name.endswith(".log"))
            self.assertGreaterEqual(len(segments), 1)
            stored = [line for line in lines if line.get("name") == "stored"]
            ends = {line["partition"]: int(line["segment_end"].split("/")[0]) for line in stored}
            self.assertEqual(sum(int(line["end"].split("/")[0]) for line in stored), count)
            dumped = node.ok("log", "dump", *segments, "--records", "-o", "json").stdout.splitlines()
            records = [line for line in map(json.loads, dumped) if line["kind"] == "record"]
            # Exactly what lies below the segments' ends, as a consumer got it.
            self.assertEqual({(r["partition"], r["offset"]): (r["key"], r["value"]) for r in records},
                             {place: record for place, record in sent.items() if place[1] < ends[place[0]]})
            self.assertGreater(len(records), 0)
            self.assertTrue(all(r["headers"] == {"h": "1"} for r in records))
            # With what only the journal has: all of it.
            dumped = node.ok("log", "dump", node.data_dir, "--records", "-o", "json").stdout.splitlines()
            records = [line for line in map(json.loads, dumped) if line["kind"] == "record" and line["topic"] == topic_id]
            self.assertEqual({(r["partition"], r["offset"]): (r["key"], r["value"]) for r in records}, sent)
            node.ok("log", "verify", *segments)
            journal = os.path.join(node.data_dir, "journal")
            for path, _, names in os.walk(journal):
                for name in names:
                    node.ok("log", "dump", os.path.join(path, name))
            # One flipped bit in a record.
            with open(segments[0], "r+b") as file:
                content = file.read()
                at = content.index(b"value-")
                file.seek(at)
                file.write(bytes([content[at] ^ 1]))
            for path in (segments[0], node.data_dir):
                report = node.json("log", "verify", path, status=1)
                self.assertFalse(report["ok"])
                self.assertEqual(report["problems"][0]["severity"], "damage")
            node.ok("log", "verify", "/no/such/file", status=3)
            node.ok("log", "verify", node.forebay, status=2)
            node.ok("log", "verify", node.directory, status=2)
        finally:
            node.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--forebayd", required=True)
    parser.add_argument("--forebay", required=True)
    ARGUMENTS, rest = parser.parse_known_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
