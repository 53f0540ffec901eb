#!/usr/bin/env python3
"""Makes the golden files of the journal, from docs/format/{frame,control,journal,data-directory}.md alone.

They were made once; a format change adds files beside them and never changes one. Run from this folder."""
import struct
from pathlib import Path

OUT = Path("journal")


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


TOPIC = bytes(range(16))


def position(offset, control=0):
    return struct.pack("<qI", offset, control)


def partition(index=3):
    return TOPIC + struct.pack("<i", index)


def frame(kind, begin, end, term, time, payload, payload_crc):
    rest = struct.pack("<IIBBHi", len(payload), payload_crc, kind, 1, 0, 3) + TOPIC
    rest += struct.pack("<qIIqQq", begin[0], begin[1], end[1], end[0], term, time)
    prefix = payload[:21] if kind == 1 else b""
    head = b"FBf1" + struct.pack("<I", crc32c(rest + prefix)) + rest
    assert len(head) == 80
    return head + payload


def voter(node):
    return struct.pack("<I", node) + bytes([node]) * 16


def voters(*nodes):
    return struct.pack("<I", len(nodes)) + b"".join(voter(n) for n in nodes)


MEMBERSHIP = voters(1, 2) + voters(3) + voters(4, 5)


def entry(kind, body):
    return struct.pack("<IBBH", len(body), kind, 0, 0) + body


def record(kind, fields=b""):
    return partition() + struct.pack("<H", kind) + fields


def hard_state(term, vote):
    return struct.pack("<QBI", term, vote is not None, vote or 0)


def segment(begin, epoch, generation, end, size):
    return position(*begin) + struct.pack("<QI", epoch, generation) + position(*end) + struct.pack("<Q", size)


SEGMENT = segment((10, 1), 4, 3, (50, 2), 65536)


def listed(*items):
    return struct.pack("<I", len(items)) + b"".join(items)


DAMAGE = struct.pack("<B", 1) + position(20) + position(22)


def round_(kind, sequence, previous, previous_crc, directory, entries, part=0, parts=0, checkpoint=0, clean=0):
    used = 128 + len(directory) + len(entries)
    rest = struct.pack("<HBB", 1, kind, clean)
    rest += struct.pack("<QQQQQQq", 9, 0x1122334455667788, sequence, previous, 1, 5, 1700000000000)
    rest += struct.pack("<IIIIIIQ", previous_crc, 2, used, len(directory), part, parts, checkpoint)
    rest += struct.pack("<Q", 6) + bytes(16)
    rest += directory + entries
    rest += bytes(-(12 + len(rest)) % 4096)
    crc = crc32c(rest)
    return b"FBROUND1" + struct.pack("<I", crc) + rest, crc


def main():
    OUT.mkdir(exist_ok=True)
    write = lambda name, data: (OUT / name).write_bytes(data)

    batch = bytes((i * 7) & 0xFF for i in range(100))
    records_frame = frame(1, (1000, 2), (1007, 0), 5, 1700000000000, batch, crc32c(batch[21:]))
    write("frame-records.bin", records_frame)
    membership_payload = struct.pack("<HH", 1, 2) + MEMBERSHIP
    control_frame = frame(2, (1007, 0), (1007, 1), 5, 1700000000001, membership_payload, crc32c(membership_payload))
    write("frame-control.bin", control_frame)
    write("control-term-start.bin", struct.pack("<HHI", 1, 1, 7))
    write("control-membership.bin", membership_payload)
    write("control-log-start.bin", struct.pack("<HH", 1, 3) + position(12, 3))
    write("control-producer-fence.bin", struct.pack("<HHqh", 1, 4, 5000000007, 3))
    write("control-producer-position.bin", struct.pack("<HHqhi", 1, 5, 5000000007, 3, 41)
          + struct.pack("<H", 13) + b"events.ndjson" + struct.pack("<H", 4) + b"1234")
    write("control-producers-forgotten.bin", struct.pack("<HHqq", 1, 6, 1700000000000, 1700000082801))

    records = [
        record(1),
        record(2),
        record(3, hard_state(8, 2)),
        record(4, position(17, 1) + struct.pack("<Q", 6)),
        record(5, position(3)),
        record(6, listed(SEGMENT) + listed()),
        record(7, listed(DAMAGE)),
    ]
    repeated = b"".join(entry(2, r) for r in records)
    data, data_crc = round_(1, 1, 0, 0, b"", repeated + entry(1, records_frame) + entry(1, control_frame))
    directory = repeated + entry(4, partition() + struct.pack("<B", 15) + position(1007, 1) + struct.pack("<QQI", 5, 8, 2)
                                 + position(17, 1))
    checkpoint_bytes = struct.pack("<I", 1) + partition() + struct.pack("<B", 6) + hard_state(8, 2)
    checkpoint_bytes += struct.pack("<Q", 6) + position(10, 1) + position(50, 2) + struct.pack("<q", 12345)
    checkpoint_bytes += position(17, 1) + position(1007, 1) + struct.pack("<Q", 5)
    checkpoint_bytes += listed(SEGMENT) + listed(struct.pack("<Q", 5) + position(0)) + listed(DAMAGE)
    checkpoint_bytes += listed(position(0, 1) + MEMBERSHIP)
    write("checkpoint.bin", checkpoint_bytes)
    scrubbed = struct.pack("<I", 1) + partition() + struct.pack("<B", 8) + hard_state(8, 2)
    scrubbed += struct.pack("<Q", 6) + position(10, 1) + position(50, 2) + struct.pack("<q", 12345)
    scrubbed += struct.pack("<qq", 1_700_000_000_000, 1_700_000_100_000) + position(30, 1) + 4 * listed()
    write("checkpoint-scrub.bin", scrubbed)
    kinds = (1, position(20), position(22)), (2, position(30, 1), position(30, 1)), \
            (3, position(12), position(15, 2)), (4, position(25), position(25))
    write("record-damage.bin", record(7, listed(*(struct.pack("<B", k) + b + e for k, b, e in kinds))))
    write("record-create-lost.bin", record(8))
    write("record-create-again.bin", record(10))
    write("record-damage-renewal.bin", record(7, listed(struct.pack("<B", 5) + position(0) + position(0))))
    half = len(checkpoint_bytes) // 2
    first, first_crc = round_(2, 2, 1, data_crc, directory, entry(3, checkpoint_bytes[:half]), 0, 2, 2)
    second, second_crc = round_(2, 3, 2, first_crc, b"", entry(3, checkpoint_bytes[half:]), 1, 2, 2)
    idle, _ = round_(3, 4, 3, second_crc, b"", b"", clean=1)
    write("2-5.journal", data + first + second + idle)

    boot = struct.pack("<IQQII", 1, 9, 0x1122334455667788, 4, 0)
    block = b"FBBBOOT1" + struct.pack("<I", crc32c(boot)) + boot
    write("BOOT", 2 * (block + bytes(4096 - len(block))))
    text = b"forebay data directory\nformat: 1\ndisk: 00010203-0405-0607-0809-0a0b0c0d0e0f\n"
    write("FORMAT", text + b"crc32c: %08x\n" % crc32c(text))


main()
