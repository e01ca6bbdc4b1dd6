"""Which views are as good as the same, so that 900 equal frames cost one view.

Two views are alike if in no small block of them a colour differs by more than eyes and models notice, neither in its
mean nor in how much it varies. A mean over the whole view would not do: a small thing would drown in it. Views are
compared with all that were kept and not with the last one, so that a slow change adds up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLOCKS = 28
"""Blocks along each side: 8 x 8 pixels of a view of 224."""
MEAN_LEVELS = 6.0
"""How far the means of a block may be apart, of 255 levels: the noise of compression and dithering is below it."""
SPREAD_LEVELS = 12.0
"""The same for the standard deviation in a block, which noise changes more."""


def signature(view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means and scaled deviations of the blocks of a view, uint8 (height, width, 3), as one row of numbers.

    Two signatures of which no number differs by more than MEAN_LEVELS are of views that are alike.
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


class Seen:
    """The signatures of what was kept."""

    def __init__(self) -> None:
        self._rows: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def is_new(self, views: Sequence[NDArray[np.uint8]]) -> bool:
        """Whether no earlier views were like these, which are of the same sizes each time; then they are remembered."""
        row = np.concatenate([signature(view) for view in views]) if views else np.empty(0, np.float32)
        if self._count and bool((np.abs(self._rows[: self._count] - row) <= MEAN_LEVELS).all(axis=1).any()):
            return False
        if self._count == len(self._rows):
            room = np.empty((max(8, self._count), len(row)), np.float32)
            self._rows = np.concatenate((self._rows, room)) if self._count else room
        self._rows[self._count] = row
        self._count += 1
        return True
