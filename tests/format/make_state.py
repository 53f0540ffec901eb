#!/usr/bin/env python3
"""Makes the golden state file, from docs/format/state-snapshot.md alone.

It was made once; a format change adds a file beside it and never changes it. Run from this folder."""
import struct
from pathlib import Path

OUT = Path("state")


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def main():
    OUT.mkdir(exist_ok=True)
    state = b"what somebody folded"
    checked = struct.pack("<I", 1) + bytes(range(16)) + struct.pack("<iqIQII", 3, 1007, 2, 5, len(state), 0) + state
    (OUT / "00000000000000001007-00000002.state").write_bytes(b"FBSTATE1" + struct.pack("<I", crc32c(checked)) + checked)


main()
