"""Which views, and which pictures, are as good as the same, so that 900 equal frames cost one view.

Two are alike if in no small block of them a colour differs by more than eyes and models notice: neither in its mean,
nor in how much it varies, nor from pixel to pixel. A mean over the whole would not do, as a small thing would drown in
it; nor would the blocks' means and deviations alone, which stay what they are when the pixels within change places.
They are compared with what was kept and not with the last one, so that a slow change adds up.

Of two pictures that are alike people see the same, so what one is judged by is right for the other, and whoever hides
one behind the other could as well show the first alone. That holds for pictures of one size only: a squeezed one is
another picture. They are compared as fine as the views that are made of them show, parts and all (model/gallery.py).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

THUMBNAIL_PIXELS = 112
"""Side of the small picture of which a picture's signature is made: 4 x 4 pixels for each block."""
BLOCKS = 28
"""Blocks along each side: 8 x 8 pixels of a view of 224."""
MEAN_LEVELS = 6.0
"""How far the means of a block may be apart, of 255 levels: the noise of compression and dithering is below it."""
SPREAD_LEVELS = 12.0
"""The same for the standard deviation in a block, which noise changes more."""
PIXEL_LEVELS = 16
"""The same for the mean over the pixels of a block of how far each is from its like. The greatest seen in a block of a
photograph: 6 after JPEG of quality 30, 12 in 256 colours with dithering, 13 where each of two frames has noise of 10
levels, but 94 where a photograph of a cat had the pixels of each block shuffled, which no model takes for a cat."""
CANDIDATES = 8
"""Only so many of the nearest are compared from pixel to pixel, or files could be made in which all are. What is like
another one only is new then, which costs a view and loses nothing."""
KEPT_PIXELS = 50_000_000
"""Pixels (4 bytes each) of pictures that are remembered; of more the oldest are forgotten, and new if they come again.
"""


def signature(view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means and scaled deviations of the blocks of a view, uint8 (height, width, 3), as one row of numbers.

    Only views of whose signatures no number differs by more than MEAN_LEVELS can be alike.
    """
    height, width, _ = view.shape
    tall, wide = (max(1, length // BLOCKS) for length in (height, width))
    pixels = view[: height - height % tall, : width - width % wide].astype(np.float32)
    means = _block_means(pixels, tall, wide)
    variances = _block_means(pixels * pixels, tall, wide) - means * means
    deviations = np.sqrt(variances.clip(0)) * np.float32(MEAN_LEVELS / SPREAD_LEVELS)
    return np.concatenate((means.ravel(), deviations.ravel()))


def _block_means(pixels: NDArray[np.float32], tall: int, wide: int) -> NDArray[np.float32]:
    """Means over blocks; along whole rows first, which is ten times as fast as over two axes at once."""
    height, width, _ = pixels.shape
    rows = pixels.reshape(height // tall, tall, width * 3).sum(axis=1)
    sums: NDArray[np.float32] = rows.reshape(height // tall, width // wide, wide, 3).sum(axis=2)
    return sums / np.float32(tall * wide)


def furthest(one: Image.Image, other: Image.Image) -> int:
    """The mean difference of pixels in the block in which it is greatest, in levels of 255, of pictures of one size."""
    blocks = tuple(max(1, math.ceil(length / BLOCKS)) for length in one.size)
    means = ImageChops.difference(one, other).reduce((blocks[0], blocks[1]))
    return int(np.asarray(means).max())


class _Rows:
    """Signatures, as the rows of a table that grows."""

    def __init__(self) -> None:
        self._rows: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def near(self, row: NDArray[np.float32]) -> list[int]:
        """The rows of which no number is further than MEAN_LEVELS from this one's: CANDIDATES, the nearest first."""
        if not self._count:
            return []
        apart = np.abs(self._rows[: self._count] - row)
        found = np.flatnonzero((apart <= MEAN_LEVELS).all(axis=1))
        nearest = np.argsort(apart[found].sum(axis=1), kind="stable")[:CANDIDATES]
        return [int(at) for at in found[nearest]]

    def add(self, row: NDArray[np.float32]) -> None:
        if self._count == len(self._rows):
            room = np.empty((max(8, self._count), len(row)), np.float32)
            self._rows = np.concatenate((self._rows, room)) if self._count else room
        self._rows[self._count] = row
        self._count += 1

    def forget(self, at: int) -> None:
        """Nothing is near this row any more."""
        self._rows[at] = np.nan


class Seen:
    """The views that were kept."""

    def __init__(self) -> None:
        self._rows = _Rows()
        self._views: list[Sequence[NDArray[np.uint8]]] = []

    def __len__(self) -> int:
        return len(self._views)

    def is_new(self, views: Sequence[NDArray[np.uint8]]) -> bool:
        """Whether no earlier views were like these, which are of the same sizes each time; then they are remembered."""
        row = np.concatenate([signature(view) for view in views]) if views else np.empty(0, np.float32)
        if any(self._alike(self._views[at], views) for at in self._rows.near(row)):
            return False
        self._rows.add(row)
        self._views.append(views)
        return True

    @staticmethod
    def _alike(these: Sequence[NDArray[np.uint8]], others: Sequence[NDArray[np.uint8]]) -> bool:
        pairs = zip(these, others, strict=True)
        return all(furthest(Image.fromarray(a), Image.fromarray(b)) <= PIXEL_LEVELS for a, b in pairs)


class SeenPictures:
    """The pictures that were kept, the latest of them."""

    def __init__(self) -> None:
        self._rows = _Rows()
        self._pictures: dict[int, Image.Image] = {}
        self._oldest: deque[int] = deque()
        self._pixels = 0

    def is_new(self, picture: Image.Image) -> bool:
        """Whether no earlier RGB picture of its size was like this one; then it is remembered."""
        size = np.array(picture.size, np.float32) * np.float32(MEAN_LEVELS + 1)  # one pixel more is too far
        row = np.concatenate((signature(thumbnail(picture)), size))
        if any(furthest(self._pictures[at], picture) <= PIXEL_LEVELS for at in self._rows.near(row)):
            return False
        at = len(self._rows)
        self._rows.add(row)
        self._pictures[at] = picture.copy()  # decoders draw the next frame over the last one
        self._oldest.append(at)
        self._pixels += math.prod(picture.size)
        while self._pixels > KEPT_PIXELS:
            oldest = self._oldest.popleft()
            self._rows.forget(oldest)
            self._pixels -= math.prod(self._pictures.pop(oldest).size)
        return True


def thumbnail(picture: Image.Image) -> NDArray[np.uint8]:
    """A small picture of an RGB one, whatever its shape: uint8 (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS, 3)."""
    side = (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)
    return np.asarray(picture.resize(side, Image.Resampling.BOX, reducing_gap=1.0))
