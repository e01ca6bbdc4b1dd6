"""AV1 sequence headers: the colours that they name, and what it takes to read the headers of the frames behind them.

Viewers take the colours where the file around it says nothing. Source: AV1 Bitstream and Decoding Process
Specification, section 5.5.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import Undecodable, Unsupported
from model.formats.bits import Bits
from model.formats.cicp import UNSPECIFIED
from model.formats.obu import unit

MAX_OBUS = 8
"""Units that are looked through for the header; it comes first, or behind a temporal delimiter."""
MAX_HEADER_BYTES = 1024
"""Most bytes of a sequence header that are read; with all its operating points it has some 800 (section 5.5.1)."""
SEQUENCE_HEADER = 1
CHOSEN_BY_FRAME = 2
"""SELECT_SCREEN_CONTENT_TOOLS and SELECT_INTEGER_MV: each frame says."""
_MOST_ZEROS = 32


class Times(NamedTuple):
    """Which times the frames say: bits of one for showing, 0 for none, and bits of those for removal from buffers, one
    for each operating point that has any.
    """

    shown_bits: int = 0
    removal: bool = False
    removal_bits: tuple[int, ...] = ()


class Sequence(NamedTuple):
    """`reduced`: of a still, whose frame says next to nothing. `side_bits` of a width and a height, `size` the largest.

    `id_bits`: of a frame's name and of the distance to another's, 0 without names. `screen` and `integer`: 0, 1 or
    CHOSEN_BY_FRAME. `colours`: (primaries, transfer function).
    """

    reduced: bool
    side_bits: tuple[int, int]
    size: tuple[int, int]
    id_bits: tuple[int, int]
    times: Times
    order_bits: int
    screen: int
    integer: int
    superres: bool
    colours: tuple[int, int]


def sequence_colours(data: bytes, start: int, end: int) -> tuple[int, int]:
    """(primaries, transfer function) of the first sequence header in the units from `start` to `end`.

    Undecodable if there is none.
    """
    at = start
    for _ in range(MAX_OBUS):
        if at >= end:
            break
        found = unit(data, at, end)
        if found.kind == SEQUENCE_HEADER:
            return read_sequence(data[found.start : min(found.end, end)]).colours
        at = found.end
    raise Undecodable("an AV1 picture without a sequence header")


def read_sequence(content: bytes) -> Sequence:
    """The content of a sequence header; Undecodable if it breaks off, Unsupported for times of layers."""
    bits = Bits(content[:MAX_HEADER_BYTES])
    profile = bits.take(3)
    bits.take(1)
    reduced = bits.flag()
    if reduced:
        bits.take(5)
        times = Times()
    else:
        times = _times(bits)
    side_bits = bits.take(4) + 1, bits.take(4) + 1
    size = bits.take(side_bits[0]) + 1, bits.take(side_bits[1]) + 1
    id_bits = (0, 0)
    if not reduced and bits.flag():
        delta = bits.take(4) + 2
        id_bits = bits.take(3) + delta + 1, delta
    bits.take(3)
    order, screen, integer = (0, CHOSEN_BY_FRAME, CHOSEN_BY_FRAME) if reduced else _tools(bits)
    superres = bits.flag()
    bits.take(2)
    return Sequence(reduced, side_bits, size, id_bits, times, order, screen, integer, superres, _colours(bits, profile))


def _times(bits: Bits) -> Times:
    """timing_info, decoder_model_info and the operating points, one of which has layers if its bits say so."""
    timed = bits.flag()
    delay_bits = removal_bits = shown_bits = 0
    model = False
    if timed:
        bits.take(64)
        equal = bits.flag()
        if equal:
            _skip_number(bits)
        if model := bits.flag():
            delay_bits = bits.take(5) + 1
            bits.take(32)
            removal_bits, shown_bits = bits.take(5) + 1, bits.take(5) + 1
            shown_bits = 0 if equal else shown_bits
    delays = bits.flag()
    removals: list[int] = []
    for _ in range(bits.take(5) + 1):
        layers = bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if model and bits.flag():
            bits.take(2 * delay_bits + 1)
            removals.append(removal_bits)
            if layers:
                raise Unsupported("a picture in AV1 whose layers have their own times")
        if delays and bits.flag():
            bits.take(4)
    return Times(shown_bits, model, tuple(removals))


def _skip_number(bits: Bits) -> None:
    """uvlc, section 4.10.3."""
    zeros = 0
    while not bits.flag():
        zeros += 1
    if zeros < _MOST_ZEROS:
        bits.take(zeros)


def _tools(bits: Bits) -> tuple[int, int, int]:
    """(bits of a place in the order, screen content, integer motion)."""
    bits.take(4)
    ordered = bits.flag()
    if ordered:
        bits.take(2)
    screen = CHOSEN_BY_FRAME if bits.flag() else bits.take(1)
    integer = CHOSEN_BY_FRAME
    if screen and not bits.flag():
        integer = bits.take(1)
    return bits.take(3) + 1 if ordered else 0, screen, integer


def _colours(bits: Bits, profile: int) -> tuple[int, int]:
    high = bits.flag()
    if profile == 2 and high:
        bits.take(1)
    if profile != 1:
        bits.take(1)
    return (bits.take(8), bits.take(8)) if bits.flag() else (UNSPECIFIED, UNSPECIFIED)
