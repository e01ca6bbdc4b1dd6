"""A word in the log that would else come with each request of a busy server."""

from __future__ import annotations

import time
from collections.abc import Callable


class Seldom:
    """`now()` is True at most once in `seconds`, and the first time. One asyncio loop, hence no locks."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: float | None = None

    def now(self) -> bool:
        """Whether it may be said now; then not again for a while."""
        moment = self._clock()
        if self._until is not None and moment < self._until:
            return False
        self._until = moment + self._seconds
        return True
