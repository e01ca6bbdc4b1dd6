"""The steps of a run: each has its share of the seconds, and is told as it goes on."""

from __future__ import annotations

from addons.admin.bench.pace import Do, Pace, measure
from addons.admin.bench.progress import Progress

ALONE, BUSY = 2.0, 4.0
"""Shares of uploads one at a time and several at a time, where every other step has 1: they take longest, and what is
said in the end rests on them."""


class Steps:
    """`seconds` are for all of them together; `plan` divides them."""

    def __init__(self, seconds: float, progress: Progress) -> None:
        self.progress = progress
        self._seconds = seconds
        self._unit = 0.0

    def plan(self, other: int) -> None:
        """Divide the seconds among that many steps of one share each, and the uploads."""
        self._unit = self._seconds / (other + ALONE + BUSY)

    async def measure(self, name: str, do: Do, *, share: float = 1.0, at_once: int = 1) -> Pace:
        """Begin a step and measure it; who asked ends it, with what it came to. Raises what `do` raises."""
        self.progress.begin(name)
        return await measure(do, share * self._unit, at_once=at_once, tell=self.progress.at)
