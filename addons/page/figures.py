"""Numbers of the page, from rows and scores of the log. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from config.policy import PolicySpec

STEPS = 100
"""Thresholds of the "what if" slider are hundredths, from 0.00 to 1.00."""
BINS = 50
"""Bars of a histogram of scores, each 0.02 wide."""
BOUNDS = ("at_least", "above", "at_most", "below")


@dataclass(frozen=True)
class Threshold:
    """A line in a histogram: the rule, what it does, and the score at which it begins or ends to hold."""

    rule: str
    action: str
    bound: str
    score: float

    @property
    def words(self) -> str:
        """For people: `explicit: at least 0.85, reject`."""
        return f"{self.rule}: {self.bound.replace('_', ' ')} {self.score:g}, {self.action}"


def thresholds(policy: PolicySpec) -> dict[str, list[Threshold]]:
    """signal -> the thresholds on it, in the order of the rules, however deep in a condition they stand."""
    found: dict[str, list[Threshold]] = {name: [] for name in policy.signals}
    for rule in policy.model_dump(mode="json", exclude_none=True)["rules"]:
        action = rule.get("action") or "condition"
        for condition in _conditions(rule.get("when")):
            signal = condition.get("signal")
            for bound in BOUNDS:
                score = condition.get(bound)
                if isinstance(signal, str) and isinstance(score, (int, float)):
                    found.setdefault(signal, []).append(Threshold(str(rule["name"]), str(action), bound, float(score)))
    return found


def _conditions(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _conditions(inner)


def refusals(scores: Mapping[int, int]) -> list[int]:
    """How many scores are at or above each threshold 0.00, 0.01, ... 1.00: STEPS + 1 counts.

    `scores`: hundredths, rounded down -> how many.
    """
    counts = [scores.get(step, 0) for step in range(STEPS + 1)]
    return list(accumulate(reversed(counts)))[::-1]


def histogram(scores: Mapping[int, int]) -> list[int]:
    """How many scores lie in each of BINS bars of 0..1; a score of 1 belongs to the last one. `scores` as above."""
    counts = [0] * BINS
    for step, count in scores.items():
        if 0 <= step <= STEPS:
            counts[min(step * BINS // STEPS, BINS - 1)] += count
    return counts


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of `values`, `share` in 0..1; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def minutes(found: Sequence[tuple[int, int, int, int]], until: float, count: int) -> list[tuple[int, int, int, int]]:
    """The last `count` whole minutes up to the one of `until`, with zeros where the log has none."""
    known = {minute: numbers for minute, *numbers in found}
    last = int(until // 60) * 60
    wanted = range(last - 60 * (count - 1), last + 1, 60)
    return [(minute, *(known.get(minute) or [0, 0, 0])) for minute in wanted]  # type: ignore[misc]


def parse_threshold(text: str) -> float | None:
    """A threshold from a form, rounded to a step; None where it is none."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return round(value * STEPS) / STEPS if 0 <= value <= 1 else None
