"""Which views are as good as the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model import likeness
from model.likeness import MEAN_LEVELS, Seen, SeenPictures, furthest, signature
from tests.model.changed import shuffled

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
    [
        view(1),
        inset(view(), 8, 20),
        view() + np.uint8(MEAN_LEVELS + 1),
        chequered(view(), 40),
        view()[::-1].copy(),
    ],
    ids=["another", "a-block", "brighter", "a-pattern-of-the-same-mean", "upside-down"],
)
def test_different(other: Pixels) -> None:
    seen = Seen()
    assert seen.is_new([view()])
    assert seen.is_new([other])


def test_blocks_whose_pixels_change_places_are_different() -> None:
    """Neither a mean nor a deviation tells."""
    fine = noisy(view(), 40)
    moved = shuffled(fine, 8)
    assert np.abs(signature(fine) - signature(moved)).max() < 0.01
    seen = Seen()
    assert seen.is_new([fine])
    assert seen.is_new([moved])
    assert not seen.is_new([fine])


def test_of_those_that_only_pixels_tell_apart_the_nearest_are_compared() -> None:
    fine = noisy(view(), 40)
    seen = Seen()
    assert all(seen.is_new([shuffled(fine, 8, seed)]) for seed in range(3 * likeness.CANDIDATES))
    again = [seen.is_new([shuffled(fine, 8, seed)]) for seed in range(3 * likeness.CANDIDATES)]
    assert not any(again[: likeness.CANDIDATES]), "what is as near comes in order"
    assert all(again[likeness.CANDIDATES :]), "and is new again, which costs a view and loses nothing"


def test_how_far_pixels_are_apart_where_it_is_most() -> None:
    grey = Image.new("RGB", (100, 57), (100, 100, 100))
    assert furthest(grey, grey) == 0
    for corner in ((0, 0), (96, 54), (97, 55)):
        other = grey.copy()
        other.paste((100, 150, 90), (*corner, 100, 57) if any(corner) else (0, 0, 4, 3))
        assert 20 <= furthest(grey, other) <= 50


def pictured(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels)


def test_pictures_alike_and_different() -> None:
    seen = SeenPictures()
    fine = noisy(view(side=448), 40)
    assert seen.is_new(pictured(fine))
    assert not seen.is_new(pictured(fine))
    assert not seen.is_new(pictured(noisy(fine, 8)))
    assert seen.is_new(pictured(shuffled(fine, 4))), "of which all small pictures are the same"
    assert seen.is_new(pictured(view(1, side=448)))


def test_a_squeezed_picture_is_another_one() -> None:
    seen = SeenPictures()
    assert seen.is_new(pictured(view(side=448)))
    assert seen.is_new(pictured(view(side=448)).resize((448, 112), Image.Resampling.BOX))
    assert seen.is_new(pictured(view(side=448)).resize((224, 224), Image.Resampling.BOX))
    assert seen.is_new(pictured(view(side=448)).resize((448, 447), Image.Resampling.BOX))
    assert not seen.is_new(pictured(view(side=448)))


def test_what_is_kept_is_not_what_the_decoder_draws_over() -> None:
    seen = SeenPictures()
    picture = pictured(view())
    assert seen.is_new(picture)
    picture.paste((9, 9, 9), (0, 0, 224, 224))
    assert seen.is_new(picture)
    assert not seen.is_new(pictured(view()))


def test_the_oldest_pictures_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "KEPT_PIXELS", 3 * 224 * 224)
    seen = SeenPictures()
    assert all(seen.is_new(pictured(view(seed))) for seed in range(5))
    assert not any(seen.is_new(pictured(view(seed))) for seed in (2, 3, 4))
    assert seen.is_new(pictured(view(0)))
    assert [seen.is_new(pictured(view(seed))) for seed in (3, 4, 0, 2)] == [False, False, False, True]


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
