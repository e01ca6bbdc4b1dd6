"""Fake models whose scores show which view they belong to, and which wait, fail or talk nonsense when told to."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


BATCH = 16
"""Views that the fakes take at once, if not told otherwise."""


def soon() -> float:
    """A deadline that a test only meets when something hangs."""
    return time.monotonic() + 30


def views(*values: int) -> NDArray[np.uint8]:
    """One view of 2 x 2 pixels per value, all of that value."""
    return np.stack([np.full((2, 2, 3), value, dtype=np.uint8) for value in values])


def scores_of(*values: int) -> Scores:
    """What Echo answers for views(*values)."""
    share = np.array(values, dtype=np.float32) / 255
    return np.stack([share, 1 - share], axis=1)


@dataclass
class Echo:
    """Scores each view with its own first pixel, and keeps a record of what it was asked."""

    labels: tuple[str, ...] = ("a", "b")
    device: str = "fake"
    batch: int = BATCH
    sizes: list[int] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    at_once: int = 0

    def forward(self, views: NDArray[np.uint8]) -> Scores:
        self.at_once += 1
        assert self.at_once == 1, "two forwards at once"
        self.sizes.append(len(views))
        self.threads.add(threading.get_ident())
        answer = self.answer(views)
        self.at_once -= 1
        return answer

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        return scores_of(*views[:, 0, 0, 0].tolist())


class Gated(Echo):
    """Waits in each forward until the test opens the gate; `entered` tells that it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.gate = threading.Event(), threading.Event()

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        self.entered.set()
        assert self.gate.wait(30), "the test never opened the gate"
        return super().answer(views)


class Answers(Echo):
    """Answers with what it is given, whatever it is asked."""

    def __init__(self, scores: object) -> None:
        super().__init__()
        self.scores = scores

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        return self.scores  # type: ignore[return-value]


class Raises(Echo):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        raise self.error


async def entered(model: Gated) -> None:
    """Return when the model is inside a forward."""
    assert await asyncio.to_thread(model.entered.wait, 30)
