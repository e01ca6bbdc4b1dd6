"""The frames in VP9's blocks: all of each is shown.

A frame may say in which size it wants to be shown (render_size). FFmpeg and libvpx ignore that, some players with a
decoder of the graphics card cut the frame there. Frames lie in superframes, so every frame of them is looked at.
Source: VP9 Bitstream and Decoding Process Specification, sections 6.2 and 7.2, annex B.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model.errors import Undecodable
from model.formats.bits import Bits
from model.formats.shape import check_shown_size
from model.formats.steps import step

MAX_HEADER_BYTES = 32
"""Of a frame's header as far as it is read; at most 20."""
_MARK = 2
_RESERVED_BIT_FROM = 3
"""The profile that has one bit more."""
_RGB = 7


def check_vp9(data: bytes, blocks: Iterable[tuple[int, int]], size: tuple[int, int]) -> None:
    """Look at all frames of the blocks at (start, end). `size` is what frames that are shown have to have.

    Unsupported for those of which a part is shown, or far from their shape; Undecodable if a header breaks off.
    """
    for start, end in blocks:
        for at, stop in _frames(data, start, end):
            step()
            check_shown_size(size, render_size(data[at : min(stop, at + MAX_HEADER_BYTES)]) or size)


def _frames(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Annex B: the last byte tells how many frames there are, and how many bytes there are in each number of bytes."""
    last = data[end - 1] if start < end else 0
    count, width = (last & 7) + 1, (last >> 3 & 3) + 1
    index = end - 2 - count * width
    if last >> 5 != 6 or index < start or data[index] != last:
        yield start, end
        return
    for number in range(count):
        at = index + 1 + number * width
        size = int.from_bytes(data[at : at + width], "little")
        if start + size > index:
            raise Undecodable("the frames of a block in VP9 do not fill it")
        if size:
            yield start, start + size
        start += size


def render_size(content: bytes) -> tuple[int, int] | None:
    """(width, height) in which a frame wants to be shown, or None if it says nothing; Undecodable if it breaks off."""
    bits = Bits(content)
    if bits.take(2) != _MARK:
        raise Undecodable("a frame in VP9 that does not begin as one")
    profile = bits.take(1) | bits.take(1) << 1
    if profile == _RESERVED_BIT_FROM:
        bits.take(1)
    if bits.flag():
        return None  # one that was decoded before, and has been looked at
    inter, shown, resilient = bits.flag(), bits.flag(), bits.flag()
    intra_only = inter and not shown and bits.flag()
    if inter and not resilient:
        bits.take(2)
    if not inter or intra_only:
        bits.take(24)
        if not inter or profile:
            _skip_colours(bits, profile)
    if inter:
        bits.take(8 if intra_only else 8 + 3 * 4)
    if not inter or intra_only or not any(bits.flag() for _ in range(3)):
        bits.take(32)  # its own size, where it is not that of another frame
    return (bits.take(16) + 1, bits.take(16) + 1) if bits.flag() else None


def _skip_colours(bits: Bits, profile: int) -> None:
    if profile >= 2:
        bits.take(1)
    subsampled = profile in (1, 3)
    if bits.take(3) != _RGB:
        bits.take(4 if subsampled else 1)
    elif subsampled:
        bits.take(1)
