"""The threshold for a rate, and what is said when the pictures are too few."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.admin.calibrate.proposal import GRID, propose, wrong_for_each_right
from addons.admin.calibrate.rates import Share, bound, hits
from tests.addons.admin.calibrate.pictures import scored


def test_many_pictures_show_a_rate() -> None:
    found = propose("nsfw", scored(*[0.01] * 9_990, *[0.5] * 9, 0.9), 0.001)
    assert found.fits
    assert (found.fits.threshold, found.fits.share) == (0.05, Share(10, 10_000))
    assert found.shown
    assert (found.shown.threshold, found.shown.share.hits) == (0.51, 1)
    assert found.shown.at_most == pytest.approx(0.000474, rel=0.01)
    assert not found.too_few


def test_few_pictures_cannot() -> None:
    found = propose("nsfw", scored(*[0.01] * 299, 0.52), 0.001)
    assert (found.too_few, found.needed, found.shown) == (True, 2995, None)
    assert found.fits
    assert (found.fits.threshold, found.fits.share.hits) == (0.53, 0)
    assert found.fits.at_most == pytest.approx(3 / 300, rel=0.02)


def test_parts_count_with_their_own_bound() -> None:
    found = propose("nsfw", scored(*[0.01] * 9, parts=[0.9]), 0.05)
    assert found.fits
    assert found.fits.threshold == 0.21  # 1 - 8 * (1 - 0.9) is 0.2
    assert found.fits.in_part == pytest.approx(1 - 0.79 / 8)


def test_where_no_threshold_helps() -> None:
    assert propose("nsfw", scored(1.0, 0.1), 0.1).fits is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.001, 0.05, 0.2, 0.5]))
def test_it_is_the_lowest_that_keeps_to_the_target(wholes: list[float], target: float) -> None:
    pictures = scored(*wholes)
    keeping = [one for one in GRID if hits(bound("nsfw", one), pictures) <= target * len(pictures)]
    found = propose("nsfw", pictures, target)
    assert (found.fits.threshold if found.fits else None) == (min(keeping) if keeping else None)
    if found.shown:
        assert found.fits
        assert found.shown.threshold >= found.fits.threshold
        assert found.shown.at_most <= target


@pytest.mark.parametrize(("rate", "wrong"), [(0.01, 233), (0.0001, 2.33), (0.0, 0.0)])
def test_the_base_rate(rate: float, wrong: float) -> None:
    assert wrong_for_each_right(rate) == pytest.approx(wrong, rel=0.01)
