"""ICC profiles as far as viewers differ in them; which colours they make is left to lcms (model/colour.py).

Browsers read profiles with libraries of their own (skcms in Chromium, qcms in Firefox). They ignore one that is not
whole; one that is whole and that only lcms refuses they may use. Where a profile has both free tables and three curves
with a matrix, some take the tables and others the curves; no browser takes the tables for floating point (D2B), which
lcms prefers. Source: ICC.1:2022, sections 7.2, 7.3 and 9.2.
"""

from __future__ import annotations

from model.formats.cicp import check_code_points

HEADER_BYTES = 128
_ENTRY_BYTES = 12
_TABLES, _FLOAT_TABLES = b"A2B", b"D2B"
_CURVES = (b"rTRC", b"kTRC")


def is_whole(profile: bytes) -> bool:
    """Whether browsers would read it: its signature, as long as it says, with its list of tags."""
    size, count = int.from_bytes(profile[:4]), int.from_bytes(profile[HEADER_BYTES : HEADER_BYTES + 4])
    return profile[36:40] == b"acsp" and HEADER_BYTES + 4 + _ENTRY_BYTES * count <= size <= len(profile)


def colour_space(profile: bytes) -> bytes:
    """Of the pixels that it is for, four bytes."""
    return profile[16:20]


def _tags(profile: bytes) -> list[tuple[bytes, int]]:
    """(signature, place of its entry)."""
    first = HEADER_BYTES + 4
    places = range(first, first + _ENTRY_BYTES * int.from_bytes(profile[HEADER_BYTES:first]), _ENTRY_BYTES)
    return [(profile[at : at + 4], at) for at in places]


def has_tables(profile: bytes) -> bool:
    """Whether colours are looked up in free tables, so that nothing but all of them shows what it does."""
    return any(name.startswith((_TABLES, _FLOAT_TABLES)) for name, _ in _tags(profile))


def ways_to_read(profile: bytes) -> list[bytes]:
    """The profiles that this whole one is to different viewers, for lcms: one or two.

    Raises Unsupported for one that says by number that it is of high dynamic range; some browsers heed that.
    """
    tags = _tags(profile)
    for name, at in tags:
        place = int.from_bytes(profile[at + 4 : at + 8])
        if name == b"cicp":
            check_code_points(*profile[place + 8 : place + 10].ljust(2, b"\x02"))
    names = {name for name, _ in tags}
    ways = [_without(profile, tags, _FLOAT_TABLES)]
    if any(name.startswith(_TABLES) for name in names) and names.intersection(_CURVES):
        ways.append(_without(ways[0], tags, _TABLES))
    return ways


def _without(profile: bytes, tags: list[tuple[bytes, int]], prefix: bytes) -> bytes:
    """The same with those tags under a name that nobody looks for."""
    for name, at in tags:
        if name.startswith(prefix):
            profile = profile[:at] + name.lower() + profile[at + 4 :]
    return profile
