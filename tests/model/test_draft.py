"""How small a picture may be decoded so that no view loses by it."""

from __future__ import annotations

import pytest

from model.draft import least_size
from model.preprocess import ViewSpec

CENTRE = ViewSpec(224, 224, 0.875, "center", "bicubic")
SQUASH = ViewSpec(64, 64, 1.0, "squash", "bilinear")


@pytest.mark.parametrize(
    ("size", "least"),
    [
        ((4000, 3000), (414, 311)),  # its tiles are 1732 pixels wide, and may be enlarged by a quarter
        ((3000, 4000), (311, 414)),
        ((400, 300), (400, 300)),
        ((100, 80), (100, 80)),
        ((1, 1), (1, 1)),
    ],
)
def test_closely(size: tuple[int, int], least: tuple[int, int]) -> None:
    assert least_size(size, [CENTRE], closely=True) == least


def test_the_whole_alone_takes_less() -> None:
    assert least_size((4000, 3000), [CENTRE], closely=False) == (342, 256)
    assert least_size((4000, 3000), [SQUASH], closely=False) == (86, 64)


def test_the_most_demanding_model_counts() -> None:
    assert least_size((4000, 3000), [SQUASH, CENTRE], closely=False) == (342, 256)


def test_a_strip_is_kept_wide_enough() -> None:
    width, height = least_size((1000, 20_000), [SQUASH], closely=True)
    assert (width, height) == (64, 1280)


def test_without_models_nothing_is_needed() -> None:
    assert least_size((4000, 3000), [], closely=True) == (2, 2)
