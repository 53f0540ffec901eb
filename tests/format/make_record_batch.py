#!/usr/bin/env python3
"""Writes the golden record batches of tests/format/record_batch/.

It shares nothing with the C++ code: the layout is written out from docs/format/record-batch.md, the checksum is computed
bit by bit, snappy by the small encoder below, gzip by Python's zlib, lz4 and zstd by their command-line tools.
The files were made once and are never made again: a reader of today must read what was written then. To add a kind of
batch, add it here, run the script in an empty directory, and copy only the new file.
"""
import struct
import subprocess
import sys
import zlib
from pathlib import Path

BASE_TIMESTAMP = 1_700_000_000_000

# (key, value, headers, timestamp)
RECORDS = [
    (b"user-1", b'{"n":1}', [], BASE_TIMESTAMP),
    (None, b"no key", [], BASE_TIMESTAMP + 5),
    (b"user-1", None, [], BASE_TIMESTAMP + 1500),
    (b"", b"", [("ce_id", b"a-1"), ("trace", None), ("trace", b""), ("gr\u00f6\u00dfe", b"\x00\xff")],
     BASE_TIMESTAMP - 20),
    (b"user-2", b"abcabcabc" * 300, [], BASE_TIMESTAMP + 86_400_000),
]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(value):
    zigzag = value * 2 if value >= 0 else -value * 2 - 1
    out = bytearray()
    while zigzag >= 128:
        out.append(zigzag % 128 + 128)
        zigzag //= 128
    out.append(zigzag)
    return bytes(out)


def nullable(data):
    return varint(-1) if data is None else varint(len(data)) + data


def record(offset_delta, key, value, headers, timestamp):
    body = b"\x00" + varint(timestamp - BASE_TIMESTAMP) + varint(offset_delta) + nullable(key) + nullable(value)
    body += varint(len(headers))
    for name, header_value in headers:
        body += nullable(name.encode()) + nullable(header_value)
    return varint(len(body)) + body


def batch(codec, stored, *, attributes=0, count=len(RECORDS), base_timestamp=BASE_TIMESTAMP, max_timestamp=None):
    if max_timestamp is None:
        max_timestamp = max(r[3] for r in RECORDS)
    covered = struct.pack(">HiqqqhiI", attributes | codec, len(RECORDS) - 1, base_timestamp, max_timestamp, 9001, 3, 40,
                          count) + stored
    after_length = struct.pack(">iBI", 7, 2, crc32c(covered)) + covered
    return struct.pack(">qi", 4096, len(after_length)) + after_length


def raw_snappy(data):
    """Greedy: literals, and copies of up to 64 bytes found by their first four bytes."""
    out = bytearray()
    size = len(data)
    while size >= 128:
        out.append(size % 128 + 128)
        size //= 128
    out.append(size)

    def literal(part):
        while part:
            piece, part = part[:60], part[60:]
            out.append((len(piece) - 1) << 2)
            out.extend(piece)

    seen, at, literal_begin = {}, 0, 0
    while at + 4 <= len(data):
        word = data[at:at + 4]
        match = seen.get(word)
        seen[word] = at
        if match is None or at - match > 0xFFFF:
            at += 1
            continue
        length = 4
        while length < 64 and at + length < len(data) and data[match + length] == data[at + length]:
            length += 1
        literal(data[literal_begin:at])
        out.append((length - 1) << 2 | 2)
        out.extend(struct.pack("<H", at - match))
        at += length
        literal_begin = at
    literal(data[literal_begin:])
    return bytes(out)


def xerial_snappy(data, block_bytes=1000):
    out = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    for begin in range(0, len(data), block_bytes):
        block = raw_snappy(data[begin:begin + block_bytes])
        out += struct.pack(">i", len(block)) + block
    return out


def gzip(data):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def tool(*command):
    return lambda data: subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def main():
    folder = Path(sys.argv[1])
    if any(folder.glob("*.bin")):
        sys.exit(f"{folder} holds golden files already; they are never written again")
    records = b"".join(record(i, *r) for i, r in enumerate(RECORDS))
    kept = b"".join(record(i, *r) for i, r in enumerate(RECORDS) if i in (1, 4))
    files = {
        "none": batch(0, records),
        "gzip": batch(1, gzip(records)),
        "snappy-xerial": batch(2, xerial_snappy(records)),
        "snappy-raw": batch(2, raw_snappy(records)),
        "lz4": batch(3, tool("lz4", "-c", "-B4", "--no-frame-crc")(records)),
        "lz4-content-checksum": batch(3, tool("lz4", "-c", "-9", "-B4")(records)),
        "zstd": batch(4, tool("zstd", "-c", "-q", "--no-check")(records)),
        "append-time": batch(0, records, attributes=8, max_timestamp=1_750_000_000_000),
        "compacted": batch(0, kept, count=2),
        "emptied": batch(0, b"", count=0, base_timestamp=-1),
    }
    for name, data in files.items():
        (folder / f"{name}.bin").write_bytes(data)


main()
