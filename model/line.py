"""Who waits for a model, and what rides in the next batch. Pure: time comes in as a number, nothing waits here.

First come, first served: a file is finished before the next one is begun, which frees most callers soonest. But one of
many views (an animation) steps back after FAIR_VIEWS of them and lets those behind it pass, so that nobody waits for
the whole of it. A batch has one model. It is filled up with the first views of the next file, and what nobody waits for
any more, or is past its deadline, is left out of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

FAIR_VIEWS = 32
"""Views of one file that are judged before those who came later have a turn: all of an ordinary picture (up to 28)."""


@dataclass(eq=False)
class Ask:
    """One file's views for one model, uint8 (N, height, width, 3). `deadline` and `arrived` are seconds of one clock.

    `gone` is the caller's to set: nobody waits for it any more. `begun` is how many of its views are in batches.
    """

    model: str
    views: NDArray[np.uint8]
    deadline: float
    arrived: float
    gone: bool = False
    begun: int = field(default=0, init=False)
    turn: int = field(default=0, init=False)

    @property
    def left(self) -> int:
        """Views that are in no batch yet."""
        return len(self.views) - self.begun


A = TypeVar("A", bound=Ask)


@dataclass(frozen=True)
class Slice(Generic[A]):
    """Views `start` to `stop` of an ask: its part of a batch."""

    ask: A
    start: int
    stop: int

    @property
    def views(self) -> NDArray[np.uint8]:
        """These views."""
        return self.ask.views[self.start : self.stop]

    def __len__(self) -> int:
        return self.stop - self.start


class Line(Generic[A]):
    """Those who wait, of all models."""

    def __init__(self) -> None:
        self._asks: deque[A] = deque()

    def add(self, ask: A) -> None:
        """Let it wait."""
        self._asks.append(ask)

    def views(self, now: float) -> Counter[str]:
        """How many views wait for each model; what nobody waits for is forgotten."""
        self._forget(now)
        waiting: Counter[str] = Counter()
        for ask in self._asks:
            waiting[ask.model] += ask.left
        return waiting

    def ahead(self, now: float, views: int) -> Counter[str]:
        """How many views are judged for each model before the last of a newcomer's `views`, who has as many turns."""
        self._forget(now)
        most = FAIR_VIEWS * max(1, -(-views // FAIR_VIEWS))
        waiting: Counter[str] = Counter()
        for ask in self._asks:
            waiting[ask.model] += min(ask.left, most)
        return waiting

    def first(self, now: float) -> A | None:
        """Who is next; that one's model is the next batch's."""
        self._forget(now)
        return self._asks[0] if self._asks else None

    def take(self, now: float, most: Callable[[str], int]) -> list[Slice[A]]:
        """The next batch: of one model, at most `most(model)` views (1 or more). Empty when nobody waits."""
        first = self.first(now)
        if first is None:
            return []
        room = most(first.model)
        batch: list[Slice[A]] = []
        rest: deque[A] = deque()
        behind: list[A] = []
        for ask in self._asks:
            count = min(room, ask.left) if ask.model == first.model else 0
            if count:
                batch.append(Slice(ask, ask.begun, ask.begun + count))
                room -= count
                ask.begun += count
                ask.turn += count
            if ask.left and ask.turn >= FAIR_VIEWS:
                ask.turn = 0
                behind.append(ask)
            elif ask.left:
                rest.append(ask)
        self._asks = rest
        self._asks.extend(behind)
        return batch

    def clear(self) -> list[A]:
        """Send everybody away, and tell who they were."""
        asks, self._asks = list(self._asks), deque()
        return asks

    def _forget(self, now: float) -> None:
        if any(ask.gone or now >= ask.deadline for ask in self._asks):
            self._asks = deque(ask for ask in self._asks if not ask.gone and now < ask.deadline)
