"""A contract for the real events, as a new user would make it: register a schema, let the topic hold everybody to it,
send the events, send broken ones, and understand at once from the error what to fix."""

import argparse
import base64
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from node import Node  # noqa: E402
from real_events import load  # noqa: E402

ARGUMENTS = None
EVENTS = 2_000
SUBJECT = "commits-value"
COMMIT = {"type": "record", "name": "Commit", "namespace": "git", "fields": [
    *({"name": name, "type": "string"} for name in ("id", "time", "committed", "repo", "author")),
    *({"name": name, "type": "int"} for name in ("parents", "title_chars"))]}


def bytes_of(value):
    """As `consume --raw -o json` shows them."""
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode()


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.events = load(ARGUMENTS.data)[:EVENTS]
        cls.event = dict(json.loads(cls.events[0]), repo="forebay", title_chars=3)
        cls.node = Node(ARGUMENTS.forebayd, ARGUMENTS.forebay).start()
        cls.node.ok("schema", "register", SUBJECT, cls.file("commit.avsc", COMMIT))
        cls.node.ok("topic", "create", "commits", "--partitions", "1", "--config", "schema.validation=payload")

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    @classmethod
    def file(cls, name, content):
        path = os.path.join(cls.node.directory, name)
        with open(path, "w") as out:
            out.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def end(self, topic="commits"):
        return self.node.json("offsets", topic)[0]["log_end"]

    def framed(self):
        """The bytes of an event as they are stored. They hold no end of a line: `repo` has not five letters."""
        if "scratch" not in [topic["name"] for topic in self.node.json("topic", "list")]:
            self.node.ok("topic", "create", "scratch", "--partitions", "1")
            self.node.ok("produce", "scratch", "--schema", SUBJECT, stdin=json.dumps(self.event).encode() + b"\n")
        return bytes_of(self.node.records("scratch", "--raw", "--count", "1")[0]["value"])

    def test_1_events_are_encoded_and_shown_as_json(self):
        done = self.node.json("produce", "commits", "--schema", SUBJECT, "--format", "ndjson", "--key-field", "author",
                              "--id-field", "id", "--time-field", "time", stdin=b"\n".join(self.events) + b"\n")
        self.assertEqual((done["records"], done["failed"]), (EVENTS, 0))
        records = self.node.records("commits", "--until-end")
        self.assertEqual([json.loads(record["value"]) for record in records], [json.loads(one) for one in self.events])
        stored = bytes_of(self.node.records("commits", "--count", "1", "--raw")[0]["value"])
        self.assertEqual(stored[:5], b"\0\0\0\0\1")
        self.assertLess(len(stored), len(self.events[0]))

    def test_2_json_that_is_no_value_of_the_schema_is_refused_by_its_line_and_path(self):
        before = self.end()
        event = json.loads(self.events[0])
        event["parents"] = "many"
        done = self.node.ok("produce", "commits", "--schema", SUBJECT, stdin=json.dumps(event).encode() + b"\n", status=1)
        self.assertIn("line 1: value: ", done.stderr)
        self.assertIn("parents", done.stderr)
        self.assertIn("many", done.stderr)
        self.assertEqual(self.end(), before)
        self.node.ok("produce", "commits", "--schema", "nobody", stdin=b"{}\n", status=3)

    def test_3_a_broken_record_is_refused_by_subject_ids_and_path(self):
        before = self.end()
        plain = self.node.ok("produce", "commits", stdin=self.events[0] + b"\n", status=1).stderr
        for word in (SUBJECT, "id", "1", "magic byte", "--schema"):
            self.assertIn(word, plain)
        self.node.ok("schema", "register", "other-value", self.file("other.avsc", {"type": "record", "name": "Other", "fields": []}))
        foreign = self.node.ok("produce", "commits", "--schema", "other-value", stdin=b"{}\n", status=1).stderr
        for word in (SUBJECT, "schema id 2", "expects one of the ids 1"):
            self.assertIn(word, foreign)
        cut = self.node.ok("produce", "commits", stdin=self.framed()[:60] + b"\n", status=1).stderr
        for word in (SUBJECT, "schema id 1", "at 'time'"):
            self.assertIn(word, cut)
        self.assertEqual(self.end(), before)

    def test_4_the_good_records_of_a_batch_are_stored(self):
        before = self.end()
        good = self.framed()
        done = self.node.run("produce", "commits", "--linger", "500ms", "-o", "json",
                             stdin=good + b"\n" + b"broken\n" + good + b"\n")
        self.assertEqual(done.returncode, 7, done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["records"], summary["failed"]), (2, 1), done.stderr)
        self.assertIn("line 2", done.stderr)
        self.assertIn("magic byte", done.stderr)
        self.assertEqual(self.end(), before + 2)

    def test_5_what_does_not_decode_is_shown_as_it_is(self):
        self.node.ok("topic", "create", "anything", "--partitions", "1")
        self.node.ok("produce", "anything", stdin=b"plain\n\0\0\0\0\x63other\n" + self.framed() + b"\n")
        done = self.node.ok("consume", "anything", "--until-end")
        lines = done.stdout_bytes.split(b"\n")
        self.assertEqual(lines[:2], [b"plain", b"\0\0\0\0\x63other"])
        self.assertEqual(json.loads(lines[2]), self.event)
        self.assertEqual(done.stderr.count("do not decode"), 1)
        self.assertNotIn("do not decode", self.node.ok("consume", "anything", "--until-end", "--raw").stderr)

    def test_6_keys_too(self):
        self.node.ok("schema", "register", "named-key", self.file("key.avsc", '"string"'))
        self.node.ok("topic", "create", "named", "--partitions", "1", "--config", "schema.validation=payload",
                     "--config", "schema.key.subject.strategy=topic", "--config", "schema.value.subject.strategy=none")
        self.node.ok("produce", "named", "--key-schema", "named-key", "--key-separator", ":", stdin=b"seven:x\n")
        self.assertEqual(self.node.records("named", "--until-end")[0]["key"], '"seven"')

    def test_7_what_is_in_use_is_not_deleted_by_mistake(self):
        usage = self.node.json("schema", "usage", SUBJECT)["usages"]
        self.assertEqual([(one["version"], one["topic"]) for one in usage], [(1, "commits")])
        self.assertGreaterEqual(usage[0]["records"], EVENTS)
        self.assertEqual(usage[0]["producers"][0]["client"], "forebay")
        done = self.node.ok("schema", "subject", "delete", SUBJECT, "--yes", status=5)
        self.assertIn("--force", done.stderr)

    def test_8_the_next_version_is_checked_and_the_registry_can_be_copied(self):
        wider = dict(COMMIT, fields=COMMIT["fields"] + [{"name": "branch", "type": "string"}])
        done = self.node.ok("schema", "check", SUBJECT, self.file("wider.avsc", wider), status=5)
        self.assertIn("READER_FIELD_MISSING_DEFAULT_VALUE", done.stdout)
        exported = self.node.ok("schema", "export").stdout
        other = Node(ARGUMENTS.forebayd, ARGUMENTS.forebay).start()
        try:
            path = self.file("registry.ndjson", exported)
            self.assertEqual(other.json("schema", "import", path)["failures"], [])
            self.assertEqual(other.ok("schema", "export").stdout, exported)
            self.assertEqual(other.json("schema", "import", path)["imported"], 0)
        finally:
            other.close()

    def test_9_broken_records_can_be_kept_apart(self):
        self.node.ok("schema", "register", "kept-value", self.file("commit.avsc", COMMIT))
        self.node.ok("topic", "create", "kept", "--partitions", "1", "--config", "schema.validation=payload", "--config",
                     "on.violation=quarantine")
        good = self.framed()
        def send(*lines):
            return self.node.run("produce", "kept", "--linger", "500ms", "-o", "json", stdin=b"\n".join(lines) + b"\n")
        done = send(good, b"broken", good, good[:60])
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["records"], summary["failed"], summary["quarantined"]), (4, 0, 2), done.stderr)
        for word in ("line 2 was quarantined", "magic byte", "line 4 was quarantined", "at 'time'", "kept.dlq"):
            self.assertIn(word, done.stderr)

        def offsets(topic):
            return [record["offset"] for record in self.node.records(topic, "--until-end", "--raw")]
        self.assertEqual(offsets("kept"), [0, 2])
        self.assertEqual(offsets("kept.dlq"), [1, 3])
        letter = self.node.records("kept.dlq", "--until-end", "--raw")[1]
        self.assertEqual(bytes_of(letter["value"]), good[:60])
        headers = letter["headers"]
        self.assertEqual(headers["forebay.dead-letter.topic"], "kept")
        self.assertEqual(headers["forebay.dead-letter.offset"], "3")
        self.assertEqual(headers["forebay.dead-letter.rule"], "payload")
        self.assertIn("at 'time'", headers["forebay.dead-letter.reason"])
        self.assertIn("kept.dlq", [topic["name"] for topic in self.node.json("topic", "list")])

        # A group of its own, whose lag counts what is broken and nothing else.
        self.node.ok("consume", "kept.dlq", "--group", "menders", "--count", "2", "--raw")

        def lag():
            return sum(one["lag_records"] for one in self.node.json("group", "lag", "menders")["partitions"])
        self.assertEqual(lag(), 0)
        send(good, good, b"broken too")
        self.assertEqual(lag(), 1)

        # It is as durable as its neighbours.
        self.node.kill()
        self.node.start()
        self.assertEqual(offsets("kept.dlq"), [1, 3, 6])
        self.assertEqual(self.node.ok("produce", "kept.dlq", stdin=b"x\n", status=2).stderr.count("dead letters"), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--forebayd", "--forebay", "--data"):
        parser.add_argument(name, required=True)
    ARGUMENTS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
