"""Whether a file that comes now would get its verdict in time. If not it is refused at once: calm under load.

What is in hand is counted, and what a file takes is learnt as files go by: seconds in a decoder, views, seconds a view.
A queue that is longer than the time anybody waits serves nobody: each of those in it would be given up just before its
turn. Who comes when nobody else is there is never refused, however slow the machine is, and so the forecast learns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Protocol

from model.errors import Overloaded

SHARE = 0.6
"""How much of the time that is left a forecast may take up. The rest is for what nobody can foresee: the next file may
have ten times as many views."""
NEWEST = 0.1
"""Weight of the newest file in the moving average of views a file has."""


class Decoding(Protocol):
    """What is asked of the decoders."""

    def expects(self) -> float:
        """In how many seconds another file would be decoded; 0 when that is not known yet."""
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

    def seconds(self) -> float:
        """When a file that came now would have its verdict, if it is like those before it."""
        return self._decoder.expects() + self._backend.expects(ceil(self._views * (self._decoding + 1)))

    @contextmanager
    def file(self, deadline: float) -> Iterator[None]:
        """While a file is in hand. Raises Overloaded when it would be late."""
        if self._in_hand and self.seconds() > SHARE * (deadline - self._clock()):
            raise Overloaded(f"{self._in_hand} files are in hand, and this one would be late")
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

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
