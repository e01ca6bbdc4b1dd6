"""The colours that an AV1 sequence header names; AV1 Bitstream and Decoding Process Specification, section 5.5.

Viewers take them where the file around it says nothing.
"""

from __future__ import annotations

from model.errors import Undecodable, Unsupported
from model.formats.cicp import UNSPECIFIED
from model.formats.obu import unit

MAX_OBUS = 8
"""Units that are looked through for the header; it comes first, or behind a temporal delimiter."""
_SEQUENCE_HEADER = 1
_SCREEN_CONTENT_CHOSEN = 2


class _Bits:
    """Bits, the highest first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise Undecodable("the AV1 sequence header breaks off")
        return self._value >> self._left & (1 << count) - 1


MAX_HEADER_BYTES = 1024
"""Most bytes of a sequence header that are read; with all its operating points it has some 400 (section 5.5.1)."""


def sequence_colours(data: bytes, start: int, end: int) -> tuple[int, int]:
    """(primaries, transfer function) of the first sequence header in the units from `start` to `end`.

    Undecodable if there is none, Unsupported if it has times of frames, which no still needs.
    """
    at = start
    for _ in range(MAX_OBUS):
        if at >= end:
            break
        found = unit(data, at, end)
        if found.kind == _SEQUENCE_HEADER:
            return _colours(_Bits(data[found.start : min(found.end, found.start + MAX_HEADER_BYTES, end)]))
        at = found.end
    raise Undecodable("an AV1 picture without a sequence header")


def _colours(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(3)
    bits.take(1)
    reduced = bits.take(1)
    if reduced:
        bits.take(5)
    else:
        _operating_points(bits)
    width, height = bits.take(4), bits.take(4)
    bits.take(width + 1)
    bits.take(height + 1)
    if not reduced and bits.take(1):
        bits.take(7)
    bits.take(3)
    if not reduced:
        _tools(bits)
    bits.take(3)
    high = bits.take(1)
    if profile == 2 and high:
        bits.take(1)
    if profile != 1:
        bits.take(1)
    return (bits.take(8), bits.take(8)) if bits.take(1) else (UNSPECIFIED, UNSPECIFIED)


def _operating_points(bits: _Bits) -> None:
    if bits.take(1):
        raise Unsupported("an AVIF whose frames say their own times")
    delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delays and bits.take(1):
            bits.take(4)


def _tools(bits: _Bits) -> None:
    bits.take(4)
    order = bits.take(1)
    if order:
        bits.take(2)
    screen = _SCREEN_CONTENT_CHOSEN if bits.take(1) else bits.take(1)
    if screen and not bits.take(1):
        bits.take(1)
    if order:
        bits.take(3)
