"""The frames of an APNG, gathered from its chunks while they are walked (model/formats/chunks.py).

Each frame becomes a PNG of its own: a header with the frame's size, the palette and the transparency of the whole, and
its pixels. What decoders make different things of is refused: a frame more or fewer than declared, sequence numbers
with a hole, a frame that is empty, beyond the canvas or of undefined operations, pixels of the still after those of
a frame; and three kinds that FFmpeg 8 composes otherwise than browsers. Source: the PNG specification, third edition,
section 11.3.6 ("Animation information").
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.container import MAX_LAYERS, Disposal, Layer
from model.formats.rows import GREY, PALETTE, RGB

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CONTROL = struct.Struct(">IIIIIHHBB")
_DISPOSALS: tuple[Disposal, ...] = ("leave", "clear", "previous")
_OVER = 1
_DEPTH = 8  # place of the bit depth in IHDR, and of the colour type behind it
_FOR_PIXELS = (b"PLTE", b"tRNS")
"""The chunks that every frame needs; the others (profile, gamma, orientation) are read from the first alone."""


@dataclass
class _Frame:
    size: tuple[int, int]
    left: int
    top: int
    disposal: Disposal
    over: bool
    pixels: list[memoryview] = field(default_factory=list)


class Film:
    """The chunks of one PNG in their order; in the end its layers, none if it is no APNG.

    The still, if it is not the first frame, is a layer of its own that leaves the canvas clear.
    """

    def __init__(self) -> None:
        self._header = b""
        self._shared: list[memoryview] = []
        self._first_only: list[memoryview] = []
        self._declared: int | None = None
        self._frames: list[_Frame] = []
        self._apart = False
        self._sequence = 0
        self._clear = True

    def add(self, kind: bytes, chunk: memoryview) -> None:
        """Take the next chunk, whole; Undecodable if it cannot be part of an animation."""
        content = chunk[8:-4]
        if kind == b"IHDR":
            self._header = bytes(content)
        elif kind == b"IDAT":
            self._add_still(content)
        elif kind == b"acTL":
            if len(content) != 8 or self._frames:
                raise Undecodable("the animation control of the APNG is not eight bytes long, or too late")
            self._declared = int.from_bytes(content[:4])
        elif kind == b"fcTL":
            self._check_sequence(content)
            self._frames.append(self._frame(content))
            if len(self._frames) > MAX_LAYERS:
                raise TooLarge(f"more than {MAX_LAYERS} frames")
        elif kind == b"fdAT":
            self._check_sequence(content)
            if len(self._frames) < 2:
                raise Undecodable("the APNG has pixels of a frame that has not begun")
            self._frames[-1].pixels.append(content[4:])
        elif kind != b"IEND":
            (self._shared if kind in _FOR_PIXELS else self._first_only).append(chunk)

    def layers(self) -> tuple[Layer, ...]:
        """One for each frame, and one more first if the still is none of them. Undecodable if one lacks its pixels."""
        if self._declared is None:
            return ()
        if (
            not self._declared
            or len(self._frames) != self._declared + self._apart
            or not all(frame.pixels for frame in self._frames)
        ):
            raise Undecodable("the APNG declares other frames than it has, or one has no pixels")
        depth, colour = self._header[_DEPTH : _DEPTH + 2]
        lengths = {bytes(chunk[4:8]): len(chunk) - 12 for chunk in self._shared}
        fitting = {GREY: (2,), RGB: (6,), PALETTE: range(lengths.get(b"PLTE", 0) // 3 + 1)}
        if colour in fitting and b"tRNS" in lengths and lengths[b"tRNS"] not in fitting[colour]:
            # libpng and FFmpeg leave it out, and Pillow takes the first bytes.
            raise Undecodable("the transparency of an APNG is not as long as its colours ask for")
        if colour == GREY and depth < 8 and any(bytes(chunk[4:8]) == b"tRNS" for chunk in self._shared):
            raise Unsupported("an APNG of grey of less than eight bits with a transparent level, opaque to FFmpeg")
        return tuple(self._layer(frame, first=frame is self._frames[0]) for frame in self._frames)

    def _add_still(self, content: memoryview) -> None:
        if self._declared is None:
            return
        whole = _two(self._header)
        if not self._frames:
            self._apart = True
            self._frames.append(_Frame(whole, 0, 0, "clear", over=False))
        first = self._frames[0]
        if len(self._frames) > 1 or first.size != whole:
            raise Undecodable("the still of the APNG is neither its first frame nor apart")
        first.pixels.append(content)

    def _check_sequence(self, content: memoryview) -> None:
        if self._declared is None or int.from_bytes(content[:4]) != self._sequence or len(content) < 4:
            raise Undecodable("the APNG's sequence numbers have a hole, or it does not say that it is one")
        self._sequence += 1

    def _frame(self, content: memoryview) -> _Frame:
        if len(content) != _CONTROL.size:
            raise Undecodable("a frame control of the APNG is not 26 bytes long")
        _, width, height, left, top, _, _, disposal, blend = _CONTROL.unpack(content)
        whole = _two(self._header)
        if not width or not height or left + width > whole[0] or top + height > whole[1]:
            raise Undecodable("a frame of the APNG is empty or reaches beyond the canvas")
        if disposal >= len(_DISPOSALS) or blend > _OVER:
            raise Undecodable("a frame of the APNG has an undefined operation")
        over = blend == _OVER and len(self._frames) > self._apart
        frame = _Frame((width, height), left, top, _DISPOSALS[disposal], over)
        self._check_second_opinion(frame, covers=(width, height) == whole)
        return frame

    def _check_second_opinion(self, frame: _Frame, *, covers: bool) -> None:
        """Unsupported for what FFmpeg composes otherwise than the specification says.

        It spreads samples of less than a byte from the left edge, wherever the frame lies, and takes a frame that
        covers the canvas and is cleared away afterwards for one that replaces what is there.
        """
        if frame.left and self._header[_DEPTH] < 8:
            raise Unsupported("an APNG of less than eight bits with a frame that does not begin at the left edge")
        if covers and frame.over and frame.disposal == "clear" and not self._clear:
            raise Unsupported("an APNG with a frame over the last one that covers it and is then cleared")
        self._clear = (self._clear and frame.disposal != "leave") or (covers and frame.disposal == "clear")

    def _layer(self, frame: _Frame, *, first: bool) -> Layer:
        chunks: list[bytes | memoryview] = [_chunk(b"IHDR", struct.pack(">II", *frame.size) + self._header[8:])]
        chunks += (self._first_only if first else []) + self._shared
        chunks += [_chunk(b"IDAT", b"".join(frame.pixels)), _chunk(b"IEND", b"")]
        return Layer(SIGNATURE + b"".join(chunks), frame.left, frame.top, frame.disposal, frame.over)


def _two(header: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", header)
    return width, height


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
