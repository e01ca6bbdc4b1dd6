"""Ordinary pictures, changed so that they are not what they were: for files that show one thing and then another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests import imagenet

Pixels = NDArray[np.uint8]


def cat(width: int, height: int | None = None) -> Image.Image:
    """The middle square of a photograph of a cat, in so many pixels; squeezed, if they are no square."""
    with Image.open(imagenet.picture("chelsea.png")) as image:
        square = image.convert("RGB").crop((75, 0, 375, 300))
    return square.resize((width, height or width), Image.Resampling.LANCZOS)


def shuffled(pixels: Pixels, block: int, seed: int = 0, unit: int = 1) -> Pixels:
    """Squares of `unit` pixels in another order within each block of so many pixels a side, of (height, width, 3)."""
    height, width, _ = pixels.shape
    units = block // unit
    apart = pixels.reshape(height // block, units, unit, width // block, units, unit, 3).transpose(0, 3, 1, 4, 2, 5, 6)
    order = np.random.default_rng(seed).permutation(units * units)
    mixed = apart.reshape(*apart.shape[:2], units * units, unit, unit, 3)[:, :, order].reshape(apart.shape)
    return np.ascontiguousarray(mixed.transpose(0, 2, 4, 1, 3, 5, 6)).reshape(pixels.shape)


def soft(pixels: Pixels, levels: int) -> Pixels:
    """With less contrast, so that there is room for so many levels at both ends of the scale."""
    return (levels + pixels.astype(np.int32) * (255 - 2 * levels) // 255).astype(np.uint8)


def chequered(pixels: Pixels, levels: int, cell: int = 1) -> Pixels:
    """Lighter and darker by so many levels from cell to cell, which leaves all means as they are."""
    rows, columns = np.indices(pixels.shape[:2]) // cell
    return (pixels + np.where((rows + columns) % 2, levels, -levels)[..., None]).astype(np.uint8)


def near(view: Pixels, other: Pixels) -> bool:
    """Whether two views show the same, however they were compressed."""
    return float(np.abs(view.astype(np.int16) - other).mean()) < 4
