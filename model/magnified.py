"""Parts of a picture with more pixels than a model takes, and crops of them, for where a part is suspicious. Pure.

What fills a sixteenth of a picture fills a quarter of the square in which it lies (model/tiles.py); the rest is what
surrounds it, and a model that gives a picture one name often gives it that of the surroundings. Of an inset cat in a
photograph of a cup it says 0.03 to 0.25 there, where the cup alone has 0.0003, and 0.65 to 0.93 in the best of the
crops here. They are too many to look at in every picture: 5 for each of 12 squares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.preprocess import View, ViewSpec, make_closer_views
from model.tiles import Box

LARGER = 1.6
"""Its side in sides of a view, so that a crop of a view's size is 1.25 times as long as what is looked for. At 1.5
times the cat above stayed below 0.5 in half of the places, at 1.1 times it was cut through."""
CROPS = 5
"""The corners and the middle. What is looked for lies in one of them with three quarters of it or more, wherever it is,
as the next square begins half a square on."""


def magnified_size(spec: ViewSpec) -> tuple[int, int]:
    """(height, width) in pixels of a part for this model."""
    return round(spec.height * LARGER), round(spec.width * LARGER)


def magnified(picture: Image.Image, boxes: Sequence[Box], specs: Sequence[ViewSpec]) -> list[View]:
    """Boxes of one size of an RGB picture for each model, uint8 (*magnified_size(spec), 3). None of them if they have
    not that many pixels: what is enlarged looks to a model like what it is not.
    """
    sizes = [magnified_size(spec) for spec in specs]
    if any(lower - up < height or right - left < width for left, up, right, lower in boxes for height, width in sizes):
        return []
    larger = (
        ViewSpec(height, width, 1.0, "squash", spec.interpolation)
        for spec, (height, width) in zip(specs, sizes, strict=True)
    )
    return list(zip(*(make_closer_views(picture, boxes, spec) for spec in larger), strict=True))


def crops(part: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The views of one part, uint8 (CROPS, height, width, 3); `part` is uint8 (no less, no less, 3)."""
    down, right = part.shape[0] - height, part.shape[1] - width
    places = ((0, 0), (0, right), (down // 2, right // 2), (down, 0), (down, right))
    return np.stack([part[top : top + height, left : left + width] for top, left in places])
