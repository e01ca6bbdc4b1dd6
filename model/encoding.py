"""A still picture -> the file that may go on in its place: the pixels that a browser shows, and nothing else.

Runs in a decoder process and nowhere else. What is left behind: metadata (places, names, thumbnails), further pictures,
bytes that no viewer reads, colours under full transparency, and whatever two readers of the old file might see
differently. The new file is written by the same libraries that every other picture comes from, in one thread and
without a clock, so the same bytes give the same file as long as the libraries are the same. It is judged afterwards
like a file that came in: what is judged is what goes on.
"""

from __future__ import annotations

import io

from PIL import Image, JpegImagePlugin

from model.errors import TooLarge, Undecodable, Unsupported, enough_memory
from model.formats.boxes import boxes
from model.formats.container import Container
from model.formats.media import AVIF, JPEG, JXL, PNG, WEBP, MediaType, written_as
from model.formats.structure import inspect
from model.formats.webp import is_lossless
from model.frames import Sizes, pictures, refusals
from model.pixels import shown

QUALITY = 90
"""Of JPEG, WebP and JPEG XL; a picture that was encoded at 75 grows by about half."""
_AVIF_QUALITY = 80
"""libavif's scale is another one: this is about what 90 is for JPEG."""
_OPTIONS: dict[MediaType, dict[str, object]] = {
    JPEG: {"quality": QUALITY},
    PNG: {"compress_level": 3},  # the usual 6 takes twice as long, for a tenth of the size
    WEBP: {"quality": QUALITY, "method": 2},
    AVIF: {"quality": _AVIF_QUALITY, "subsampling": "4:4:4", "speed": 9, "codec": "aom", "max_threads": 1},
    JXL: {"quality": QUALITY, "effort": 3, "num_threads": 0},
}
"""How fast: 12 megapixels take 0.1 s as JPEG, 2 s as PNG, 1 s as WebP, 4 s as AVIF, 1 s as JPEG XL, on one core."""
_LOSSLESS_WEBP: dict[str, object] = {"lossless": True, "quality": 20, "method": 0}
"""Here `quality` is effort: 12 megapixels take 1 s."""
_GREY = (JPEG, PNG)
"""Formats in which a grey picture stays one of one channel."""
_GREY_MODES = ("1", "L", "LA", "I;16", "I;16B")


def encoded(data: bytes, media: MediaType, limits: Sizes, max_bytes: int) -> bytes | None:
    """The new file of a still, at most `max_bytes` of it, in the format `written_as(media)`; of several pictures behind
    each other (MPO) that of the first. None for an animation or a video, which goes on as it came.

    Turned upright by EXIF (and, in AVIF, its boxes), in sRGB, 8 bits for each channel, with its alpha. JPEG keeps its
    chroma subsampling, WebP stays lossless if it was. Raises Undecodable, Unsupported and TooLarge.
    """
    if not media.judged:
        raise Unsupported(f"{media.name} is not judged")
    container = inspect(data, media)
    if not _is_still(data, media, container):
        return None
    for frame in pictures(container.readings[0], media, container, limits):
        with refusals():
            picture = _cleaned(frame, grey=written_as(media) in _GREY)
        with enough_memory():
            new = _written(picture, written_as(media), _options(data, media, frame))
        if len(new) > max_bytes:
            raise TooLarge(f"{len(new)} bytes when it is encoded anew, more than limits.max_file_mib allows")
        return new
    raise Undecodable("no picture in it")


def _is_still(data: bytes, media: MediaType, container: Container) -> bool:
    if media.codecs:
        return False
    if media is AVIF:  # a collection of pictures without a track, of which the first reading has the one that is shown
        return all(kind != b"moov" for kind, _, _ in boxes(data, 0, len(data)))
    return container.frames in (1, None)


def _cleaned(frame: Image.Image, *, grey: bool) -> Image.Image:
    """The picture alone, black where nothing is seen of it: mode RGB or RGBA, or L or LA of a grey frame if `grey`."""
    colours, alpha = shown(frame)
    picture = colours.convert("L") if grey and frame.mode in _GREY_MODES else colours.copy()
    if alpha is not None and alpha.getextrema() != (255, 255):
        unseen = alpha.point([255] + [0] * 255)
        picture.paste(0, (0, 0), unseen)
        picture.putalpha(alpha)
    picture.info = {}  # encoders take from it what they are not given
    return picture


def _options(data: bytes, media: MediaType, frame: Image.Image) -> dict[str, object]:
    if media is JPEG:
        # -1 for grey, CMYK and odd ratios: then none
        return _OPTIONS[JPEG] | {"subsampling": max(0, JpegImagePlugin.get_sampling(frame))}
    if media is WEBP and is_lossless(data):
        return _LOSSLESS_WEBP
    return _OPTIONS[written_as(media)]


def _written(picture: Image.Image, media: MediaType, options: dict[str, object]) -> bytes:
    out = io.BytesIO()
    try:
        picture.save(out, str(media.pillow), **options)
    except (RuntimeError, ValueError, OSError) as error:
        # so libavif and libjxl, libwebp, and libjpeg say that memory is short, or a side too long
        raise TooLarge(f"it cannot be encoded anew: {error}") from error
    return out.getvalue()
