"""Innocent pictures, made when they are needed: soft coloured noise in every format that is judged."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pillow_jxl  # noqa: F401  Pillow's format JXL
from PIL import Image

Maker = Callable[[], bytes]


def picture(seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (48, 40)) -> Image.Image:
    """Six by six colours, with an alpha from 0 to 255 where the mode has one, blown up to (width, height)."""
    colours = np.random.default_rng(seed).integers(0, 256, (6, 6, 4), dtype=np.uint8)
    colours[0, 0, 3], colours[5, 5, 3] = 0, 255
    image = Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 256 + 77)
    return image.convert(mode)


def pictures(count: int, mode: str = "RGB") -> list[Image.Image]:
    """So many that differ."""
    return [picture(seed, mode) for seed in range(count)]


def encode(images: Image.Image | Sequence[Image.Image], kind: str, **options: object) -> bytes:
    """A file of one or more pictures in Pillow's format `kind`."""
    first, *others = [images] if isinstance(images, Image.Image) else images
    if others:
        options |= {"save_all": True, "append_images": others}
    out = io.BytesIO()
    first.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk with its true checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    rows: bytes, width: int, height: int, depth: int = 8, colour: int = 0, before: bytes = b"", after: bytes = b""
) -> bytes:
    """A PNG by hand: `rows` with their filter bytes, chunks `before` and `after` the pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def png_header(width: int, height: int) -> bytes:
    """A PNG of grey pixels that has none of them: small, whole, and as large as you say."""
    return png(b"", width, height)


STILLS: dict[str, Maker] = {
    "jpeg": lambda: encode(picture(), "JPEG"),
    "jpeg-grey": lambda: encode(picture(mode="L"), "JPEG"),
    "jpeg-cmyk": lambda: encode(picture(mode="CMYK"), "JPEG"),
    "jpeg-progressive": lambda: encode(picture(), "JPEG", progressive=True),
    "jpeg-restarts": lambda: encode(picture(), "JPEG", restart_marker_blocks=2),
    "png-1": lambda: encode(picture(mode="1"), "PNG"),
    "png-L": lambda: encode(picture(mode="L"), "PNG"),
    "png-LA": lambda: encode(picture(mode="LA"), "PNG"),
    "png-P": lambda: encode(picture(mode="P"), "PNG"),
    "png-RGB": lambda: encode(picture(), "PNG"),
    "png-RGBA": lambda: encode(picture(mode="RGBA"), "PNG"),
    "png-I;16": lambda: encode(picture(mode="I;16"), "PNG"),
    "png-many-idat": lambda: encode(Image.effect_noise((400, 400), 90), "PNG"),
    "gif": lambda: encode(picture(mode="P"), "GIF"),
    "gif-interlaced": lambda: encode(picture(mode="P"), "GIF", interlace=True),
    "webp": lambda: encode(picture(), "WEBP"),
    "webp-alpha": lambda: encode(picture(mode="RGBA"), "WEBP"),
    "webp-lossless": lambda: encode(picture(mode="RGBA"), "WEBP", lossless=True, exact=True),
    "avif": lambda: encode(picture(), "AVIF", speed=9),
    "avif-alpha": lambda: encode(picture(mode="RGBA"), "AVIF", speed=9),
    "jxl": lambda: encode(picture(), "JXL"),
    "jxl-L": lambda: encode(picture(mode="L"), "JXL"),
    "jxl-I;16": lambda: encode(picture(mode="I;16"), "JXL", lossless=True),
    "jxl-alpha": lambda: encode(picture(mode="RGBA"), "JXL", lossless=True),
    "jxl-boxes": lambda: encode(picture(), "JXL", use_container=True, xmp=b"<x/>", compress_metadata=True),
}
"""One picture each."""

ANIMATIONS: dict[str, Maker] = {
    "apng": lambda: encode(pictures(4), "PNG"),
    "apng-alpha": lambda: encode(pictures(4, "RGBA"), "PNG"),
    "gif-animated": lambda: encode(pictures(4), "GIF"),
    "webp-animated": lambda: encode(pictures(4), "WEBP"),
    "webp-animated-alpha": lambda: encode(pictures(4, "RGBA"), "WEBP"),
    "avif-animated": lambda: encode(pictures(4), "AVIF", speed=9),
    "avif-animated-alpha": lambda: encode(pictures(4, "RGBA"), "AVIF", speed=9),
}
"""Four frames each, all different."""
