"""Pillow within limits: opens the one format that the file is, and yields each picture in it, loaded.

Sizes are refused from the header, before Pillow makes room for pixels; it is asked for one format only, so that no
file is opened as something else; and what it raises becomes a JudgeError here, by an exact list.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import pillow_jxl
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.MpoImagePlugin import MpoImageFile

from model.compose import Canvas
from model.errors import TooLarge, Undecodable, enough_memory
from model.formats.chunks import png_transparent
from model.formats.container import Container
from model.formats.media import JXL, PNG, MediaType
from model.formats.orientation import as_exif
from model.formats.rows import check_frame, check_rows, is_interlaced

PILLOW_ERRORS = (
    OSError,  # truncated data, and Image.UnidentifiedImageError
    SyntaxError,  # broken headers, in all plugins
    ValueError,  # chunks and modes that make no sense, and UnicodeDecodeError
    EOFError,  # a frame that is not there
    RuntimeError,  # what libavif says in C, and all that libjxl says
    struct.error,  # numbers cut short
    zlib.error,
    IndexError,  # single bytes cut short
    KeyError,  # tables that lack a value
    TypeError,  # None where a read block was hoped for
    AttributeError,  # likewise
    OverflowError,  # numbers beyond a C int
    ZeroDivisionError,  # times of frames
)
"""What Pillow 11 to 13 raises for broken files. Anything else is a bug, and ends the decoder process."""


MAX_WORK_PIXELS = 200_000_000
"""Pixels of all frames of an animation together. Each frame is composed whole, however little it changes: a GIF of 8 KB
with 300 frames of 40 million pixels kept a decoder busy for minutes. One core looks at 50 million a second, so that
these take four seconds: 900 frames of 470 x 470, or 96 of full HD."""


class Sizes(Protocol):
    """The limits that are looked at here; config.media.Limits has them."""

    @property
    def max_side_pixels(self) -> int:
        """Width or height."""

    @property
    def max_area_pixels(self) -> int:
        """Width times height."""

    @property
    def max_frames(self) -> int:
        """Pictures in one file."""


def check_size(size: tuple[int, int], limits: Sizes) -> None:
    """Raise TooLarge for a (width, height) beyond the limits."""
    if max(size) > limits.max_side_pixels or size[0] * size[1] > limits.max_area_pixels:
        raise TooLarge(f"{size[0]} x {size[1]} pixels")


def check_frames(frames: int, limits: Sizes) -> None:
    """Raise TooLarge for more pictures than the limits allow."""
    if frames > limits.max_frames:
        raise TooLarge(f"{frames} frames")


def _check_work(size: tuple[int, int], frames: int) -> None:
    if frames > 1 and size[0] * size[1] * frames > MAX_WORK_PIXELS:
        raise TooLarge(f"{frames} frames of {size[0]} x {size[1]} pixels")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn Pillow's errors into JudgeErrors, and its warnings, of bombs and odd metadata, into nothing."""
    try:
        with enough_memory(), warnings.catch_warnings(action="ignore"):
            yield
    except Image.DecompressionBombError as error:
        raise TooLarge(str(error)) from error
    except UnidentifiedImageError as error:
        raise Undecodable("Pillow cannot open it") from error
    except PILLOW_ERRORS as error:
        raise Undecodable(f"{type(error).__name__}: {error}") from error


@contextmanager
def _area(limits: Sizes) -> Iterator[None]:
    """Pillow's own limit of pixels, which it raises for from twice the value on.

    It asks before the WebP decoder makes room for its canvas, which is earlier than we can.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = (limits.max_area_pixels + 1) // 2
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


Size = tuple[int, int]


def pictures(data: bytes, media: MediaType, container: Container, limits: Sizes) -> Iterator[Image.Image]:
    """Each frame of one reading, loaded, as a viewer composes it, or each picture of an MPO.

    The next one may take the memory of the last. A JPEG is decoded in full: smaller scales leave the finest detail out
    before samples are cut to 0..255, and what it makes of them there can be another picture. Raises TooLarge, always
    before pixels, and Undecodable.
    """
    check_size(container.canvas, limits)
    _check_work(container.canvas, container.frames or 1)
    if container.frames is not None:
        check_frames(container.frames, limits)
    if container.layers:
        yield from _composed(media, container, limits)
        return
    if media is JXL:
        _check_jxl_end(data)
    with refusals(), _area(limits):
        image = _all_pictures(_open(data, media))
        _forget_exif_of_avif(image)
        frames = int(getattr(image, "n_frames", 1))
    with image:
        check_size(image.size, limits)
        if media is JXL and image.size != container.canvas:
            raise Undecodable(f"the JPEG XL declares {container.canvas} pixels, and has {image.size}")
        check_frames(frames, limits)
        _check_work(image.size, frames)
        if container.frames not in (None, frames):
            raise Undecodable(f"it declares {container.frames} frames, and {frames} can be found")
        looked_at = 0
        for frame in range(frames):
            with refusals(), _area(limits):
                if not _seek(image, frame, data):
                    continue
                if isinstance(image, MpoImageFile) and image.offset not in container.starts[looked_at : looked_at + 1]:
                    raise Undecodable("the index of the JPEG names other pictures than those that follow each other")
                check_size(image.size, limits)
                image.load()
            if media is PNG and not _is_filled(image, data):
                check_rows(data)
            looked_at += 1
            yield image


def _composed(media: MediaType, container: Container, limits: Sizes) -> Iterator[Image.Image]:
    canvas = Canvas(container.canvas)
    for layer in container.layers:
        if media is PNG:
            check_frame(layer)
        with refusals(), _area(limits), _open(layer.data, media) as image:
            image.load()
            frame = canvas.show(image, layer)
        yield frame


def _open(data: bytes, media: MediaType) -> ImageFile.ImageFile:
    image = Image.open(io.BytesIO(data), formats=[str(media.pillow)])
    if media is PNG and (samples := png_transparent(data)) is not None:
        image.info["transparency"] = samples
    return image


def _is_filled(image: Image.Image, data: bytes) -> bool:
    """Whether a loaded PNG is known to have all its rows; most are, by a last one that is not all zeros.

    Pillow begins with zeros and fills in one row after another. So few PNGs have to be unpacked a second time, which
    takes half as long as decoding them.
    """
    last_row = image.crop((0, image.height - 1, image.width, image.height))
    return not is_interlaced(data) and bool(np.asarray(last_row).any())


def _check_jxl_end(stream: bytes) -> None:
    """Raise Undecodable for bytes behind the end of a JPEG XL codestream.

    Only a decoder can tell where that is, and this one does not say. But it refuses a stream that lacks its last byte;
    so one that it takes without its last byte had that byte too much. This takes as long as decoding it.
    """
    try:
        pillow_jxl.Decoder(num_threads=0)(stream[:-1])
    except RuntimeError:
        return
    raise Undecodable("bytes behind the end of the JPEG XL")


def _all_pictures(image: ImageFile.ImageFile) -> ImageFile.ImageFile:
    """Pillow leaves the second picture of a JPEG alone if its XMP says that it is a gain map; anybody can say so."""
    if not isinstance(image, JpegImageFile) or isinstance(image, MpoImageFile):
        return image
    try:
        index = image._getmp()
        if index is None or index[0xB001] < 2:
            return image
        return MpoImageFile.adopt(image, index)
    except (SyntaxError, TypeError, IndexError):  # an index that nobody can follow, as in Pillow's jpeg_factory
        return image


def _forget_exif_of_avif(image: ImageFile.ImageFile) -> None:
    """Viewers turn an AVIF as its boxes irot and imir say. Pillow writes that into the EXIF that it found there, if it
    reads anything else in it; but it does not read all as we do, so ours has nothing but that.
    """
    if isinstance(image, AvifImageFile):
        _, _, _, _, _, turn, _ = image._decoder.get_info()
        image.info["exif"] = as_exif(turn)


def _seek(image: ImageFile.ImageFile, frame: int, data: bytes) -> bool:
    """Go to a frame; False if it is an entry of an MPO's index that points at no picture.

    Programs that edit a phone's photo drop the further pictures and keep the index. There is nothing to see then.
    """
    try:
        image.seek(frame)
    except (SyntaxError, ValueError):
        if not isinstance(image, MpoImageFile) or data.startswith(b"\xff\xd8\xff", image.offset):
            raise
        return False
    return True
