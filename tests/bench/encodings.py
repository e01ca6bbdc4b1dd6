"""The same pixels in another file: transformations that lose nothing. PNG (8 bit RGB) in, the file out."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.model.samples import chunk, encode, png

PNG_SIGN = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112
"""The EXIF tag, 1 to 8 (Exif 2.32, 4.6.4 A)."""

_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How an upright picture is stored so that the tag makes it upright again: the inverse of the turn that the tag asks
for."""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Passes of an interlaced PNG (PNG 3rd edition, 8.1): first column, first row, step of columns, step of rows."""


def opened(file: bytes) -> Image.Image:
    """The picture of a file, loaded, RGB."""
    with Image.open(io.BytesIO(file)) as image:
        return image.convert("RGB")


def opaque_rgba(file: bytes) -> bytes:
    """A PNG with an alpha channel that hides nothing."""
    return encode(opened(file).convert("RGBA"), "PNG")


def sixteen_bit(file: bytes) -> bytes:
    """A PNG of 16 bits a channel: each value times 257, so that 255 is still the lightest."""
    pixels = np.asarray(opened(file), np.uint16) * np.uint16(257)
    height, width = pixels.shape[:2]
    return png(_rows(pixels.astype(">u2")), width, height, depth=16, colour=2)


def interlaced(file: bytes) -> bytes:
    """A PNG in the seven passes of Adam7."""
    pixels = np.asarray(opened(file))
    height, width = pixels.shape[:2]
    passes = [pixels[top::down, left::across] for left, top, across, down in _ADAM7]
    rows = b"".join(_rows(each) for each in passes if each.size)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))
    return PNG_SIGN + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def webp_lossless(file: bytes) -> bytes:
    """A lossless WebP."""
    return encode(opened(file), "WEBP", lossless=True, method=0)


def jxl_lossless(file: bytes) -> bytes:
    """A lossless JPEG XL."""
    import pillow_jxl  # noqa: F401 - tells Pillow of the format; here alone, so that no test gets it unasked

    return encode(opened(file), "JXL", lossless=True, effort=1)


def turned(file: bytes, tag: int) -> bytes:
    """A PNG whose pixels are stored turned, with the EXIF orientation `tag` that makes them upright again."""
    exif = Image.Exif()
    exif[ORIENTATION] = tag
    stored = opened(file)
    return encode(stored.transpose(_STORED[tag]) if tag in _STORED else stored, "PNG", exif=exif)


def mirrored(file: bytes) -> bytes:
    """Left is right."""
    return encode(ImageOps.mirror(opened(file)), "PNG")


def _rows(pixels: NDArray[np.generic]) -> bytes:
    """Rows as a PNG packs them, each behind the byte of filter 0."""
    return b"".join(b"\x00" + row.tobytes() for row in pixels)
