"""How fast something goes: a closed loop, and what its times come to.

A closed loop asks the next time when it has an answer, `at_once` times side by side: at 1 it shows how long one takes
on an idle machine, with more how many can be had. The rate counts all that was done until the last one was, the end
included, in which fewer run side by side: it is rather too low than too high.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Do = Callable[[int], Awaitable[bool]]
"""One turn, by its number; False when it was answered, but not done."""


@dataclass(frozen=True)
class Pace:
    """What a loop came to: `ms` of each turn that was done, how many `failed`, and the `seconds` of all together."""

    ms: tuple[float, ...]
    failed: int
    seconds: float

    @property
    def done(self) -> int:
        """Turns that were done."""
        return len(self.ms)

    @property
    def per_second(self) -> float:
        """Turns done in a second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    def at(self, percent: float) -> float | None:
        """The milliseconds that so many percent of the turns did not exceed; None when none was done."""
        return percentile(self.ms, percent) if self.ms else None


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all values do not exceed (nearest rank): always one of them.

    With fewer than 100 values the 99th is the largest. Raises ValueError for no values, and for a percentage that is
    not above 0 and at most 100.
    """
    if not values or not 0 < percent <= 100:
        raise ValueError(f"no {percent:g}th percentile of {len(values)} values")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


async def measure(
    do: Do,
    seconds: float,
    *,
    at_once: int = 1,
    clock: Callable[[], float] = time.perf_counter,
    tell: Callable[[float], None] = lambda _: None,
) -> Pace:
    """Do it again and again for `seconds`, `at_once` turns side by side; one turn before that is not counted.

    A turn that has begun is waited for, so there is at least one each. `tell` hears the share of the time that is over,
    0..1. Raises what a turn raises; the others are cancelled then. `clock` gives seconds.
    """
    turns = itertools.count()
    await do(next(turns))
    ms: list[float] = []
    failed = 0
    began = now = clock()

    async def repeat() -> None:
        nonlocal failed, now
        while True:
            asked = clock()
            done = await do(next(turns))
            now = clock()
            if done:
                ms.append((now - asked) * 1000)
            else:
                failed += 1
            tell(min(1.0, (now - began) / seconds))
            if now - began >= seconds:
                return

    try:
        async with asyncio.TaskGroup() as side_by_side:
            for _ in range(at_once):
                side_by_side.create_task(repeat())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return Pace(tuple(ms), failed, now - began)
