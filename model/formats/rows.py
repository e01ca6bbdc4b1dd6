"""The compressed pixels of a PNG: are all its rows there?

Where they end too early, though with a good end, Pillow leaves black what is missing, FFmpeg what an earlier frame had
there, and a browser what it has: of an interlaced picture one that is made larger from its first passes. What comes
behind the last row nobody looks at. Sources: the PNG specification, third edition, sections 7.2 (rows), 8 (passes),
9.2 (filter bytes) and 11.2.1 (colour types).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from model.errors import Undecodable
from model.formats.container import Layer

MAX_SPARE_BYTES = 4096
"""What an encoder may pack behind the last row."""
PIECE_BYTES = 16 * 1024
"""Bytes that are unpacked at once; they become 16 MiB at most."""
_FIRST = 8
"""Place of the first chunk, IHDR."""
GREY, RGB, PALETTE = 0, 2, 3
"""Colour types; the others, 4 and 6, are the first two with alpha."""
_SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, 4: 2, 6: 4}
"""Of a pixel, by colour type."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row of each pass, and the steps from there."""


def is_interlaced(data: bytes) -> bool:
    """Whether the rows of a whole PNG come in passes."""
    return data[28] != 0


def row_bytes(data: bytes) -> int:
    """Bytes of all rows of a whole PNG before they are packed; Undecodable for a colour type that there is not."""
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    depth, colour = data[24], data[25]
    if colour not in _SAMPLES or data[28] > 1:
        raise Undecodable("a PNG of an unknown colour type or interlace method")
    sizes = [(width, height)]
    if is_interlaced(data):
        sizes = [(-((left - width) // across), -((top - height) // down)) for left, top, across, down in _PASSES]
    bits = depth * _SAMPLES[colour]
    return sum(tall * (1 + (wide * bits + 7) // 8) for wide, tall in sizes if wide > 0 < tall)


def check_rows(data: bytes) -> None:
    """Undecodable unless the compressed pixels of a whole PNG are those of all its rows, or more.

    Unpacks them piece by piece, up to the last row, and so belongs behind the limits of size.
    """
    missing = row_bytes(data)
    try:
        for piece in _unpacked(data, zlib.decompressobj()):
            missing -= len(piece)
            if missing <= 0:
                return
    except zlib.error as error:
        raise Undecodable(f"the pixels of a PNG: {error}") from error
    raise Undecodable("the pixels of a PNG end before its last row")


def check_frame(layer: Layer) -> None:
    """Undecodable unless the compressed pixels of an APNG's layer are those of all its rows, with little behind them,
    and end with their true checksum (RFC 1950).

    Pillow and browsers do without the end once they have every row; FFmpeg leaves such a frame out, and composes the
    next ones without it. Unpacks all pixels, and so belongs behind the limits of size.
    """
    missing = row_bytes(layer.data)
    unpacker = zlib.decompressobj()
    try:
        for piece in _unpacked(layer.data, unpacker):
            missing -= len(piece)
            if missing < -MAX_SPARE_BYTES:
                raise Undecodable("a frame of the APNG has more pixels than its size")
    except zlib.error as error:
        raise Undecodable(f"the pixels of an APNG's frame: {error}") from error
    if missing > 0 or not unpacker.eof:
        raise Undecodable("the pixels of an APNG's frame break off")


def _unpacked(data: bytes, unpacker: zlib._Decompress) -> Iterator[bytes]:
    at, kind = _FIRST, b""
    while kind != b"IEND":
        kind, start = data[at + 4 : at + 8], at + 8
        end = start + int.from_bytes(data[at : at + 4])
        if kind == b"IDAT":
            for place in range(start, end, PIECE_BYTES):
                yield unpacker.decompress(data[place : min(place + PIECE_BYTES, end)])
        at = end + 4
