"""ICC profiles as far as viewers differ in them; which colours they make is left to lcms (model/colour.py).

Browsers read profiles with libraries of their own (skcms in Chromium, qcms in Firefox). They ignore one that is not
whole; one that is whole and that only lcms refuses they may use. Where a profile has both free tables and three curves
with a matrix, some take the tables and others the curves. There may be tables for each of three intents: lcms takes
those of the intent that it is asked for, or the first, or else the curves, and skcms those that are there. No browser
takes the tables for floating point (D2B), which lcms prefers. Source: ICC.1:2022, sections 7.2, 7.3 and 9.2.
"""

from __future__ import annotations

from model.errors import Unsupported
from model.formats.cicp import check_code_points

HEADER_BYTES = 128
_ENTRY_BYTES = 12
MAX_TAGS = 100
"""The same as MAX_TABLE_TAG of lcms. Profiles have about ten."""
_TABLES, _FLOAT_TABLES = b"A2B", b"D2B"
_BY_INTENT = (b"A2B0", b"A2B1", b"A2B2")
"""Perceptual, relative colorimetric, saturation; ICC.1:2022, table 25."""
_CURVES = frozenset({b"rTRC", b"kTRC"})


def is_whole(profile: bytes) -> bool:
    """Whether browsers would read it: its signature, as long as it says, with its list of tags."""
    end = HEADER_BYTES + 4 + _ENTRY_BYTES * _count(profile)
    return profile[36:40] == b"acsp" and end <= int.from_bytes(profile[:4]) <= len(profile)


def colour_space(profile: bytes) -> bytes:
    """Of the pixels that it is for, four bytes."""
    return profile[16:20]


def _count(profile: bytes) -> int:
    return int.from_bytes(profile[HEADER_BYTES : HEADER_BYTES + 4])


def _content(profile: bytes, at: int) -> bytes:
    """Of the tag whose entry is there."""
    start, size = int.from_bytes(profile[at + 4 : at + 8]), int.from_bytes(profile[at + 8 : at + 12])
    return profile[start : start + size]


def _tags(profile: bytes) -> list[tuple[bytes, int]]:
    """(signature, place of its entry)."""
    first = HEADER_BYTES + 4
    places = range(first, first + _ENTRY_BYTES * _count(profile), _ENTRY_BYTES)
    return [(profile[at : at + 4], at) for at in places]


def has_tables(profile: bytes) -> bool:
    """Whether colours are looked up in free tables, so that nothing but all of them shows what it does."""
    return any(name.startswith((_TABLES, _FLOAT_TABLES)) for name, _ in _tags(profile))


def ways_to_read(profile: bytes) -> list[bytes]:
    """The profiles that this whole one is to different viewers, each for lcms and its perceptual intent: one to four.

    Raises Unsupported for one that says by number that it is of high dynamic range, which some browsers heed, and for
    one of more tags than lcms reads.
    """
    if _count(profile) > MAX_TAGS:
        raise Unsupported(f"an ICC profile of {_count(profile)} tags")
    tags = _tags(profile)
    tables: dict[bytes, bytes] = {}
    for name, at in sorted(tags):
        if name == b"cicp":
            check_code_points(*_content(profile, at)[8:10].ljust(2, b"\x02"))
        if name in _BY_INTENT:
            tables.setdefault(_content(profile, at), name)
    ways = [_with_tables(profile, tags, name) for name in dict.fromkeys(tables.values())]
    if not tables or any(name in _CURVES for name, _ in tags):
        ways.append(_with_tables(profile, tags, None))
    return ways


def _with_tables(profile: bytes, tags: list[tuple[bytes, int]], chosen: bytes | None) -> bytes:
    """The same with these tables for every intent, and all others under names that nobody looks for."""
    new = bytearray(profile)
    for name, at in tags:
        if name == chosen:
            new[at : at + 4] = _BY_INTENT[0]
        elif name.startswith((_TABLES, _FLOAT_TABLES)):
            new[at : at + 4] = name.lower()
    return bytes(new)
