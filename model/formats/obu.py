"""The units that AV1 is made of (open bitstream units): what each is, of which layer, and where its content lies.

Source: AV1 Bitstream and Decoding Process Specification, sections 4.10.5 and 5.3.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import Undecodable


class Unit(NamedTuple):
    """Its type and its spatial layer, whether the bit is set that must not be, where its content begins and ends.

    The end may lie beyond that of what the unit was found in.
    """

    kind: int
    layer: int
    forbidden: bool
    start: int
    end: int


def unit(data: bytes, at: int, end: int) -> Unit:
    """The unit whose head is at a place before `end`; one without a size goes up to there.

    Undecodable if the head breaks off.
    """
    head = data[at]
    start = at + (2 if head & 4 else 1)
    if start > end:
        raise Undecodable("the head of an AV1 unit breaks off")
    layer = data[at + 1] >> 3 & 3 if head & 4 else 0
    size, start = _leb128(data, start, end) if head & 2 else (end - start, start)
    return Unit(head >> 3 & 15, layer, bool(head & 0x80), start, start + size)


def _leb128(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, place after it)."""
    value = 0
    for index in range(min(8, end - at)):
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    raise Undecodable("the size of an AV1 unit breaks off")
