"""Exact limits of a rate: the values of published tables and of scipy, and what holds for all of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from addons.admin.calibrate.interval import interval, tries_to_show, upper_limit


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [  # per cent; tables of Clopper-Pearson limits, as R's binom.test prints them too
        (0, 10, 0.0, 30.85),
        (1, 10, 0.25, 44.50),
        (5, 10, 18.71, 81.29),
        (10, 10, 69.15, 100.0),
        (1, 100, 0.03, 5.45),
        (15, 100, 8.65, 23.53),
        (3, 5236, 0.012, 0.167),
    ],
)
def test_known_values(hits: int, tries: int, low: float, high: float) -> None:
    found = interval(hits, tries)
    assert (100 * found.low, 100 * found.high) == pytest.approx((low, high), abs=0.006)


@pytest.mark.parametrize(
    ("hits", "tries"),
    [(0, 1), (1, 1), (0, 300), (300, 300), (1, 3000), (30, 5236), (2618, 5236), (500, 10**5), (5 * 10**5, 10**6)],
)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_as_scipy_has_it(hits: int, tries: int, confidence: float) -> None:
    found = interval(hits, tries, confidence)
    theirs = binomtest(hits, tries).proportion_ci(confidence)
    assert found.low == pytest.approx(theirs.low, rel=1e-6, abs=1e-12)
    assert found.high == pytest.approx(theirs.high, rel=1e-6, abs=1e-12)
    one_sided = 1.0 if hits == tries else float(beta.ppf(confidence, hits + 1, tries - hits))
    assert upper_limit(hits, tries, confidence) == pytest.approx(one_sided, rel=1e-6)


def test_the_rule_of_three() -> None:
    for tries in (100, 1000, 10_000, 1_000_000):
        assert upper_limit(0, tries) == pytest.approx(3 / tries, rel=0.02)
        assert interval(0, tries).high == pytest.approx(3.69 / tries, rel=0.02)


@pytest.mark.parametrize(("rate", "needed"), [(0.001, 2995), (0.01, 299), (0.5, 5)])
def test_how_many_pictures_show_a_rate(rate: float, needed: int) -> None:
    assert tries_to_show(rate) == needed
    assert upper_limit(0, needed) <= rate < upper_limit(0, needed - 1)


counts = st.integers(1, 20_000).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries)))


@settings(deadline=None)
@given(counts)
def test_it_contains_the_estimate_and_mirrors_itself(count: tuple[int, int]) -> None:
    hits, tries = count
    found, mirrored = interval(hits, tries), interval(tries - hits, tries)
    assert 0 <= found.low <= hits / tries <= found.high <= 1
    assert (found.low == 0) == (hits == 0)
    assert (found.high == 1) == (hits == tries)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-12)
    assert upper_limit(hits, tries) <= found.high


@settings(deadline=None)
@given(counts)
def test_more_hits_mean_more_and_more_tries_mean_less(count: tuple[int, int]) -> None:
    hits, tries = count
    found, more_tries = interval(hits, tries), interval(hits, tries + 1)
    assert more_tries.low <= found.low
    assert more_tries.high <= found.high
    if hits < tries:
        more_hits = interval(hits + 1, tries)
        assert found.low < more_hits.low
        assert found.high < more_hits.high or hits + 1 == tries
    assert interval(hits, tries, 0.99).high >= found.high


@pytest.mark.parametrize("given_", [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1, 5, 1.0), (1, 5, 0.0)])
def test_what_has_no_interval(given_: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        interval(*given_)
    with pytest.raises(ValueError, match="no interval"):
        upper_limit(*given_)


@pytest.mark.parametrize("rate", [0.0, 1.0, math.nan])
def test_a_rate_that_cannot_be_shown(rate: float) -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        tries_to_show(rate)
