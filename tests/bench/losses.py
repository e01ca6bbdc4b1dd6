"""The picture made worse: transformations that lose something of it. PNG (8 bit RGB) in, the file out."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from tests.bench.encodings import opened
from tests.model.samples import encode

KEPT = 0.8
"""Of width and height, when 20 % are cut off."""


def written(file: bytes, kind: str, quality: int) -> bytes:
    """In a lossy format of Pillow's, at a quality of 1 to 100."""
    return encode(opened(file), kind, quality=quality, **({"speed": 9} if kind == "AVIF" else {}))


def jxl(file: bytes, quality: int) -> bytes:
    """A lossy JPEG XL."""
    import pillow_jxl  # noqa: F401 - tells Pillow of the format; here alone, so that no test gets it unasked

    return encode(opened(file), "JXL", quality=quality, effort=3)


def progressive(file: bytes) -> bytes:
    """A JPEG in several scans."""
    return encode(opened(file), "JPEG", quality=95, progressive=True)


def cmyk(file: bytes) -> bytes:
    """A JPEG of four inks."""
    return encode(opened(file).convert("CMYK"), "JPEG", quality=95)


def grey(file: bytes) -> bytes:
    """A PNG without colours."""
    return encode(opened(file).convert("L"), "PNG")


def palette(file: bytes) -> bytes:
    """A PNG of 256 colours, undithered."""
    return encode(opened(file).quantize(256, dither=Image.Dither.NONE), "PNG")


def gif(file: bytes, colours: int) -> bytes:
    """A GIF of so many colours, dithered."""
    image = opened(file)
    picked = image.quantize(colours, dither=Image.Dither.NONE)
    return encode(image.quantize(colours, palette=picked, dither=Image.Dither.FLOYDSTEINBERG), "GIF")


def scaled(file: bytes, factor: float) -> bytes:
    """Width and height times `factor`."""
    image = opened(file)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return _png(image.resize(size, Image.Resampling.LANCZOS))


def cropped(file: bytes, across: float, down: float) -> bytes:
    """KEPT of width and height; `across` and `down` say which: 0 from the left or top, 0.5 the middle, 1 to the end."""
    image = opened(file)
    width, height = round(image.width * KEPT), round(image.height * KEPT)
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    return _png(image.crop((left, top, left + width, top + height)))


def rotated(file: bytes, degrees: float) -> bytes:
    """Turned a little, on a larger white page."""
    return _png(opened(file).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white"))


def blurred(file: bytes, pixels: float) -> bytes:
    """Gaussian blur of that radius."""
    return _png(opened(file).filter(ImageFilter.GaussianBlur(pixels)))


def noisy(file: bytes, deviation: float) -> bytes:
    """Gaussian noise on each value, in steps of 255; always the same."""
    pixels = np.asarray(opened(file), np.float64)
    noise = np.random.default_rng(1).normal(0, deviation, pixels.shape)
    return _png(Image.fromarray((pixels + noise).round().clip(0, 255).astype(np.uint8)))


def brighter(file: bytes, factor: float) -> bytes:
    """All values times `factor`; below 1 it is darker."""
    return _png(ImageEnhance.Brightness(opened(file)).enhance(factor))


def contrast(file: bytes, factor: float) -> bytes:
    """The distance of all values from the mean times `factor`."""
    return _png(ImageEnhance.Contrast(opened(file)).enhance(factor))


def _png(image: Image.Image) -> bytes:
    return encode(image, "PNG", compress_level=1)
