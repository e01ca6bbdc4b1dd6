"""JPEG and GIF: is every segment and block there, up to the end marker?

Pure: bytes in, Container out, Undecodable if not. Loops run over segments and blocks, entropy-coded data is skipped by
a regular expression.
"""

from __future__ import annotations

import re

from model.container import Container
from model.errors import TooLarge, Undecodable, Unsupported
from model.orientation import orientation
from model.scans import Scans

_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""The next JPEG marker, past junk, fill bytes, entropy-coded data and restart markers (ITU-T T.81, B.1.1)."""
_EOI, _SOI, _TEM, _APP1, _APP2 = 0xD9, 0xD8, 0x01, 0xE1, 0xE2
_EXIF = (b"Exif\x00\x00II*\x00", b"Exif\x00\x00MM\x00*")
"""Where EXIF begins; one of more than 64 KiB goes on in further segments, without the second half."""
_GRAPHIC_CONTROL = 0xF9

_NEXT_PICTURE = b"\xff\xd8\xff"
MAX_GAP_BYTES = 64 * 1024
"""Most bytes between two pictures of one file; programs align them to some power of two."""
_LEAVE = b"!\xf9\x04\x04\x00\x00\x00\x00"
"""A graphic control without transparency whose frame is left in place; GIF89a specification, section 23."""


def jpeg_end(data: bytes, start: int = 0) -> tuple[int, bool]:
    """(place after the end marker, whether an index of further pictures was met) of the JPEG that begins at `start`.

    The index is that of the Multi-Picture Format, CIPA DC-007. Raises Undecodable if the picture breaks off, and what
    model/scans.py raises.
    """
    at = start + 2
    index = False
    scans = Scans()
    turns: set[int] = set()
    while match := _MARKER.search(data, at):
        at = match.end()
        marker = match[1][0]
        if marker == _EOI:
            scans.finish()
            return at, index
        if marker in (_SOI, _TEM):
            continue
        length = int.from_bytes(data[at : at + 2])
        if length < 2:
            break
        index = index or (marker == _APP2 and data[at + 2 : at + 6] == b"MPF\x00")
        scans.segment(marker, data[at + 2 : at + length])
        if marker == _APP1 and data.startswith(_EXIF, at + 2):
            turns.add(orientation(data[at + 2 : at + length]))
            if len(turns) > 1:
                raise Undecodable("the JPEG says twice which way is up, and not the same")
        at += length
    raise Undecodable("the JPEG breaks off before its end marker")


def jpeg(data: bytes) -> Container:
    """One picture up to its end marker; where an index says that there are more, all that follow close upon another.

    Which of them the index really names only the decoder can tell; what comes behind those is cut off there.
    """
    end, index = jpeg_end(data)
    if not index:
        return Container(end, (data[:end],), 1)
    starts, ends = [0], [end]
    while (start := data.find(_NEXT_PICTURE, ends[-1], ends[-1] + MAX_GAP_BYTES)) >= 0:
        try:
            ends.append(jpeg_end(data, start)[0])
        except (Undecodable, Unsupported, TooLarge):
            break  # it is cut off, with all behind it
        starts.append(start)
    return Container(ends[-1], (data[: ends[-1]],), None, starts=tuple(starts), ends=tuple(ends))


def gif(data: bytes) -> Container:
    """All blocks up to the trailer; GIF89a specification, sections 17 to 27. Frames may reach beyond the header's size.

    Of the extensions only the graphic control (transparency, disposal) is left to the decoder: an empty one of another
    kind makes Pillow take the blocks behind it for its content, and so miss a frame.
    """
    if len(data) < 13:
        raise Undecodable("the GIF breaks off in its header")
    width, height = _u16(data, 6), _u16(data, 8)
    at = 13 + _colour_table(data[10])
    parts: list[bytes] = [data[:at]]
    control: bytes | None = None
    frames = 0
    while (block := data[at : at + 1]) != b";":
        start = at
        if block == b"!":
            at = _sub_blocks(data, at + 2)
            if data[start + 1] != _GRAPHIC_CONTROL:
                continue
            if at != start + 8:
                raise Undecodable("a graphic control of the GIF is not four bytes long")
            control = data[start:at]
        elif block == b"," and at + 10 <= len(data):
            width = max(width, _u16(data, at + 1) + _u16(data, at + 5))
            height = max(height, _u16(data, at + 3) + _u16(data, at + 7))
            frames += 1
            at = _sub_blocks(data, at + 11 + _colour_table(data[at + 9]))
            parts += [_explicit(control), data[start:at]]
            control = None
        else:
            raise Undecodable("the GIF breaks off, or has something between its blocks")
    if not frames:
        raise Undecodable("a GIF without a picture")
    return Container(at + 1, (b"".join([*parts, b";"]),), frames, (width, height))


def _explicit(control: bytes | None) -> bytes:
    """The graphic control of an image, with nothing left to the reader.

    Viewers take the last control before an image, and take none, or disposal 0, for "leave it in place". Pillow mixes
    several, and carries over the disposal of an earlier frame. Disposal 4 to 7 is undefined, and read differently.
    """
    if control is None:
        return _LEAVE
    disposal = control[3] >> 2 & 7
    if disposal > 3:
        raise Undecodable(f"a graphic control of the GIF with the undefined disposal {disposal}")
    return control if disposal else control[:3] + bytes([control[3] | 1 << 2]) + control[4:]


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _colour_table(flags: int) -> int:
    """Bytes of the colour table that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> int:
    while at < len(data):
        size = data[at]
        at += 1 + size
        if not size:
            return at
    raise Undecodable("the GIF breaks off in a block")
