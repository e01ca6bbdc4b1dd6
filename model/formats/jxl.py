"""JPEG XL: the codestream without the boxes around it, and what its header says before anything is decoded.

The boxes hold metadata that no viewer shows, which may be compressed (never looked into) or rebuild a JPEG that looks
otherwise (jbrd: its markers tell a JPEG decoder what the colours mean); the orientation is that of the codestream, and
Exif's does not count. So the decoder gets the bare codestream and nothing else. Sources: ISO/IEC 18181-1 annex D
(headers), 18181-2 (boxes). A walk cannot see where a codestream ends; model/frames.py asks the decoder.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import Undecodable, Unsupported
from model.formats.boxes import boxes
from model.formats.container import Container

SIGNATURE = b"\xff\x0a"
"""Of a codestream, with or without boxes around it."""
HEADER_BYTES = 4096
"""Most of a header that is read: an extra channel's name is at most 1,071 bytes, and only one channel is looked at."""
_IGNORED = {b"JXL ", b"jxll", b"jxli", b"Exif", b"xml ", b"jumb", b"jbrd", b"brob"}
"""Signature, level of the decoder, index of frames, metadata. A gain map (jhgm) would be a picture of its own."""
_NOT_COMPRESSED = (b"jxl", b"jbrd", b"jhgm", b"ftyp", b"JXL ", b"brob")
"""First bytes of the types that a brob box must not hold (18181-2), and the gain map."""
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_RGB, _GREY = 0, 1
_ALPHA = 0
_CUSTOM = 2
_PQ, _HLG = 16, 18

Choice = tuple[int, int]
_SIDE: tuple[Choice, ...] = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: tuple[Choice, ...] = ((0, 0), (0, 1), (4, 2), (6, 18))
_XY: tuple[Choice, ...] = ((19, 0), (19, 524288), (20, 1048576), (21, 2097152))
_BITS: tuple[Choice, ...] = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_BITS: tuple[Choice, ...] = ((0, 32), (0, 16), (0, 24), (6, 1))


class Header(NamedTuple):
    """Width and height in pixels as they are shown, and what else decides whether the decoder may be trusted with it.

    `extra` are the types of its extra channels, `space` and `transfer` its colour encoding in enumerations; transfer
    is None where an ICC profile or a gamma says it.
    """

    width: int
    height: int
    preview: bool
    animation: bool
    bits: int
    floating: bool
    extra: tuple[int, ...]
    associated: bool
    space: int
    transfer: int | None


def jxl(data: bytes) -> Container:
    """The bare codestream of a still, and its size from its header."""
    stream = data if data.startswith(SIGNATURE) else _unboxed(data)
    header = read_header(stream)
    _check(header)
    return Container(len(data), (stream,), 1, (header.width, header.height))


def _unboxed(data: bytes) -> bytes:
    """The codestream of a container: one box, or parts that follow in order."""
    whole: list[bytes] = []
    parts: list[bytes] = []
    last = False
    for number, (kind, start, end) in enumerate(boxes(data, 0, len(data))):
        if (kind == b"ftyp") != (number == 1) or (kind == b"JXL ") != (number == 0):
            raise Undecodable("the JPEG XL has not its two headers, or has them elsewhere")
        if kind == b"ftyp" and (data[start : start + 4] != b"jxl " or end - start < 12):
            raise Undecodable("the JPEG XL says that it is something else")
        if kind == b"jxlc":
            whole.append(data[start:end])
        elif kind == b"jxlp":
            index = int.from_bytes(data[start : start + 4])
            if end - start < 4 or last or index & 0x7FFFFFFF != len(parts):
                raise Undecodable("the parts of the JPEG XL are not in order")
            last = bool(index >> 31)
            parts.append(data[start + 4 : end])
        elif kind == b"brob" and data[start:end][:4].startswith(_NOT_COMPRESSED):
            raise Undecodable("the JPEG XL has a compressed box of a kind that must not be")
        elif kind not in _IGNORED and kind != b"ftyp":
            raise Unsupported(f"a JPEG XL with a box {kind!r}")
    if len(whole) + bool(parts) != 1 or last != bool(parts):
        raise Undecodable("the JPEG XL has not one codestream, or one that breaks off")
    return whole[0] if whole else b"".join(parts)


def _check(header: Header) -> None:
    """Refuse what the decoder, or its way to Pillow, would show otherwise than viewers do."""
    if header.animation or header.preview:
        raise Unsupported("an animated JPEG XL, or one with a second picture as its preview")
    if header.floating or header.bits > 16:
        raise Unsupported(f"a JPEG XL with {header.bits} bits for each sample, or of floating point")
    if header.extra not in ((), (_ALPHA,)) or header.space not in (_RGB, _GREY):
        raise Unsupported("a JPEG XL with channels beside grey, RGB and alpha")
    if header.associated:
        raise Unsupported("a JPEG XL with colours that are multiplied by alpha")  # the plugin leaves them so
    if header.extra and header.space == _GREY and header.bits > 8:
        raise Unsupported("a JPEG XL of grey and alpha with more than 8 bits")  # the plugin mixes up its bytes
    if header.transfer in (_PQ, _HLG):
        raise Unsupported("a JPEG XL of high dynamic range, which each viewer maps to its screen in its own way")


class _Reader:
    """Bits, the lowest of each byte first; 18181-1 section B.2."""

    def __init__(self, data: bytes) -> None:
        self._left = 8 * len(data)
        self._bits = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        self._left -= count
        if self._left < 0:
            raise Undecodable("the JPEG XL breaks off in its header")
        return value

    def choose(self, choices: tuple[Choice, ...]) -> int:
        """U32: which of four (bits, offset), and those bits."""
        bits, offset = choices[self.take(2)]
        return offset + self.take(bits)

    def flag(self) -> bool:
        return bool(self.take(1))

    def size(self) -> tuple[int, int]:
        """SizeHeader: (width, height)."""
        small = self.flag()
        height = 8 * (self.take(5) + 1) if small else self.choose(_SIDE)
        if ratio := self.take(3):
            across, down = _RATIOS[ratio - 1]
            return height * across // down, height
        return (8 * (self.take(5) + 1) if small else self.choose(_SIDE)), height

    def depth(self) -> tuple[int, bool]:
        """BitDepth: (bits of a sample, whether they are floating point)."""
        if not self.flag():
            return self.choose(_BITS), False
        bits = self.choose(_FLOAT_BITS)
        self.take(4)
        return bits, True


def read_header(data: bytes) -> Header:
    """SizeHeader and ImageMetadata of a codestream, up to its colour encoding; Undecodable if they break off.

    What comes after a preview, an animation or a second extra channel is not read.
    """
    if not data.startswith(SIGNATURE):
        raise Undecodable("the JPEG XL's codestream does not begin as one")
    bits = _Reader(data[2:HEADER_BYTES])
    width, height = bits.size()
    header = Header(width, height, False, False, 8, False, (), False, _RGB, None)
    if bits.flag():
        return header
    if bits.flag():
        if bits.take(3) >= 4:
            header = header._replace(width=height, height=width)
        if bits.flag():
            bits.size()  # how large it would like to be shown
        if bits.flag():
            return header._replace(preview=True)
        if bits.flag():
            return header._replace(animation=True)
    depth, floating = bits.depth()
    bits.flag()
    header = header._replace(bits=depth, floating=floating)
    channels = bits.choose(((0, 0), (0, 1), (4, 2), (12, 1)))
    if channels > 1:
        return header._replace(extra=(_ALPHA,) * channels)
    if channels and not bits.flag():
        kind = bits.choose(_ENUM)
        if kind != _ALPHA:
            return header._replace(extra=(kind,))
        bits.depth()
        bits.choose(((0, 0), (0, 3), (0, 4), (3, 1)))
        bits.take(8 * bits.choose(((0, 0), (4, 0), (5, 16), (10, 48))))
        header = header._replace(associated=bits.flag())
    bits.flag()
    space, transfer = _colours(bits)
    return header._replace(extra=(_ALPHA,) * channels, space=space, transfer=transfer)


def _colours(bits: _Reader) -> tuple[int, int | None]:
    """ColourEncoding: (colour space, transfer function)."""
    if bits.flag():
        return _RGB, None
    profile = bits.flag()
    space = bits.choose(_ENUM)
    if profile or space not in (_RGB, _GREY):
        return space, None
    if bits.choose(_ENUM) == _CUSTOM:
        bits.choose(_XY), bits.choose(_XY)
    if space == _RGB and bits.choose(_ENUM) == _CUSTOM:
        for _ in range(6):
            bits.choose(_XY)
    return space, None if bits.flag() else bits.choose(_ENUM)
