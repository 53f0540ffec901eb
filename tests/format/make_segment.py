#!/usr/bin/env python3
"""Makes the golden files of segment and index, from docs/format/{segment,index,frame,record-batch}.md alone.

They were made once; a format change adds files beside them and never changes one. Run from this folder."""
import struct
from pathlib import Path

OUT = Path("segment")
TOPIC = bytes(range(16))
PARTITION = 3


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(base_offset: int, timestamp: int, values) -> bytes:
    records = b""
    for i, value in enumerate(values):
        body = b"\0" + varint(0) + varint(i) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    checked = struct.pack(">hiqqqhii", 0, len(values) - 1, timestamp, timestamp, -1, -1, -1, len(values)) + records
    head = struct.pack(">qiibI", base_offset, 9 + len(checked), 5, 2, crc32c(checked))
    return head + checked


def frame(kind, begin, end, term, time, payload):
    payload_crc = crc32c(payload[21:] if kind == 1 else payload)
    rest = struct.pack("<IIBBHi", len(payload), payload_crc, kind, 1, 0, PARTITION) + TOPIC
    rest += struct.pack("<qIIqQq", begin[0], begin[1], end[1], end[0], term, time)
    prefix = payload[:21] if kind == 1 else b""
    return b"FBf1" + struct.pack("<I", crc32c(rest + prefix)) + rest + payload


def position(offset, control):
    return struct.pack("<qI", offset, control)


def main():
    OUT.mkdir(exist_ok=True)
    term_start = struct.pack("<HHI", 1, 1, 7)
    first = frame(2, (10, 1), (10, 2), 5, 1700000000000, term_start)
    first += frame(1, (10, 2), (13, 0), 5, 1700000000010, batch(10, 1600000000000, [b"a", b"bc", b"x" * 5000]))
    first += bytes(-len(first) % 4096)
    second = frame(1, (13, 0), (14, 0), 5, 1700000000020, batch(13, 1600000000500, [b"late"]))
    second_end = len(second)
    second += frame(1, (14, 0), (16, 0), 5, 1700000000030, batch(14, 1600000000100, [b"y" * 300, b""]))
    second += bytes(-len(second) % 4096)
    name = "00000000000000000010-00000001-4"
    (OUT / f"{name}.log").write_bytes(first + second)

    # Interval 4096: the control frame, and the first frame of the second piece.
    entries = position(10, 1) + bytes(4) + struct.pack("<Qqq", 0, -1, 1700000000000)
    entries += position(13, 0) + bytes(4) + struct.pack("<Qqq", len(first), 1600000000000, 1700000000020)
    head = b"FBIX" + struct.pack("<HH", 1, 1) + TOPIC + struct.pack("<iIQ", PARTITION, 0, 4)
    head += position(10, 1) + position(16, 0) + struct.pack("<Q", len(first + second))
    head += struct.pack("<qqq", 1700000000010, 1700000000030, 1600000000500) + struct.pack("<II", 4096, 2)
    head += bytes(16) + struct.pack("<I", crc32c(entries))
    head += struct.pack("<I", crc32c(head))
    assert len(head) == 128 and len(entries) == 80 and second_end < 4096
    (OUT / f"{name}.idx").write_bytes(head + entries)


if __name__ == "__main__":
    main()
