"""Which views are as good as the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.likeness import MEAN_LEVELS, Seen, signature

Pixels = NDArray[np.uint8]


def view(seed: int = 0, side: int = 224) -> Pixels:
    """Soft colours, none of them near an end of the scale."""
    small = np.random.default_rng(seed).integers(60, 190, (7, 7, 3), dtype=np.uint8)
    return small.repeat(side // 7, 0).repeat(side // 7, 1)


def noisy(pixels: Pixels, levels: float, seed: int = 1) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, levels, pixels.shape)
    return (pixels + noise).clip(0, 255).round().astype(np.uint8)


def inset(pixels: Pixels, side: int, by: int) -> Pixels:
    """A square in the corner, brighter by some levels."""
    other = pixels.copy()
    other[:side, :side] += np.uint8(by)
    return other


@pytest.mark.parametrize(
    "same",
    [view(), noisy(view(), 3), view() + np.uint8(MEAN_LEVELS), inset(view(), 8, 6)],
    ids=["equal", "compression", "light", "a-speck-that-is-hardly-there"],
)
def test_alike(same: Pixels) -> None:
    seen = Seen()
    assert seen.is_new([view()])
    assert not seen.is_new([same])
    assert len(seen) == 1


def chequered(pixels: Pixels, levels: int) -> Pixels:
    """The same means everywhere, and a pattern."""
    rows, columns = np.indices(pixels.shape[:2])
    return (pixels + np.where((rows + columns) % 2, levels, -levels)[..., None]).astype(np.uint8)


@pytest.mark.parametrize(
    "other",
    [view(1), inset(view(), 8, 20), view() + np.uint8(MEAN_LEVELS + 1), chequered(view(), 40), view()[::-1].copy()],
    ids=["another", "a-block", "brighter", "a-pattern-of-the-same-mean", "upside-down"],
)
def test_different(other: Pixels) -> None:
    seen = Seen()
    assert seen.is_new([view()])
    assert seen.is_new([other])


def test_a_slow_change_adds_up() -> None:
    seen = Seen()
    kept = [step for step in range(30) if seen.is_new([view() + np.uint8(step)])]
    assert kept == [0, 7, 14, 21, 28]


def test_one_of_two_models_views_that_differs_is_enough() -> None:
    seen = Seen()
    assert seen.is_new([view(), view(side=56)])
    assert seen.is_new([view(), view(1, side=56)])
    assert not seen.is_new([view(), view(1, side=56)])


def test_it_remembers_more_than_a_few_and_the_first_too() -> None:
    seen = Seen()
    assert [seen.is_new([view(seed)]) for seed in range(40)] == [True] * 40
    assert not any(seen.is_new([view(seed)]) for seed in range(40))


@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (27, 29), (224, 300)])
def test_views_of_any_size(shape: tuple[int, int]) -> None:
    grey = np.full((*shape, 3), 100, np.uint8)
    row = signature(grey)
    assert row.dtype == np.float32
    assert set(row.tolist()) == {100.0, 0.0}


def test_without_models_one_view_is_all() -> None:
    seen = Seen()
    assert seen.is_new([])
    assert not seen.is_new([])
