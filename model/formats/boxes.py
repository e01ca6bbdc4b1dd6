"""AVIF: is every box there, and does the file hold a still, a track, or both?

An AVIF may hold a still picture (`meta`) and an animation (`moov`) that have nothing in common. Which of them a viewer
shows hangs on the brands and on the viewer: libavif takes the track unless the major brand is `avif`, others take the
still. So a file with both is read in both ways. Sources: ISO/IEC 14496-12 section 4.2, AV1 Image File Format, libavif's
avifDecoderReset.
"""

from __future__ import annotations

from collections.abc import Iterator

from model.errors import Undecodable
from model.formats.container import Container
from model.formats.steps import step

MAX_BOXES = 10_000
"""Boxes on one level; real files have four or five."""


def avif(data: bytes) -> Container:
    """All boxes up to the end of the file; it has no end marker, so that nothing can stand behind it."""
    kinds = [kind for kind, _, _ in boxes(data, 0, len(data))]
    if kinds[:1] != [b"ftyp"] or any(kinds.count(kind) > 1 for kind in (b"ftyp", b"meta", b"moov")):
        raise Undecodable("the AVIF has not one header, or two of what it may have once")
    if b"meta" in kinds and b"moov" in kinds:
        readings = tuple(data[:8] + major + data[12:] for major in (b"avif", b"avis"))
        return Container(len(data), readings, None)
    return Container(len(data), (data,), None)


def boxes(data: bytes, at: int, end: int, zeros: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of content, end of content) of the boxes between two places; Undecodable if they do not fill it.

    `zeros`: four of them may end the list, as in QuickTime files (QuickTime File Format, "User Data Atoms").
    """
    count = 0
    while at < end and not (zeros and data[at:end] == b"\x00\x00\x00\x00"):
        count += 1
        step()
        size, kind, head = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        elif size == 0 and end == len(data):  # up to the end of the file, only there
            size = end - at
        if size < head or at + size > end or count > MAX_BOXES:
            raise Undecodable("a box breaks off, or there are too many")
        yield kind, at + head, at + size
        at += size
