"""The two digests a SharePoint file shows: SHA-256, and Microsoft's quickXorHash."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

WIDTH = 160
SHIFT = 11
BLOCK = WIDTH * 32768


def digests(path: Path) -> dict[str, str]:
    """`file.hashes` of a file's content, as Graph shows them."""
    sha, folded, length = hashlib.sha256(), 0, 0
    with open(path, "rb") as file:
        while chunk := file.read(BLOCK):
            sha.update(chunk)
            folded ^= _fold(chunk)
            length += len(chunk)
    return {"sha256Hash": sha.hexdigest().upper(), "quickXorHash": _finish(folded, length)}


def _fold(chunk: bytes) -> int:
    """XOR all 160-byte rows of a chunk into one.

    Byte i is XORed in at bit (11 i) mod 160; that position repeats every 160 bytes, so rows may be joined first.
    Halving keeps it to a few operations on long integers.
    """
    rows = -(-len(chunk) // WIDTH)
    while rows & (rows - 1):
        rows += 1
    value = int.from_bytes(chunk.ljust(rows * WIDTH, b"\0"), "little")
    while rows > 1:
        rows //= 2
        bits = rows * WIDTH * 8
        value = (value >> bits) ^ (value & ((1 << bits) - 1))
    return value


def _finish(folded: int, length: int) -> str:
    digest = 0
    for position, byte in enumerate(folded.to_bytes(WIDTH, "little")):
        bit = position * SHIFT % WIDTH
        shifted = byte << bit
        digest ^= (shifted & ((1 << WIDTH) - 1)) | (shifted >> WIDTH)
    cell = bytearray(digest.to_bytes(WIDTH // 8, "little"))
    for index, byte in enumerate(length.to_bytes(8, "little")):
        cell[len(cell) - 8 + index] ^= byte
    return base64.b64encode(bytes(cell)).decode()
