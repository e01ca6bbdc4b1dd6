"""Which threshold refuses at most so many innocent pictures, and how certain that is. Pure.

Two answers: the lowest threshold with which these pictures kept to the target, and the lowest for which they show, with
95 % confidence, that others will too. The second is sound although it is looked for among many: hits only fall as the
threshold rises, so it is found by going down from the strictest as long as each one passes (fixed-sequence testing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from addons.admin.calibrate.interval import tries_to_show, upper_limit
from addons.admin.calibrate.rates import Share, bound, hits
from addons.admin.calibrate.scores import Scored

GRID = (*(percent / 100 for percent in range(5, 100)), 0.995, 0.999)
"""Thresholds that are proposed. Below 0.05 a score says little of a picture, and nothing could be told apart."""
KNOWN_PER_100_000 = 4.29
"""Known files among 100,000 that were looked at on the fediverse (IFTAS)."""


@dataclass(frozen=True)
class Step:
    """A threshold of the grid, what it refuses of the pictures, and the rate's upper limit with 95 % confidence."""

    threshold: float
    in_part: float
    share: Share
    at_most: float


@dataclass(frozen=True)
class Proposal:
    """For a `target` rate, 0..1: `fits` these pictures, and is `shown` to fit others; None where nothing does.

    `needed` pictures without a single refusal would show the target; fewer cannot, whatever they score.
    """

    target: float
    pictures: int
    needed: int
    fits: Step | None
    shown: Step | None

    @property
    def too_few(self) -> bool:
        """Whether there are too few pictures to show the target at all."""
        return self.pictures < self.needed


def propose(signal: str, pictures: Sequence[Scored], target: float) -> Proposal:
    """`pictures` are those with scores of the signal, at least one. Raises ValueError for a target not within 0..1."""
    fits = shown = None
    for threshold in reversed(GRID):
        step = _step(signal, threshold, pictures)
        if step.share.rate > target:
            break
        fits = step
        if step.at_most <= target:
            shown = step
    return Proposal(target, len(pictures), tries_to_show(target), fits, shown)


def _step(signal: str, threshold: float, pictures: Sequence[Scored]) -> Step:
    condition = bound(signal, threshold)
    share = Share(hits(condition, pictures), len(pictures))
    return Step(threshold, condition.for_parts()[0] or threshold, share, upper_limit(share.hits, share.of))


def wrong_for_each_right(rate: float) -> float:
    """Wrong refusals for each right one, if `rate` of innocent pictures are refused and every known file is."""
    known = KNOWN_PER_100_000 / 100_000
    return rate * (1 - known) / known
