"""Fragmented MP4: the frames of one track that lie in fragments behind the movie, as browsers and streams write them.

Every fragment states its frames in full or by defaults (ISO/IEC 14496-12, section 8.8). The indexes beside them (sidx,
mfra; 8.16.3, 8.8.10) have to point at fragments: players follow them.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.boxtree import MAX_ENTRIES, Level, Place, level, numbers, only
from model.formats.sampletable import Sample
from model.formats.steps import step

FRAGMENT_BOXES = (b"moof", b"mfra", b"sidx", b"styp", b"prft", b"emsg")
"""Boxes beside the movie that a fragmented file may have."""

_TRAF = (b"tfhd", b"tfdt", b"sdtp")
_TRAF_MANY = (b"trun", b"sbgp", b"sgpd", b"subs", b"free", b"uuid")
_BASE, _DESCRIPTION, _DURATION, _SIZE, _FLAGS, _BASE_IS_MOOF = 0x1, 0x2, 0x8, 0x10, 0x20, 0x20000
_RUN_OFFSET, _RUN_FIRST_FLAGS = 0x1, 0x4
_RUN_COLUMNS = (0x100, 0x200, 0x400, 0x800)
"""Duration, size, flags and shift of each frame of a run, four bytes each, where the flag is set."""


class Defaults(NamedTuple):
    """Ticks and bytes of a frame where nothing else is said."""

    duration: int
    size: int


def fragment_samples(data: bytes, top: Level, movie: Level, track: int, tracks: set[int]) -> list[Sample]:
    """The frames of a track in all fragments; none if there are no fragments. `tracks`: the numbers that are known.

    Raises Undecodable, Unsupported for encryption and for other descriptions, and TooLarge.
    """
    found = _found(data, top, movie, track, tracks) if b"moof" in top else []
    _check_indexes(data, top)
    return found


def _found(data: bytes, top: Level, movie: Level, track: int, tracks: set[int]) -> list[Sample]:
    extends = level(data, only(movie, b"mvex"), "the movie's defaults", (b"mehd",), (b"trex",))
    defaults = _defaults(data, extends.get(b"trex", []), track)
    found: list[Sample] = []
    for place in top[b"moof"]:
        if data[place[0] - 4 : place[0]] != b"moof":
            raise Unsupported("a fragment with a long header")
        moof = level(data, place, "a fragment", (b"mfhd",), (b"traf",))
        for index, traf in enumerate(moof.get(b"traf", [])):
            part = level(data, traf, "a fragment's track", _TRAF, _TRAF_MANY)
            (number,) = numbers(data, only(part, b"tfhd"), ">I", 4)
            if number not in tracks:
                raise Unsupported("a fragment of a track that is not there")
            if number == track:
                found += _track_samples(data, part, place[0] - 8, index == 0, defaults)
            if len(found) > MAX_ENTRIES:
                raise TooLarge(f"more than {MAX_ENTRIES} frames")
    return found


def _defaults(data: bytes, trexes: list[Place], track: int) -> Defaults:
    rows = [numbers(data, place, ">5I", 4) for place in trexes]
    mine = [row for row in rows if row[0] == track]
    if len(mine) != 1 or mine[0][1] != 1:
        raise Unsupported("a track whose fragments have no defaults, or another description")
    return Defaults(mine[0][2], mine[0][3])


def _track_samples(data: bytes, part: Level, moof: int, first: bool, defaults: Defaults) -> list[Sample]:
    """The frames of one track in one fragment, whose box begins at `moof`; `first`: of the tracks in it."""
    header = only(part, b"tfhd")
    flags = int.from_bytes(data[header[0] + 1 : header[0] + 4])
    at = 8
    if flags & _BASE:
        (moof,) = numbers(data, header, ">Q", at)
        at += 8
    elif not flags & _BASE_IS_MOOF and not first:
        raise Unsupported("a fragment whose frames begin where those of another track end")
    if flags & _DESCRIPTION:
        if numbers(data, header, ">I", at) != (1,):
            raise Unsupported("frames with more than one description")
        at += 4
    values = list(defaults)
    for index, flag in enumerate((_DURATION, _SIZE)):
        if flags & flag:
            (values[index],) = numbers(data, header, ">I", at)
            at += 4
    found: list[Sample] = []
    for run in part.get(b"trun", []):
        found += _run(data, run, moof, found[-1].end if found else moof, Defaults(*values))
    return found


def _run(data: bytes, place: Place, base: int, at: int, defaults: Defaults) -> list[Sample]:
    """The frames of one run, from `at` on where it does not say how far from `base`."""
    flags = int.from_bytes(data[place[0] + 1 : place[0] + 4])
    (count,) = numbers(data, place, ">I", 4)
    row = 8
    if flags & _RUN_OFFSET:
        (offset,) = numbers(data, place, ">i", row)
        at = base + offset
        row += 4
    row += 4 if flags & _RUN_FIRST_FLAGS else 0
    columns = [index for index, flag in enumerate(_RUN_COLUMNS) if flags & flag]
    if count > MAX_ENTRIES:
        raise TooLarge(f"a fragment of {count} frames")
    step(count)
    if place[0] + row + 4 * len(columns) * count != place[1]:
        raise Undecodable("a table is not as long as it says")
    found: list[Sample] = []
    for _ in range(count):
        values = [*defaults, 0, 0]
        for index in columns:
            (values[index],) = numbers(data, place, ">i" if index == 3 else ">I", row)
            row += 4
        duration, size, _, shift = values
        if not size or duration >> 31:
            raise Undecodable("a frame of no bytes, or one that ends before it begins")
        found.append(Sample(at, size, duration, shift))
        at += size
    return found


def _check_indexes(data: bytes, top: Level) -> None:
    heads = {start - 8 for kind in FRAGMENT_BOXES for start, _ in top.get(kind, [])}
    moofs = {start - 8 for start, _ in top.get(b"moof", [])}
    heads.add(len(data))
    for place in top.get(b"sidx", []):
        _check_segments(data, place, heads)
    for place in top.get(b"mfra", []):
        index = level(data, place, "the index of fragments", (b"mfro",), (b"tfra",))
        for entries in index.get(b"tfra", []):
            if not _offsets(data, entries) <= moofs:
                raise Undecodable("an index of fragments points at something else")


def _check_segments(data: bytes, place: Place, heads: set[int]) -> None:
    long = numbers(data, place, ">B") != (0,)
    (offset,) = numbers(data, place, ">Q" if long else ">I", 20 if long else 16)
    row = 28 if long else 20
    (count,) = numbers(data, place, ">H", row + 2)
    at = place[1] + offset
    ends = {at}
    for index in range(count):
        (size,) = numbers(data, place, ">I", row + 4 + 12 * index)
        at += size & 0x7FFFFFFF
        ends.add(at)
    if not ends <= heads:
        raise Undecodable("an index of fragments points at something else")


def _offsets(data: bytes, place: Place) -> set[int]:
    """Where the fragments lie that a tfra names."""
    long = numbers(data, place, ">B") != (0,)
    lengths, count = numbers(data, place, ">II", 8)
    width = (16 if long else 8) + sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4))
    if count > MAX_ENTRIES or place[0] + 16 + width * count != place[1]:
        raise Undecodable("a table is not as long as it says")
    form, skip = (">Q", 8) if long else (">I", 4)
    return {numbers(data, place, form, 16 + width * index + skip)[0] for index in range(count)}
