"""Record batches (format v2, docs/format/record-batch.md) made by hand, good ones and lying ones."""

import struct
import zlib

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)


def _crc32c_table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _plain_varint(number):
    out = bytearray()
    while number & ~0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def varint(number):
    """Zigzag, as in records."""
    return _plain_varint(number << 1 ^ number >> 63)


def record(index, value, length=None):
    body = b"\0" + varint(0) + varint(index) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body) if length is None else length) + body


def batch(records, codec=NONE, count=None, last_offset_delta=None, length=None, crc=None, attributes=None, magic=2,
          base_offset=0, producer=-1, sequence=0):
    """`records`: the bytes behind the header. What is not given is right, for one record."""
    count = 1 if count is None else count
    last = count - 1 if last_offset_delta is None else last_offset_delta
    now = 1_700_000_000_000
    checked = struct.pack(">hiqqqhii", codec if attributes is None else attributes, last, now, now, producer,
                          -1 if producer < 0 else 0, -1 if producer < 0 else sequence, count) + records
    head = struct.pack(">qiib", base_offset, len(checked) + 9 if length is None else length, 0, magic)
    return head + struct.pack(">I", crc32c(checked) if crc is None else crc) + checked


# --- what a few KB may claim to be ------------------------------------------------------------------------------------


def gzip_bomb(mib):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(mib)) + packer.flush()


def zstd_bomb(mib):
    """Blocks of one repeated byte, 128 KiB each, four bytes each."""
    def block(last):
        return struct.pack("<I", (131072 << 3 | 1 << 1 | last))[:3] + b"\0"
    count = mib * 8
    return b"\x28\xb5\x2f\xfd\x00\x68" + block(0) * (count - 1) + block(1)


def _xxh32_of_two(data):
    """xxHash32 of two bytes, seed 0."""
    mask = 0xFFFFFFFF
    h = (374761393 + 2) & mask
    for byte in data:
        h = (h + byte * 374761393) & mask
        h = (h << 11 | h >> 21) & mask
        h = h * 2654435761 & mask
    h = (h ^ h >> 15) * 2246822519 & mask
    h = (h ^ h >> 13) * 3266489917 & mask
    return h ^ h >> 16


def lz4_bomb(mib):
    """One frame of 4 MiB blocks, each one literal and one long match (255 : 1)."""
    descriptor = b"\x60\x70"
    more = (4 << 20) - 1 - 5 - 4 - 15
    block = b"\x1f\0" + b"\x01\0" + b"\xff" * (more // 255) + bytes([more % 255]) + b"\x50" + bytes(5)
    frame = b"\x04\x22\x4d\x18" + descriptor + bytes([_xxh32_of_two(descriptor) >> 8 & 0xFF])
    return frame + (struct.pack("<I", len(block)) + block) * (mib // 4) + struct.pack("<I", 0)


def snappy_raw(mib, claimed=None):
    """One literal, then copies of 64 bytes, three bytes each."""
    size = mib << 20
    body = b"\x00\0" + b"\xfe\x01\0" * ((size - 1) // 64)
    size = 1 + (size - 1) // 64 * 64
    return _plain_varint(size if claimed is None else claimed) + body


def snappy_blocks(mib):
    """Kafka's framing: blocks of 1 MiB."""
    block = snappy_raw(1)
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + (struct.pack(">i", len(block)) + block) * mib
