"""Reading an ISO base media file one level at a time: which boxes may be there, and what numbers stand in one.

A level has a list of the boxes that it may hold; whatever else it holds is refused, since somebody's player may know
it. Nothing here calls itself: a reader names the levels that it goes down.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Any

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.boxes import boxes
from model.formats.steps import step

MAX_ENTRIES = 100_000
"""Rows of one table; as many as config.settings allows frames. A row costs about a microsecond."""
VISUAL_ENTRY_BYTES = 78
"""Of the description of a track of pictures before its boxes; ISO/IEC 14496-12, section 12.1.3."""

Place = tuple[int, int]
"""Start and end of a box's content in the file."""
Level = dict[bytes, list[Place]]
"""The boxes of one level, by their type."""


def level(
    data: bytes,
    place: Place,
    name: str,
    once: Collection[bytes],
    many: Collection[bytes] | None = (),
    *,
    zeros: bool = False,
) -> Level:
    """The boxes at a place: those of `once` at most once, those of `many` as often as they like, and no others.

    `many` may be None, for all others; `zeros` is that of `boxes`; `name` is for the message. Raises Unsupported for
    another box and Undecodable for one too many.
    """
    found: Level = {}
    for kind, start, end in boxes(data, *place, zeros=zeros):
        if many is not None and kind not in once and kind not in many:
            raise Unsupported(f"a box {kind!r} in {name}, which some players may know")
        if kind in found and kind in once:
            raise Undecodable(f"two boxes {kind!r} in {name}")
        found.setdefault(kind, []).append((start, end))
    return found


def only(found: Level, kind: bytes) -> Place:
    """The one box of a kind; Undecodable if it is missing."""
    if len(found.get(kind, ())) != 1:
        raise Undecodable(f"not one box {kind!r} where there has to be one")
    return found[kind][0]


def numbers(data: bytes, place: Place, form: str, at: int = 0) -> tuple[Any, ...]:
    """What `struct` reads at a place, so many bytes from its start; Undecodable beyond its end."""
    return struct.unpack(form, _piece(data, place[0] + at, struct.calcsize(form), place[1]))


class Numbers:
    """The big-endian numbers from one place to another, for those whose sizes are told by the ones before."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self.at, self._end = data, start, end

    def take(self, size: int) -> int:
        """The next one, of so many bytes; Undecodable beyond the end."""
        piece = _piece(self._data, self.at, size, self._end)
        self.at += size
        return int.from_bytes(piece)


def _piece(data: bytes, start: int, size: int, end: int) -> bytes:
    step()
    if start + size > end:
        raise Undecodable("a box is too short for what it is")
    return data[start : start + size]


def table(data: bytes, place: Place, form: str) -> list[tuple[Any, ...]]:
    """The rows of a box that has a version, flags, a count and so many rows; Undecodable if they do not fill it."""
    (count,) = numbers(data, place, ">I", 4)
    if count > MAX_ENTRIES:
        raise TooLarge(f"a table of {count} rows")
    start, end = place[0] + 8, place[1]
    if start + count * struct.calcsize(form) != end:
        raise Undecodable("a table is not as long as it says")
    return list(struct.iter_unpack(form, data[start:end]))
