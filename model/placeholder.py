"""The picture that browsers are shown in place of a refused one: grey, a struck-out picture frame, a few plain words.

It must say as little in a thumbnail as in full size, on a light page as on a dark one: middle grey with near-white
lines, the text in a contrast of 7 to 1 (WCAG 2.2, 1.4.6). The file is part of the package; draw() shows how it was
made, `python -m model.placeholder` makes it again, and a test compares the two.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FILE = Path(__file__).with_name("placeholder.png")
SIZE = (320, 240)
"""Width and height in pixels: that of a thumbnail on a phone with a fine screen."""
COLOURS = 16
"""Colours of the shipped file: two, and what lies between them at the edges of lines and letters."""
LINES = ("Not shown by", "this server")
"""Within the middle square, which is all that a square thumbnail (object-fit: cover) leaves of it."""

_GREY, _LIGHT = "#495058", "#f4f5f7"
_SMOOTH = 4
"""The icon is drawn in so many times its size and scaled down, for smooth edges."""


def draw() -> Image.Image:
    """Draw the placeholder, RGB, SIZE. The shipped file is that, made by `encode`."""
    width, height = SIZE
    icon = _icon().resize(SIZE, Image.Resampling.LANCZOS)
    image = Image.composite(Image.new("RGB", SIZE, _LIGHT), Image.new("RGB", SIZE, _GREY), icon)
    for row, line in enumerate(LINES):
        place = width // 2, height - 64 + 30 * row
        ImageDraw.Draw(image).text(place, line, _LIGHT, ImageFont.load_default(25), "mm")
    return image


def _icon() -> Image.Image:
    """A mask, L, of SIZE times _SMOOTH: a frame with hills and a sun in it, struck out."""
    mask = Image.new("L", (SIZE[0] * _SMOOTH, SIZE[1] * _SMOOTH))
    pen = ImageDraw.Draw(mask)

    def at(*values: float) -> tuple[float, ...]:
        return tuple(value * _SMOOTH for value in values)

    pen.rounded_rectangle(at(104, 40, 216, 128), 10 * _SMOOTH, outline=255, width=7 * _SMOOTH)
    pen.ellipse(at(124, 58, 144, 78), 255)
    pen.polygon(at(118, 115, 146, 88, 160, 101, 182, 76, 202, 98, 202, 115), 255)
    pen.line(at(92, 146, 228, 22), 0, 22 * _SMOOTH)
    pen.line(at(98, 141, 222, 27), 255, 7 * _SMOOTH)
    return mask


def encode(image: Image.Image) -> bytes:
    """`image` as a small PNG file."""
    file = io.BytesIO()
    image.quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    FILE.write_bytes(encode(draw()))
