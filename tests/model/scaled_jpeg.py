"""A valid JPEG that is flat at a half, a quarter and an eighth of its size, and a picture in full.

Each block is one pixel of the picture: too bright a mean, and the finest detail of all, coefficient (7, 7), the
stronger the darker the pixel is. Scaled decoders leave that detail out and have white everywhere; a full one adds it
and then cuts samples off at 255, which takes the mean down. Sources: ITU-T T.81, annexes B and F.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_STEP = 16
"""The quantisation step of all coefficients."""
_ABOVE_WHITE = 40
_STRENGTH = 1500.0
_DC = bytes(range(12))
_AC = bytes([0x00, 0xF0, *(0xE0 | size for size in range(1, 11))])
"""End of block, sixteen zeros, and a value of 1 to 10 bits behind fourteen zeros."""


def scaled_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """The file for a grey picture, uint8 (height, width): eight times as wide and high."""
    dc = int((255 + _ABOVE_WHITE - 128) * 8 / _STEP)
    detail = ((255 - picture.astype(float)) / 255 * _STRENGTH / _STEP).clip(0, 1023).astype(int)
    bits, before = [], 0
    for fine in detail.ravel():
        bits.append(_coded(_DC, dc - before))
        before = dc
        bits.append(_code(_AC, 0xF0) * 3 + _coded(_AC, int(fine), 0xE0) if fine else _code(_AC, 0))
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    entropy = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")
    height, width = (8 * side for side in picture.shape)
    tables = _segment(0xC4, b"\x00" + _lengths + _DC) + _segment(0xC4, b"\x10" + _lengths + _AC)
    frame = _segment(0xC0, b"\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00")
    scan = _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
    return b"\xff\xd8" + _segment(0xDB, b"\x00" + bytes([_STEP]) * 64) + frame + tables + scan + entropy + b"\xff\xd9"


_lengths = bytes([0, 0, 0, 12]) + bytes(12)
"""Huffman codes: twelve of four bits each."""


def _code(table: bytes, symbol: int) -> str:
    return format(table.index(symbol), "04b")


def _coded(table: bytes, value: int, run: int = 0) -> str:
    size = abs(value).bit_length()
    bits = format(value if value >= 0 else value + (1 << size) - 1, f"0{size}b") if size else ""
    return _code(table, run | size) + bits


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
