"""The placeholder picture: small, what the script draws, legible on light and on dark pages."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from model import placeholder

MAX_BYTES = 4096
DRAWING_TOLERANCE = 3.0
"""Mean difference per value, 0..255, between two versions of Pillow that set the letters differently."""
LEAST_CONTRAST = 7.0
"""WCAG 2.2, success criterion 1.4.6."""


def shipped() -> Image.Image:
    return Image.open(io.BytesIO(placeholder.FILE.read_bytes()))


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_the_shipped_file_is_a_small_opaque_png() -> None:
    image = shipped()
    assert (image.format, image.size, image.mode) == ("PNG", placeholder.SIZE, "P")
    assert "transparency" not in image.info
    assert len(placeholder.FILE.read_bytes()) < MAX_BYTES


def test_the_shipped_file_is_what_draw_draws() -> None:
    drawn = Image.open(io.BytesIO(placeholder.encode(placeholder.draw()))).convert("RGB")
    difference = np.asarray(shipped().convert("RGB"), np.float32) - np.asarray(drawn, np.float32)
    assert np.abs(difference).mean() < DRAWING_TOLERANCE


def test_letters_and_ground_differ_enough_and_the_ground_from_white_and_black() -> None:
    pixels = np.asarray(shipped().convert("RGB")).reshape(-1, 3)
    ground, light = (luminance(tuple(map(int, pixels[place]))) for place in (0, pixels.sum(axis=1).argmax()))
    assert (light + 0.05) / (ground + 0.05) > LEAST_CONTRAST
    assert (1.0 + 0.05) / (ground + 0.05) > 3.0
    assert (ground + 0.05) / 0.05 > 2.0


def test_all_of_it_lies_within_the_middle_square() -> None:
    """Thumbnails are square, and browsers cut the ends off."""
    grey = np.asarray(shipped().convert("L"), np.int16)
    drawn = np.abs(grey - grey[0, 0]) > 8
    assert drawn[160:].any()
    for edge in (drawn[:, :48], drawn[:, -48:], drawn[:16], drawn[-16:]):
        assert not edge.any()
