"""The events of tests/data/commits.ndjson.zst, and what must be true of a topic that holds them.

Until producing is idempotent a retry after a broken connection may store a run of records twice (1 2 3 may become
1 2 1 2 3); so the order is that of the first copies, and copies must be equal.
"""

import json
import subprocess

PARTITIONS = 12
EVENTS = 65_468


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def load(data):
    packed = subprocess.run(["zstd", "-dc", data], check=True, capture_output=True).stdout
    lines = packed.split(b"\n")
    check(lines.pop() == b"", "the file ends with a newline")
    check(len(lines) == EVENTS, "%d events" % len(lines))
    return lines


class Acked:
    """The file of acknowledged lines, as it grows."""

    def __init__(self, path):
        self.path = path

    def count(self):
        try:
            with open(self.path, "rb") as file:
                return file.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def wait_for(self, count, process):
        while self.count() < count:
            check(process.poll() is None, "the producer has ended before its time")
            try:
                process.wait(timeout=0.001)  # or else look again
            except subprocess.TimeoutExpired:
                pass

    def places(self):
        with open(self.path) as file:
            return [tuple(map(int, text.split(" "))) for text in file]


PRODUCE = ("produce", "commits", "-", "--format", "ndjson", "--key-field", "author", "--id-field", "id", "--time-field",
           "time", "-o", "json")
CONSUME = ("consume", "commits", "--until-end", "-o", "json")


def verify(lines, places, records):
    events = [json.loads(line) for line in lines]
    line_of_id = {event["id"]: index for index, event in enumerate(events)}
    check(len(line_of_id) == len(events), "ids are unique")
    check(sorted(line for _, _, line in places) == list(range(1, len(lines) + 1)),
          "each line is acknowledged exactly once")

    by_place = {(record["partition"], record["offset"]): record for record in records}
    check(len(by_place) == len(records), "no place comes twice")
    for partition, offset, line in places:
        record = by_place.get((partition, offset))
        check(record is not None, "acknowledged line %d is not at %d/%d" % (line, partition, offset))
        check(record["value"].encode() == lines[line - 1], "line %d is another one at its place" % line)

    partition_of_key = {}
    next_offset = [0] * PARTITIONS
    first_copies = {}
    for record in records:  # of each partition in the order of its offsets
        partition = record["partition"]
        check(record["offset"] == next_offset[partition], "offsets are dense")
        next_offset[partition] += 1
        index = line_of_id[record["headers"]["ce_id"]]
        event = events[index]
        check(record["value"].encode() == lines[index], "byte for byte")
        check(record["key"] == event["author"], "the key is the author")
        check(record["headers"] == {"ce_id": event["id"]}, "the only header is the id")
        check(record["event_time"] == event["time"].replace("Z", ".000Z"), "the event time is that of the event")
        check(partition_of_key.setdefault(record["key"], partition) == partition, "a key has one partition")
        first_copies.setdefault(record["key"], {}).setdefault(index, None)
    for key, indexes in first_copies.items():
        check(list(indexes) == sorted(indexes), "events of %s are in order" % key)
    check(sum(map(len, first_copies.values())) == len(events), "every event is there")
    check(len(partition_of_key) == len({event["author"] for event in events}), "every author is there")
    print("read back: %d records, %d of them second copies, %d keys" %
          (len(records), len(records) - len(events), len(partition_of_key)))
