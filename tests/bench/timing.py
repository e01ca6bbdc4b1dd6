"""How long a request takes by two or more ways, side by side.

Other programs share the machine, so one way's time by itself says little. Here every turn asks by every way, there and
back (A B, B A, A B ...), so that what disturbs the one disturbs the other; what counts is their ratio and difference.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.client import Client, Timed

Ask = Callable[[Client, int], Timed]
"""One request on a connection, by the number of its turn."""


@dataclass(frozen=True)
class Way:
    """One way's figures. `ratio` is its p50 over that of the first way, `added_ms` the median of what it took longer
    than the first way in the same turn."""

    p50_ms: float
    p95_ms: float
    ratio: float
    added_ms: float


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def side_by_side(ways: Mapping[str, Client], ask: Ask, turns: int, warm_up: int, status: int) -> dict[str, list[float]]:
    """Seconds by way, turn by turn; `warm_up` turns before are not counted.

    Raises RuntimeError for an answer that has not `status`: the time of a refusal is not the time that is asked for.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + turns):
        for name in ways if turn % 2 == 0 else reversed(list(ways)):
            answer = ask(ways[name], turn)
            if answer.status != status:
                raise RuntimeError(f"{name}: HTTP status {answer.status} where {status} was expected")
            if turn >= warm_up:
                seconds[name].append(answer.seconds)
    return seconds


def compare(seconds: Mapping[str, Sequence[float]]) -> dict[str, Way]:
    """The figures of each way against the first one."""
    first = next(iter(seconds.values()))
    return {
        name: Way(
            percentile(values, 50) * 1000,
            percentile(values, 95) * 1000,
            percentile(values, 50) / percentile(first, 50),
            statistics.median(mine - other for mine, other in zip(values, first, strict=True)) * 1000,
        )
        for name, values in seconds.items()
    }
