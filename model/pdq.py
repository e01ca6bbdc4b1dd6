"""PDQ, the perceptual hash in which servers exchange lists of pictures: 256 bits that survive scaling and encoding.

Written from Meta's description (ThreatExchange, hashing/hashing.pdf) and to the bits of its reference code: luma, two
passes of a box filter each way (a tent, about two 64ths of the picture wide), 64 x 64 points of that, the slowest
16 x 16 waves of those, and a bit for each that is above their median. Filter and points are one linear map each way, so
that only what the points take is worked out. It is done without matrix products: numpy gives those to OpenBLAS, which
asks the system for what a decoder may not have (model/seccomp.py).

What is hashed is the picture in full, as by the package `pdqhash`, and by Meta's HMA and python-threatexchange, which
use it. Meta's own pdq-photo-hasher squeezes what is larger than 512 pixels into 512 x 512 first, and so differs from
them by some bits. None of them turns a picture as EXIF wants, which is one of the eight ways here.

Two pictures are taken for the same if their hashes differ in at most 31 bits; a hash of a quality below 50 says little.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_BYTES = 32
TURNS = 8
"""Ways in which a square can be laid down again: four rotations, and those of its mirror image."""
LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Of red, green and blue (ITU-R BT.601)."""
POINTS = 64
"""Points along each side of which the waves are taken."""
PASSES = 2
"""Passes of the box filter in each direction, so that what comes out is a tent."""
WAVES = 16
"""Waves along each side; the constant one, the mean, is not among them."""
MIN_SIDE_PIXELS = 5
"""Of what is smaller the reference makes 256 zeros of quality 0."""
GRADIENT_PERCENT = 100 / 255
"""Differences between neighbouring points count in whole per cents of the range: 2 levels are none."""
MAX_QUALITY = 100
GRADIENTS_PER_QUALITY = 90
"""Sum of those for each of the 100 steps of quality."""
REDUCED_SIDE_PIXELS = 512
"""What is at least twice as wide or as high is first made smaller by whole pixels, and keeps so many, eight for each
point. With 256 a picture of bricks differed in 14 bits from what the package says, with these none of 34 in over 8.
"""
FILTERS_KEPT = 16
"""Filters that are remembered, each of some 64 x 20 numbers, for one length: frames are of one size."""


class Hashed(NamedTuple):
    """`hashes`, uint8 (8, 32): of the picture as it is, turned by 90, 180 and 270 degrees counterclockwise, flipped
    upside down, mirrored, and reflected at either diagonal. The bytes of each are in the order of its hex digits.

    `quality`, 0..100: how much there is to see in it.
    """

    hashes: NDArray[np.uint8]
    quality: int


def pdq(pixels: NDArray[np.uint8]) -> Hashed:
    """The hashes of an RGB picture, uint8 (height, width, 3), as the package `pdqhash` makes them."""
    height, width, _ = pixels.shape
    return _hashed(_luma(pixels), (width, height))


def hashed(picture: Image.Image, size: tuple[int, int] | None = None) -> Hashed:
    """The hashes of an RGB picture, but for a few bits where it is large; for that in a tenth of the time.

    `size`, (width, height) in pixels: it was so large before `Image.reduce` made it smaller. Then the filter is that of
    the larger one, so that no more is lost than where within some pixels something was.
    """
    across, down = (max(1, side // REDUCED_SIDE_PIXELS) for side in picture.size)
    if (by := (across, down)) != (1, 1):
        if (least := min(by)) > 1:
            by = least, least  # which takes Pillow half of the time
        return _hashed(np.asarray(picture.convert("L").reduce(by), np.float32), size or picture.size)
    return _hashed(_luma(np.asarray(picture)), size or picture.size)


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    red, green, blue = (pixels[..., channel] * weight for channel, weight in enumerate(LUMA))
    luma: NDArray[np.float32] = red + green + blue
    return luma


def _hashed(luma: NDArray[np.float32], size: tuple[int, int]) -> Hashed:
    """The hashes of a picture of a (width, height), of which these are the means of as many pixels each."""
    if min(size) < MIN_SIDE_PIXELS:
        return Hashed(np.zeros((TURNS, HASH_BYTES), np.uint8), 0)
    height, width = luma.shape
    points = _taken(_taken(luma, _filter(size[1], height)).T, _filter(size[0], width)).T
    waves = _waves(_waves(points).T).T
    return Hashed(np.packbits(_bits(waves)[:, ::-1], axis=1), _quality(points))


def _taken(lines: NDArray[np.float32], of: _Filter) -> NDArray[np.float32]:
    """Of lines of pixels, (n, m), those of points, (64, m)."""
    taken: NDArray[np.float32] = (lines[of.pixels] * of.shares[..., np.newaxis]).sum(axis=1)
    return taken


def _waves(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of lines of points, (64, m), those of waves, (16, m)."""
    waves: NDArray[np.float32] = (_cosines()[..., np.newaxis] * points).sum(axis=1)
    return waves


def _bits(waves: NDArray[np.float32]) -> NDArray[np.bool_]:
    """For the waves of a picture, (16, 16), the bits of all eight, (8, 256). A turn changes signs of every other wave,
    and swaps down and across.
    """
    odd = np.where(np.arange(1, WAVES + 1) % 2, np.float32(-1), np.float32(1))
    down, across = odd[:, np.newaxis], odd[np.newaxis, :]
    both = down * across
    as_it_is = (waves, waves * both, waves * down, waves * across)
    swapped = (waves * across, waves * down, waves, waves * both)
    original, half, flipped, mirrored = as_it_is
    quarter, three_quarters, diagonal, antidiagonal = (each.T for each in swapped)
    turns = np.stack((original, quarter, half, three_quarters, flipped, mirrored, diagonal, antidiagonal))
    flat = turns.reshape(TURNS, -1)
    middle = flat.shape[1] // 2 - 1
    medians = np.partition(flat, middle, axis=1)[:, middle : middle + 1]  # the lower of the two in the middle
    return flat > medians


def _quality(points: NDArray[np.float32]) -> int:
    steps = (np.diff(points, axis=0), np.diff(points, axis=1))
    total = sum(int(np.abs(np.trunc(step * GRADIENT_PERCENT)).sum()) for step in steps)
    return min(MAX_QUALITY, total // GRADIENTS_PER_QUALITY)


@cache
def _cosines() -> NDArray[np.float32]:
    """The waves 1 to 16 of a discrete cosine transform (DCT-II) of 64 points, (16, 64)."""
    waves, points = np.arange(1, WAVES + 1)[:, np.newaxis], np.arange(POINTS)[np.newaxis, :]
    cosines = np.cos(np.pi / (2 * POINTS) * waves * (2 * points + 1))
    scaled: NDArray[np.float32] = (math.sqrt(2 / POINTS) * cosines).astype(np.float32)
    return scaled


class _Filter(NamedTuple):
    """What each of the 64 points takes of the pixels along one side: `shares` of those at `pixels`, both (64, K)."""

    pixels: NDArray[np.intp]
    shares: NDArray[np.float32]


@lru_cache(FILTERS_KEPT)
def _filter(length: int, reduced: int) -> _Filter:
    """The filter for a side that had `length` pixels, and has `reduced`, each the mean of as many; ValueError if that
    cannot be. A box is `window` wide, less at the ends; if that is even, it reaches one further ahead than back.
    """
    by = -(-length // reduced)
    if -(-length // by) != reduced:
        raise ValueError(f"{length} pixels do not become {reduced} by taking as many together each time")
    window = -(-length // (PASSES * POINTS))
    places = np.arange(length)
    ends = places + (window + 2) // 2
    starts, ends = np.maximum(ends - window, 0), np.minimum(ends, length)
    shares = 1 / (ends - starts)
    middles = (2 * np.arange(POINTS) + 1) * length // (2 * POINTS)
    second = starts[middles, np.newaxis] + np.arange(window)  # what the second box takes of the first one's
    points, at = np.nonzero(second < ends[middles, np.newaxis])
    first = second[points, at]
    begin = starts[starts[middles]]
    steps = np.zeros((POINTS, 2 * window + 1))  # from pixel `begin` on
    np.add.at(steps, (points, starts[first] - begin[points]), shares[first])
    np.subtract.at(steps, (points, ends[first] - begin[points]), shares[first])
    tents = np.cumsum(steps, axis=1) * shares[middles, np.newaxis]
    groups = (begin[:, np.newaxis] + np.arange(2 * window + 1)) // by - begin[:, np.newaxis] // by
    sums = np.zeros((POINTS, groups.max() + 1))
    np.add.at(sums, (np.arange(POINTS)[:, np.newaxis], groups), tents)
    taken = begin[:, np.newaxis] // by + np.arange(sums.shape[1])
    return _Filter(np.minimum(taken, reduced - 1), sums.astype(np.float32))  # beyond the end the shares are 0
