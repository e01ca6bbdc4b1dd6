"""How small a picture may be decoded so that no view loses by it. Pure.

JPEG can be decoded to a half, a quarter or an eighth of its size in a fraction of the time: its blocks of 8 x 8 pixels
are then never filled in. A view is 224 pixels of a photo of 4,000.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from model.preprocess import ViewSpec, whole_size
from model.tiles import along, tiles

SOFT = 1.25
"""A tile may be enlarged by as much to become a view; models are trained on softer pictures."""


def least_size(size: tuple[int, int], specs: Sequence[ViewSpec], *, closely: bool) -> tuple[int, int]:
    """(width, height) of the smallest picture, in the shape of one of `size`, that all views can be made of."""
    width, height = size
    factor = 0.0
    for spec in specs:
        wide, high = whole_size(size, spec)
        factor = max(factor, wide / width, high / height)
    side = max((min(spec.height, spec.width) for spec in specs), default=1)
    if closely and (boxes := tiles(width, height, side) or along(width, height)):
        factor = max(factor, side / (boxes[0][2] - boxes[0][0]) / SOFT)
    factor = min(1.0, factor)
    return max(1, math.ceil(width * factor)), max(1, math.ceil(height * factor))
