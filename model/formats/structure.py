"""Is the file whole, and in how many ways can it be read? A walk over the container before a decoder sees a byte.

Decoders forgive: Pillow takes a GIF or a PNG that breaks off after a frame, skips junk, lets a text chunk overwrite
what a header said. Each such kindness is a file that one program sees otherwise than the next. So the walk demands that
every block is complete, that the end marker is there and that nothing is declared twice; it counts the frames, finds
where the picture ends, and gives the bytes that the decoder is to read. Behind the end of a still there may be
anything (phones put videos there), behind that of an animation zeros (old programs fill up the last block of a disk):
it is counted and not decoded.
"""

from __future__ import annotations

from collections.abc import Callable

from model.errors import Undecodable, enough_memory
from model.formats.chunks import png
from model.formats.container import Container
from model.formats.gif import gif
from model.formats.heif import avif
from model.formats.jpeg import jpeg
from model.formats.jxl import jxl
from model.formats.media import AVIF, GIF, JPEG, JXL, MP4, PNG, WEBM, WEBP, MediaType
from model.formats.mp4 import mp4
from model.formats.steps import limited
from model.formats.webm import webm
from model.formats.webp import webp

_WALKS: dict[MediaType, Callable[[bytes], Container]] = {
    JPEG: jpeg,
    PNG: png,
    GIF: gif,
    WEBP: webp,
    AVIF: avif,
    JXL: jxl,
    MP4: mp4,
    WEBM: webm,
}


def inspect(data: bytes, media: MediaType) -> Container:
    """The structure of a whole file of a judged format.

    Raises Undecodable if it is not whole, has more than zeros behind the end of an animation or anything behind that of
    a video, Unsupported for what the decoder would get wrong, and TooLarge for tables beyond any limit.
    """
    with limited(), enough_memory():
        container = _WALKS[media](data)
    behind = data[container.end :]
    if container.codec:
        wrong = bool(behind)
    else:
        wrong = container.frames not in (1, None) and bool(behind.strip(b"\x00"))
    if wrong:
        raise Undecodable(f"{len(behind)} bytes behind the end of the animation or video")
    return container
