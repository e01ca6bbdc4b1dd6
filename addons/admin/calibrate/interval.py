"""How far a rate can be from what was counted: exact limits for `hits` of `tries`. Pure.

Clopper and Pearson's limits ("The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26, 1934), and not Wilson's: they never promise more than they keep, which Wilson's do just where it matters
here, at few hits. They are the rates at which a binomial tail has a given probability, and found by bisection: so no
beta quantile is needed, for which scipy would have to be brought along (a test compares with it).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

CONFIDENCE = 0.95
"""The share of all such intervals that hold the true rate."""
HALVINGS = 60
"""Of an interval from 0 to 1: then it is as narrow as a double tells apart, near 1."""
NEGLIGIBLE = 1e-17
"""Share of a sum below which a term changes no digit of a double."""


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both in 0..1."""

    low: float
    high: float


def interval(hits: int, tries: int, confidence: float = CONFIDENCE) -> Interval:
    """The two-sided interval of the rate, half of what is left of `confidence` on each side. Raises ValueError."""
    _check(hits, tries, confidence)
    each = (1 - confidence) / 2
    return Interval(_lower(hits, tries, each), _upper(hits, tries, each))


def upper_limit(hits: int, tries: int, confidence: float = CONFIDENCE) -> float:
    """What the rate does not exceed, one-sided. For no hits about 3 / tries: the rule of three. Raises ValueError."""
    _check(hits, tries, confidence)
    return _upper(hits, tries, 1 - confidence)


def tries_to_show(rate: float, confidence: float = CONFIDENCE) -> int:
    """How many tries without a hit show that the true rate is at most `rate`, which is above 0 and below 1."""
    if not 0 < rate < 1 or not 0 < confidence < 1:
        raise ValueError(f"a rate of {rate} cannot be shown with a confidence of {confidence}")
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate))


def _check(hits: int, tries: int, confidence: float) -> None:
    if not 0 <= hits <= tries or tries < 1 or not 0 < confidence < 1:
        raise ValueError(f"no interval for {hits} of {tries} with a confidence of {confidence}")


def _upper(hits: int, tries: int, tail: float) -> float:
    """The rate at which `hits` or fewer have the probability `tail`."""
    if hits == tries:
        return 1.0
    return _bisect(lambda rate: _tail(hits, tries, rate) > tail, hits / tries, 1.0)


def _lower(hits: int, tries: int, tail: float) -> float:
    """The rate at which `hits` or more have the probability `tail`: misses counted instead."""
    return 1 - _upper(tries - hits, tries, tail) if hits else 0.0


def _bisect(is_below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high


def _tail(hits: int, tries: int, rate: float) -> float:
    """Probability of `hits` or fewer, at a `rate` above hits / tries and below 1: so terms fall from the first one."""
    ways = math.lgamma(tries + 1) - math.lgamma(hits + 1) - math.lgamma(tries - hits + 1)
    term = math.exp(ways + hits * math.log(rate) + (tries - hits) * math.log1p(-rate)) if rate < 1 else 0.0
    total = term
    odds = (1 - rate) / rate
    for count in range(hits, 0, -1):
        term *= count / (tries - count + 1) * odds
        total += term
        if term <= total * NEGLIGIBLE:
            break
    return total
