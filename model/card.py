"""The self-test card, a friendly picture that the filter always refuses, and an ordinary one that it should pass.

An operator uploads card() through the site: if it arrives, the filter is not in front of pict-rs. The card is refused
by the SHA-256 of its file alone, in every mode and before any model is asked; the embedded model finds nothing in it.
The file is part of the package and never changes: draw() shows how it was made, and a test compares the two.
"""

from __future__ import annotations

import io
import math
import random
from functools import cache
from importlib import resources

from PIL import Image, ImageDraw, ImageFont

CARD_SHA256 = "124efd2831abd218be73c8bded2d33fb129f529c4bc983dc7062dea91ffbc07a"
"""SHA-256 of the file card.png, in lower case hex."""

CARD_SIZE = (640, 480)
PLAIN_SIZE = (640, 427)

_CREAM, _INK, _TEAL, _SUN, _WHITE = "#fdf6e3", "#22333b", "#2a9d8f", "#ffd166", "#ffffff"
_BORDER = 32
_TITLE = "pictrs-filter self-test card"
_LINES = (
    "This picture is always refused.",
    "If you can see it on your site, the filter is",
    "not in front of pict-rs.",
)


@cache
def card() -> bytes:
    """Return the shipped card, a PNG file. Its SHA-256 is CARD_SHA256."""
    return resources.files("model").joinpath("card.png").read_bytes()


def draw() -> Image.Image:
    """Draw the card, RGB, CARD_SIZE. The shipped file is draw().quantize(64), saved as a PNG with optimize=True.

    Another version of Pillow may set the letters a little differently; that changes this picture and not the file.
    """
    width, height = CARD_SIZE
    image = Image.new("RGB", CARD_SIZE, _CREAM)
    pen = ImageDraw.Draw(image)
    for top in range(0, height, _BORDER):
        for left in range(0, width, _BORDER):
            if (left + top) // _BORDER % 2 == 0:
                pen.rectangle((left, top, left + _BORDER - 1, top + _BORDER - 1), _TEAL)
    pen.rounded_rectangle((_BORDER, _BORDER, width - _BORDER - 1, height - _BORDER - 1), 16, _CREAM, _INK, 3)
    _face(image, (width // 2, 140), 72)
    pen.text((width // 2, 252), _TITLE, _INK, ImageFont.load_default(38), "mm")
    pen.line((120, 290, width - 120, 290), _TEAL, 3)
    for row, line in enumerate(_LINES):
        pen.text((width // 2, 326 + 38 * row), line, _INK, ImageFont.load_default(25), "mm")
    return image


def _face(image: Image.Image, centre: tuple[int, int], radius: int) -> None:
    """Draw a smiling face at four times its size and paste it scaled down, so that its curves are smooth."""
    unit = radius * 4
    face = Image.new("RGB", (2 * unit, 2 * unit), _CREAM)
    pen = ImageDraw.Draw(face)
    pen.ellipse((0, 0, 2 * unit - 1, 2 * unit - 1), _SUN, _INK, unit // 16)
    for x in (0.64, 1.36):
        pen.ellipse((unit * (x - 0.11), unit * 0.58, unit * (x + 0.11), unit * 0.92), _INK)
    pen.arc((unit * 0.48, unit * 0.5, unit * 1.52, unit * 1.52), 25, 155, _INK, unit // 9)
    small = face.resize((2 * radius, 2 * radius), Image.Resampling.LANCZOS)
    image.paste(small, (centre[0] - radius, centre[1] - radius))


def plain(seed: int = 0) -> bytes:
    """Return an ordinary drawn landscape, a JPEG file of PLAIN_SIZE: sky, sun, hills, a house. Each `seed` differs."""
    dice = random.Random(seed)
    width = PLAIN_SIZE[0]
    image = Image.linear_gradient("L").resize(PLAIN_SIZE)
    scene = Image.composite(Image.new("RGB", PLAIN_SIZE, "#d9f0fb"), Image.new("RGB", PLAIN_SIZE, "#5aa9e6"), image)
    pen = ImageDraw.Draw(scene)
    sun = dice.randint(60, width - 60), dice.randint(50, 110)
    pen.circle(sun, 34, "#ffe066")
    for _ in range(3):
        _cloud(pen, dice.randint(40, width - 120), dice.randint(40, 150))
    for base, colour in ((230, "#8ab17d"), (275, "#6a994e"), (325, "#4f772d")):
        _hill(pen, base, colour, dice)
    for _ in range(6):
        _tree(pen, dice.randint(20, width - 20), dice.randint(360, 390))
    _house(pen, dice.randint(80, width - 180), 330)
    file = io.BytesIO()
    scene.save(file, "JPEG", quality=90)
    return file.getvalue()


def _cloud(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
    for dx, dy, radius in ((0, 8, 16), (22, 0, 22), (48, 4, 20), (68, 10, 14)):
        pen.circle((left + dx, top + dy), radius, _WHITE)


def _hill(pen: ImageDraw.ImageDraw, base: int, colour: str, dice: random.Random) -> None:
    width, height = PLAIN_SIZE
    phase, length, rise = dice.uniform(0, math.tau), dice.uniform(140, 220), dice.uniform(14, 30)
    ridge = [(x, base + rise * math.sin(x / length * math.pi + phase)) for x in range(0, width + 8, 8)]
    pen.polygon([(0, height), *ridge, (width, height)], colour)


def _house(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
    pen.rectangle((left, top, left + 96, top + 64), "#f2e8cf", _INK, 2)
    pen.polygon([(left - 12, top), (left + 48, top - 44), (left + 108, top)], "#bc4749", _INK, 2)
    pen.rectangle((left + 40, top + 26, left + 60, top + 64), "#7f5539", _INK, 2)
    for window in (left + 12, left + 68):
        pen.rectangle((window, top + 18, window + 18, top + 36), "#a8dadc", _INK, 2)


def _tree(pen: ImageDraw.ImageDraw, x: int, foot: int) -> None:
    pen.rectangle((x - 4, foot - 26, x + 4, foot), "#7f5539")
    pen.circle((x, foot - 44), 24, "#386641")
    pen.circle((x - 14, foot - 32), 16, "#386641")
    pen.circle((x + 14, foot - 32), 16, "#386641")
