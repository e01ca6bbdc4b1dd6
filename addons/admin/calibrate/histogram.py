"""Where the bars, lines and labels of a histogram are, in pixels of its own picture. Pure; the page draws them.

Counts are on a logarithmic scale: of thousands of pictures the few near a threshold are what matters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 180
"""Of the picture, which the page scales to its own width."""
LEFT, TOP, BOTTOM = 48, 22, 24
"""Margins for the counts, for what the lines are called, and for the scores."""
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - 12, HEIGHT - TOP - BOTTOM


@dataclass(frozen=True)
class Bar:
    """`count` pictures with scores from `low` to `high`."""

    x: float
    y: float
    width: float
    height: float
    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Tick:
    """A label at a place of an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A threshold. Labels that would lie on each other are on different `y`."""

    x: float
    y: float
    label: str
    proposed: bool


@dataclass(frozen=True)
class Histogram:
    """All of one picture."""

    bars: tuple[Bar, ...]
    counts: tuple[Tick, ...]
    scores: tuple[Tick, ...]
    lines: tuple[Line, ...]


def histogram(bins: Sequence[int], lines: Sequence[tuple[float, str, bool]]) -> Histogram:
    """`bins` count the pictures of equal steps from 0 to 1; `lines` are (threshold, label, whether it is proposed)."""
    top = max(1, *bins)
    step = INNER_WIDTH / len(bins)
    bars = tuple(
        Bar(
            round(LEFT + index * step, 1),
            round(_y(count, top), 1),
            round(step - 1, 1),
            round(TOP + INNER_HEIGHT - _y(count, top), 1),
            count,
            index / len(bins),
            (index + 1) / len(bins),
        )
        for index, count in enumerate(bins)
        if count
    )
    powers = [10**power for power in range(math.floor(math.log10(top)) + 1)]
    counts = tuple(Tick(round(_y(count, top), 1), f"{count:,}") for count in powers)
    scores = tuple(Tick(round(_x(tenth / 10), 1), f"{tenth / 10:g}") for tenth in range(0, 11, 2))
    return Histogram(bars, counts, scores, tuple(_lines(lines)))


def _lines(lines: Sequence[tuple[float, str, bool]]) -> list[Line]:
    """With labels on two levels in turn."""
    ordered = sorted(lines)
    return [
        Line(round(_x(threshold), 1), 9.0 if index % 2 else 19.0, label, proposed)
        for index, (threshold, label, proposed) in enumerate(ordered)
    ]


def _x(score: float) -> float:
    return LEFT + score * INNER_WIDTH


def _y(count: int, top: int) -> float:
    """One picture is a bar to be seen, none is none."""
    return TOP + INNER_HEIGHT * (1 - math.log10(1 + count) / math.log10(1 + top))
