"""The frames in AV1's units: one is shown of each sample or picture, and all of it.

A temporal unit shows one frame (section 7.5 of the AV1 Bitstream and Decoding Process Specification). Of two in one
sample a decoder shows the first or the last, as it likes. And a frame may say in which size it wants to be shown
(render_size): libavif ignores that, some players with a decoder of the graphics card cut the frame there, and FFmpeg
stretches it. Source: sections 5.9.2 to 5.9.8.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from model.errors import Undecodable, Unsupported
from model.formats.av1 import CHOSEN_BY_FRAME, SEQUENCE_HEADER, Sequence, read_sequence
from model.formats.av1 import MAX_HEADER_BYTES as MAX_SEQUENCE_BYTES
from model.formats.bits import Bits
from model.formats.obu import unit
from model.formats.shape import check_shown_size
from model.formats.steps import step

MAX_HEADER_BYTES = 256
"""Of a frame's header as far as it is read; the times of 32 operating points are half of it."""
FRAME_STEPS, SEQUENCE_STEPS = 3, 100
"""What a frame's header costs, and a sequence header that is not the one before: 30 and up to 500 microseconds."""
CONFIGURATION_BYTES = 4
"""Of an av1C before the units in it; AV1 Codec ISO Media File Format Binding, section 2.3.3."""
_FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER = 3, 6, 7
_KEY, _INTRA_ONLY, _SWITCH = 0, 2, 3
_REFERENCES = 7
_ALL = 255


class Frame(NamedTuple):
    """Whether it is shown; the (width, height) of its pixels and of what is to be shown of them, if it says both."""

    shown: bool
    size: tuple[int, int] = (1, 1)
    render: tuple[int, int] = (1, 1)


def check_av1(data: bytes, samples: Iterable[tuple[int, int]], configuration: bytes = b"") -> None:
    """Look at all frames of the samples at (start, end). `configuration` is the content of an av1C, or empty.

    Unsupported for a sample that does not show one frame, and for frames of which only a part is shown, or far from
    their shape. Undecodable if a header breaks off, or is missing.
    """
    known = _walk(configuration, CONFIGURATION_BYTES, len(configuration), None)[0]
    for start, end in samples:
        known, shown = _walk(data, start, end, known)
        if shown != 1:
            raise Unsupported(f"a picture in AV1, or a sample of a video, that shows {shown} frames and not one")


_Known = tuple[bytes, Sequence]
"""A sequence header, and what it says."""


def _walk(data: bytes, at: int, end: int, known: _Known | None) -> tuple[_Known | None, int]:
    """The sequence header that holds at the end, and how many frames were shown."""
    shown = 0
    while at < end:
        step()
        found = unit(data, at, end)
        if found.kind == SEQUENCE_HEADER:
            known = _known(data[found.start : min(found.end, end, found.start + MAX_SEQUENCE_BYTES)], known)
        elif found.kind == _REDUNDANT_FRAME_HEADER:
            raise Unsupported("a picture in AV1 that has headers twice")  # some decoders take it for another frame
        elif found.kind in (_FRAME_HEADER, _FRAME):
            if known is None:
                raise Undecodable("an AV1 picture without a sequence header")
            step(FRAME_STEPS)
            frame = read_frame(data[found.start : min(found.end, end, found.start + MAX_HEADER_BYTES)], known[1])
            check_shown_size(frame.size, frame.render)
            shown += frame.shown
        at = found.end
    return known, shown


def _known(content: bytes, before: _Known | None) -> _Known:
    if before is not None and before[0] == content:
        return before
    step(SEQUENCE_STEPS)
    return content, read_sequence(content)


def read_frame(content: bytes, sequence: Sequence) -> Frame:
    """The beginning of a frame's header, up to the size in which it is to be shown; Undecodable if it breaks off."""
    bits = Bits(content)
    if sequence.reduced:
        kind, shown, resilient = _KEY, True, True
    else:
        if bits.flag():
            return Frame(True)  # one that was decoded before, and has been looked at
        kind, shown = bits.take(2), bits.flag()
        bits.take(sequence.times.shown_bits if shown else 1)
        resilient = kind == _SWITCH or (kind == _KEY and shown) or bits.flag()
    return _sized(bits, sequence, kind, shown, resilient)


def _sized(bits: Bits, sequence: Sequence, kind: int, shown: bool, resilient: bool) -> Frame:
    intra = kind in (_KEY, _INTRA_ONLY)
    bits.take(1)
    screen = bits.take(1) if sequence.screen == CHOSEN_BY_FRAME else sequence.screen
    if screen and sequence.integer == CHOSEN_BY_FRAME:
        bits.take(1)
    bits.take(sequence.id_bits[0])
    override = kind == _SWITCH or (not sequence.reduced and bits.flag())
    bits.take(sequence.order_bits)
    if not intra and not resilient:
        bits.take(3)
    if sequence.times.removal and bits.flag():
        bits.take(sum(sequence.times.removal_bits))
    refreshed = _ALL if kind == _SWITCH or (kind == _KEY and shown) else bits.take(8)
    if (not intra or refreshed != _ALL) and resilient and sequence.order_bits:
        bits.take(8 * sequence.order_bits)
    if not intra:
        _skip_references(bits, sequence)
    if not intra and override and not resilient and any(bits.flag() for _ in range(_REFERENCES)):
        return Frame(shown)  # as large as another, and shown like it
    size = sequence.size
    if override:
        size = bits.take(sequence.side_bits[0]) + 1, bits.take(sequence.side_bits[1]) + 1
    if sequence.superres and bits.flag():
        bits.take(3)
    return Frame(shown, size, (bits.take(16) + 1, bits.take(16) + 1) if bits.flag() else size)


def _skip_references(bits: Bits, sequence: Sequence) -> None:
    """To which frames it refers, by number or by their places in the order."""
    short = bool(sequence.order_bits) and bits.flag()
    if short:
        bits.take(6)
    for _ in range(_REFERENCES):
        bits.take((0 if short else 3) + sequence.id_bits[1])
