#!/usr/bin/env python3
"""Makes the golden state of producers, from docs/format/producer-state.md alone, and the inputs of the fuzz
targets that have it and the control frames of producers (docs/format/control.md).

It was made once; a format change adds a file beside it and never changes it. Run from this folder."""
import struct
from pathlib import Path

OUT = Path("producer_state")
CORPUS = Path("../fuzz/corpus")

NAMED, BEFORE, BEFORE_POSITION, POSITION, NEXT = 1, 2, 4, 8, 16


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<H", len(data)) + data


def producer(id, epoch, parts, last_time, batches, named=b""):
    head = struct.pack("<qhBBq", id, epoch, parts, len(batches), last_time)
    return head + b"".join(struct.pack("<iiqq", *batch) for batch in batches) + named


def state(*producers):
    return struct.pack("<HHI", 1, 0, len(producers)) + b"".join(producers)


# Its batches wrapped; five are remembered.
UNNAMED = producer(7, 0, 0, 1_700_000_000_004,
                   [(2147483640 + 2 * i, 2147483641 + 2 * i, 100 + 2 * i, 1_700_000_000_000 + i) for i in range(3)] +
                   [(2147483646, 0, 106, 1_700_000_000_003), (1, 1, 109, 1_700_000_000_004)])
# The session before it came to line 20 and this one to line 30; what comes with line 40 is not there yet.
NAME = producer(8, 3, NAMED | BEFORE | BEFORE_POSITION | POSITION | NEXT, 1_700_000_000_009,
                [(0, 9, 200, 1_700_000_000_008)],
                struct.pack("<hiq", 2, 19, 150) + text("file") + text("line 20") + text("file") + text("line 30") +
                struct.pack("<hi", 3, 19) + text("file") + text("line 40"))
# It has fenced and written nothing; neither has anybody before it.
FENCE = producer(9, 32767, NAMED, 1_700_000_000_010, [])

CONTROLS = {
    "control-producer-fence": struct.pack("<HHqh", 1, 4, 8, 3),
    "control-producer-position": struct.pack("<HHqhi", 1, 5, 8, 3, 19) + text("file") + text("line 40"),
    "control-producers-forgotten": struct.pack("<HHqq", 1, 6, 1_700_000_000_000, 1_700_000_003_600),
}


def main():
    OUT.mkdir(exist_ok=True)
    golden = state(UNNAMED, NAME, FENCE)
    (OUT / "three-producers.bin").write_bytes(golden)
    corpus = CORPUS / "producer_state"
    corpus.mkdir(exist_ok=True)
    inputs = {
        "nobody": state(),
        "three": golden,
        "cut": golden[:-5],
        "another-version": b"\x02" + golden[1:],
        "wrong-order": state(NAME, UNNAMED),
        "parts-without-a-name": state(producer(1, 0, POSITION, 5, [], text("a") + text("b"))),
        "count-too-large": struct.pack("<HHI", 1, 0, 0xFFFFFFFF) + UNNAMED,
    }
    for name, data in inputs.items():
        (corpus / name).write_bytes(b"\x00" + data)
    # A whole file of the log's (docs/format/state-snapshot.md), whose checksum the target puts right.
    fields = struct.pack("<I", 1) + bytes(range(16)) + struct.pack("<iqIQII", 3, 300, 2, 5, len(golden), 0)
    (corpus / "file").write_bytes(b"\x01" + b"FBSTATE1" + bytes(4) + fields + golden)
    for name, data in CONTROLS.items():
        (CORPUS / "journal" / name).write_bytes(b"\x02" + data)


main()
