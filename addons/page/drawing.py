"""Small drawings as numbers for an SVG template: the bars' places and heights. Pure; colours are the style sheet's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 120
"""Size of a drawing in its own units; the page scales it."""


@dataclass(frozen=True)
class Bar:
    """A bar: its left edge, its upper edge, width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """Bars, from left to right; those of zero are left out. `most` is what the full height stands for."""

    bars: tuple[Bar, ...]
    most: int
    width: int = WIDTH
    height: int = HEIGHT


def chart(counts: Sequence[int], *, height: int = HEIGHT, logarithmic: bool = False) -> Chart:
    """A chart of counts. `logarithmic`: few are seen beside very many."""
    most = max(counts, default=0)
    step = WIDTH / max(1, len(counts))
    bars = []
    for index, count in enumerate(counts):
        if count <= 0:
            continue
        share = math.log1p(count) / math.log1p(most) if logarithmic else count / most
        tall = max(2.0, share * height)
        bars.append(Bar(round(index * step + step * 0.1, 2), round(height - tall, 2), round(step * 0.8, 2), tall))
    return Chart(tuple(bars), most, WIDTH, height)


def place(score: float) -> float:
    """Where a score (0..1) stands on the x axis."""
    return round(score * WIDTH, 2)
