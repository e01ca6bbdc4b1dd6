"""Metadata of an MP4 that may hold pictures: cover art, which file managers and some players show.

Looked at wherever iTunes, QuickTime and phones put metadata: `meta` beside or inside `udta`, in the file, the movie or
a track. What a player shows of a list of tags is text, unless the value is a picture. Sources: ISO/IEC 14496-12
section 8.11, QuickTime File Format ("Metadata").
"""

from __future__ import annotations

from model.errors import Undecodable, Unsupported
from model.formats.boxes import boxes
from model.formats.boxtree import Level, Place
from model.formats.sniff import sniff

_ITEMS = frozenset({b"iinf", b"iloc", b"pitm", b"iprp", b"iref", b"idat"})
"""Boxes of a `meta` that holds pictures of its own, as HEIF and AVIF files have it."""
_PICTURE_TYPES = (12, 13, 14, 27)
"""Well-known types of a value: GIF, JPEG, PNG, BMP."""
_COVERS = frozenset({b"covr", b"PICT", b"pnot", b"snal", b"tnal"})


def check_metadata(data: bytes, found: Level) -> None:
    """Look through the `udta` and `meta` of one level. Raises Unsupported for pictures in them."""
    for place in found.get(b"meta", []):
        _check_meta(data, place)
    for start, end in found.get(b"udta", []):
        for kind, inner, stop in boxes(data, start, end, zeros=True):
            if kind in _COVERS:
                raise _cover()
            if kind == b"meta":
                _check_meta(data, (inner, stop))


def _check_meta(data: bytes, place: Place) -> None:
    """A full box in MP4, a plain one in QuickTime."""
    start, end = place
    if data[start + 4 : start + 8] != b"hdlr":
        start += 4
    if start > end:
        raise Undecodable("a box is too short for what it is")
    for kind, inner, stop in boxes(data, start, end, zeros=True):
        if kind in _ITEMS:
            raise Unsupported("a video with still pictures beside it")
        if kind == b"ilst":
            _check_tags(data, (inner, stop))


def _check_tags(data: bytes, place: Place) -> None:
    for kind, start, end in boxes(data, *place, zeros=True):
        if kind in _COVERS:
            raise _cover()
        for name, inner, stop in boxes(data, start, end, zeros=True):
            if name == b"data" and (
                int.from_bytes(data[inner : inner + 4]) in _PICTURE_TYPES or sniff(data[inner + 8 : stop])
            ):
                raise _cover()


def _cover() -> Unsupported:
    return Unsupported("a video with cover art; without it, it is accepted")
