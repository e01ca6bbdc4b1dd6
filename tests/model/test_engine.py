"""The measure by which engines agree, on engines that are functions."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.card import CARD_SIZE, card
from model.engine import difference, probes
from model.errors import ModelError

Logits = NDArray[np.float32]


class Function:
    """An engine that is a function of views."""

    name, lanes = "function", 1

    def __init__(self, function: Callable[[NDArray[np.uint8]], Any], batch: int = 4) -> None:
        self.function, self.batch = function, batch
        self.sizes: list[int] = []

    def logits(self, views: NDArray[np.uint8]) -> Logits:
        self.sizes.append(len(views))
        found: Logits = np.asarray(self.function(views), np.float32)
        return found


def means(views: NDArray[np.uint8]) -> Logits:
    found: Logits = views.mean(axis=(1, 2)).astype(np.float32) / 25
    return found


VIEWS = probes(24, 32)


def test_probes_are_different_pictures_of_the_wanted_size() -> None:
    assert VIEWS.shape == (5, 24, 32, 3)
    assert VIEWS.dtype == np.uint8
    assert len({view.tobytes() for view in VIEWS}) == 5
    np.testing.assert_array_equal(probes(24, 32), VIEWS)
    assert all(view.std() > 10 for view in VIEWS)


def test_the_self_test_card_is_one_of_them() -> None:
    whole = probes(CARD_SIZE[1], CARD_SIZE[0])[-1]
    np.testing.assert_array_equal(whole, np.asarray(Image.open(io.BytesIO(card())).convert("RGB")))


def test_the_same_engine_does_not_differ() -> None:
    assert difference(Function(means), Function(means), VIEWS) == 0


@pytest.mark.parametrize("batch", [1, 3, 4, 64])
def test_it_is_tried_alone_and_in_company(batch: int) -> None:
    other = Function(means, batch)
    difference(Function(means), other, VIEWS)
    assert set(other.sizes) == {size for size in (1, 2, 4, 8, 16, 32, 64) if size <= batch}


@pytest.mark.parametrize("size", [1, 2, 4, 8, 64])
def test_a_difference_in_one_size_of_batch_is_found(size: int) -> None:
    """On a GPU each size is a program of its own."""
    other = Function(lambda views: means(views) * (1 + (len(views) == size)), 64)
    assert difference(Function(means), other, VIEWS) > 0.1
    one_row = Function(lambda views: means(views) + (np.arange(len(views)) == size - 1)[:, None] * [0.5, 0, 0], 64)
    assert difference(Function(means), one_row, VIEWS) > 0.1


def test_a_difference_in_company_only_is_found() -> None:
    assert difference(Function(means), Function(lambda views: means(views) * (1 + (len(views) > 1))), VIEWS) > 0.1


def test_the_bound_holds_and_is_reached() -> None:
    """A two-way softmax is a sigmoid of the difference, which is steepest in the middle: a quarter."""
    shift = 0.004

    def plain(views: NDArray[np.uint8]) -> Logits:
        return np.zeros((len(views), 2), np.float32)

    apart = difference(Function(plain), Function(lambda views: plain(views) + np.array([shift, 0])), VIEWS)
    assert apart == pytest.approx(shift / 4, rel=1e-4)
    real = 1 / (1 + np.exp(-shift)) - 0.5
    assert real == pytest.approx(apart, rel=1e-3)


def test_what_a_softmax_does_not_see_is_no_difference() -> None:
    assert difference(Function(means), Function(lambda views: means(views) + 5), VIEWS) == pytest.approx(0, abs=1e-6)


def test_a_single_label_is_compared_as_it_is() -> None:
    def one(views: NDArray[np.uint8]) -> Logits:
        return means(views)[:, :1]

    assert difference(Function(one), Function(lambda views: one(views) + 0.4), VIEWS) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_number_is_infinitely_far(bad: float) -> None:
    assert difference(Function(means), Function(lambda views: means(views) * bad), VIEWS) == float("inf")


def test_another_shape_is_an_error() -> None:
    with pytest.raises(ModelError, match="one engine answers with"):
        difference(Function(means), Function(lambda views: means(views)[:, :2]), VIEWS)
