"""PNG: is every chunk there and true, and does what they declare agree?

Pillow checks no CRC of pixel data, keeps the text chunks under the same names as the header's own values (a text
named `icc_profile` or `transparency` replaces the real one), and takes chunks out of place. So the decoder gets a file
of the chunks that change what is seen, each at most once and in its place. Source: the PNG specification, third
edition, sections 5 and 13.14.
"""

from __future__ import annotations

import zlib

from model.errors import Undecodable, Unsupported
from model.formats.apng import Film
from model.formats.cicp import check_png
from model.formats.container import Container, Kept
from model.formats.packed import Metadata
from model.formats.rows import GREY, MAX_SPARE_BYTES, PALETTE, RGB

MAX_CHUNKS = 100_000
"""Chunks in one file: 40 MiB in the usual chunks of 8 KiB are 5,120, and 900 frames have 2 or more each."""

MAX_PIXEL_BYTES = 8
"""Of four samples of 16 bits."""

_PNG_PIXELS = {b"IDAT", b"fcTL", b"fdAT"}
_PNG_BEFORE_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"iCCP", b"acTL"}
_PNG_ONCE = _PNG_BEFORE_PIXELS | {b"eXIf", b"IEND"}
_PNG_KEPT = _PNG_ONCE | _PNG_PIXELS
_PNG_LONGEST = {b"IHDR": 13, b"PLTE": 3 * 256, b"tRNS": 256}
"""Bytes of the chunks that every frame of an APNG gets a copy of; sections 11.2 and 11.3.1."""
_SAMPLES = {GREY: 1, RGB: 3}
"""In tRNS, 16 bits each; with a palette it has bytes of alpha, and the others have alpha already."""


def png(data: bytes) -> Container:
    """All chunks up to IEND, their CRCs, their order. The still of an APNG may be a picture apart."""
    at = 8
    seen: list[bytes] = []
    once: set[bytes] = set()
    kept = Kept(at)
    film = Film()
    metadata = Metadata()
    pixels = 0
    while not seen or seen[-1] != b"IEND":
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data) or len(seen) == MAX_CHUNKS:
            raise Undecodable("the PNG breaks off before its end, or has too many chunks")
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise Undecodable(f"a wrong checksum in the PNG's chunk {kind!r}")
        metadata.add(kind, data[at + 8 : end - 4])
        pixels += length * (kind == b"IDAT")
        if length > _PNG_LONGEST.get(kind, length) or (kind == b"IHDR" and length != _PNG_LONGEST[kind]):
            raise Undecodable(f"the PNG's chunk {kind!r} is longer than it may be, or its header shorter")
        if kind in _PNG_KEPT:
            _png_in_place(kind, seen, once)
            kept.add(at, end)
            film.add(kind, memoryview(data)[at:end])
        elif not kind[:1].islower():
            raise Undecodable(f"the PNG has a chunk {kind!r} that is unknown and that no decoder may skip")
        check_png(kind, data[at + 8 : end - 4])
        seen.append(kind)
        at = end
    _png_readable(data, once)
    _png_no_more(data, pixels)
    layers = film.layers()
    canvas = (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) if layers else (1, 1)
    return Container(at, (data[:at] if layers else kept.of(data),), len(layers) or 1, canvas, layers=layers)


def _png_in_place(kind: bytes, seen: list[bytes], once: set[bytes]) -> None:
    if bool(seen) != (kind != b"IHDR"):
        raise Undecodable("the PNG's header is not its first chunk")
    if (kind in once and kind != b"IDAT") or (kind in _PNG_BEFORE_PIXELS and b"IDAT" in once):
        raise Undecodable(f"the PNG's chunk {kind!r} comes twice or too late")
    if kind == b"IDAT" and b"IDAT" in once and seen[-1] != b"IDAT":
        raise Undecodable("the PNG's pixels are in two places")
    if kind == b"PLTE" and b"tRNS" in once:
        raise Undecodable("the PNG's transparency comes before its palette")
    if kind in _PNG_ONCE or kind == b"IDAT":
        once.add(kind)


def _png_readable(data: bytes, once: set[bytes]) -> None:
    depth, colour = data[24], data[25]
    if data[26] or data[27]:
        raise Undecodable("a PNG of an unknown compression or filter method")
    if b"IDAT" not in once or (colour == PALETTE and b"PLTE" not in once):
        raise Undecodable("a PNG without pixels or without their palette")
    if depth == 16 and colour == RGB and b"tRNS" in once:
        # Pillow keeps eight bits of each colour, too few to tell which pixels the sixteen bits make transparent.
        raise Unsupported("a PNG of 16 bits with a transparent colour")


def _png_no_more(data: bytes, pixels: int) -> None:
    """Undecodable if the compressed pixels are much longer than the pixels are."""
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    rows = height * (1 + width * MAX_PIXEL_BYTES)
    if pixels > rows + MAX_SPARE_BYTES:
        raise Undecodable(f"a PNG of {width} x {height} pixels with {pixels} bytes of them")


def png_transparent(data: bytes) -> int | tuple[int, ...] | None:
    """The samples that tRNS makes transparent in a whole PNG of grey or RGB, as large as Pillow makes the pixels.

    Only as many bits count as a sample has (section 11.3.1.1); Pillow takes all sixteen, and does not spread those of
    one to four bits over eight as it does the pixels. None without such samples.
    """
    depth, colour = data[24], data[25]
    at = 8
    while (kind := data[at + 4 : at + 8]) not in (b"tRNS", b"IDAT"):
        at += 12 + int.from_bytes(data[at : at + 4])
    if kind == b"IDAT" or colour not in _SAMPLES:
        return None
    most = 2**depth - 1
    factor = 255 // most if depth < 8 else 1
    first = at + 8
    samples = tuple(
        (int.from_bytes(data[place : place + 2]) & most) * factor
        for place in range(first, first + 2 * _SAMPLES[colour], 2)
    )
    return samples[0] if colour == GREY else samples
