"""Whether a file that comes now would get its verdict in time. If not it is refused at once: calm under load.

What is in hand is counted, and what a file takes is learnt as files go by: seconds in a decoder, views, seconds a view.
A queue that is longer than the time anybody waits serves nobody: each of those in it would be given up just before its
turn. It is asked when a file comes, and again when it is decoded and its views are known, so that one of many views is
charged for them and not the others: these only wait for its fair share (model/line.py). Who comes when nobody else is
there is never refused, however slow the machine is, and so the forecast learns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Protocol

from model.errors import Overloaded
from model.line import FAIR_VIEWS

SHARE = 0.6
"""How much of the time that is left a forecast may take up. The rest is for what nobody can foresee."""
NEWEST = 0.1
"""Weight of the newest file in the moving average of views a file has."""


class Decoding(Protocol):
    """What is asked of the decoders."""

    def expects(self) -> float:
        """In how many seconds another file would have a decoder; 0 when that is not known yet."""
        ...


class Classifying(Protocol):
    """What is asked of the models."""

    def expects(self, views: int) -> float:
        """In how many seconds that many more views would be scored; 0 when that is not known yet."""
        ...


class Forecast:
    """Counts files in hand. `clock` is that of the deadlines."""

    def __init__(self, decoder: Decoding, backend: Classifying, clock: Callable[[], float] = time.monotonic) -> None:
        self._decoder = decoder
        self._backend = backend
        self._clock = clock
        self._in_hand = 0
        self._decoding = 0
        self._views = 0.0

    def seconds(self, views: int | None = None) -> float:
        """When a file of so many views would have its verdict, or one that came now, if it is like those before it."""
        fair = min(self._views, FAIR_VIEWS)
        if views is None:
            return self._decoder.expects() + self._backend.expects(ceil(fair * (self._decoding + 1)))
        return self._backend.expects(views)

    def check(self, views: int, deadline: float) -> None:
        """Raise Overloaded for a file that is in hand and decoded, when all its views would be scored too late."""
        self._refuse_late(self._in_hand - 1, self.seconds(views), deadline)

    @contextmanager
    def file(self, deadline: float) -> Iterator[None]:
        """While a file is in hand. Raises Overloaded when it would be late."""
        self._refuse_late(self._in_hand, self.seconds(), deadline)
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    def _refuse_late(self, others: int, seconds: float, deadline: float) -> None:
        if others and seconds > SHARE * (deadline - self._clock()):
            raise Overloaded(f"{others} other files are in hand, and this one would be late")

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """While a file is decoded, or waits for that: its views are still to come."""
        self._decoding += 1
        try:
            yield
        finally:
            self._decoding -= 1

    def learn(self, views: int) -> None:
        """Note how many views a file had."""
        self._views = (1 - NEWEST) * self._views + NEWEST * views if self._views else float(views)
