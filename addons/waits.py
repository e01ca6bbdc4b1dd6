"""How long a client may take, and when that is over: bookkeeping for one connection, without timers of its own.

A timer of mitmproxy cannot be taken back. So at most one of each kind is under way, however many requests a connection
carries; one that rings too early is asked for again, and one that rings for what is over is forgotten.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

HEAD_SECONDS = 10.0
"""From the first byte of a request to the end of its head. A head fits into a few packets; nginx gives it 60."""
BODY_SECONDS = 30.0
"""From the end of the head to the end of the body, kept or thrown away: Lemmy's longest time-out for an upload."""
IDLE_SECONDS = 75.0
"""Without a byte of a next request, or of a first one: nginx's keepalive_timeout."""
LINGER_SECONDS = 5.0
"""From our last word to the close, for the client to stop sending and to read it: nginx's lingering_timeout."""


class Wait(enum.Enum):
    """What a connection waits for."""

    IDLE = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    LINGER = "the client to hang up"


def limit(wait: Wait) -> float:
    """How long it may take, in seconds. The constants are looked up at each call, so that tests can set them."""
    return {
        Wait.IDLE: IDLE_SECONDS,
        Wait.HEAD: HEAD_SECONDS,
        Wait.BODY: BODY_SECONDS,
        Wait.LINGER: LINGER_SECONDS,
    }[wait]


class Waits:
    """Those of one connection. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wait: Wait | None = None
        self._end = 0.0
        self._under_way: set[Wait] = set()

    def begin(self, wait: Wait | None) -> float | None:
        """The connection waits for this from now on; to say the same again does not start it afresh.

        Returns the seconds after which `ring(wait)` has to be called, or None when no timer is needed.
        """
        if wait is self._wait:
            return None
        self._wait = wait
        if wait is None:
            return None
        self._end = self._clock() + limit(wait)
        if wait in self._under_way:
            return None
        self._under_way.add(wait)
        return limit(wait)

    def ring(self, wait: Wait) -> float | None:
        """A timer rang. Returns 0.0: it is over; more: ring again after so many seconds; None: not waited for now."""
        self._under_way.discard(wait)
        if wait is not self._wait:
            return None
        left = self._end - self._clock()
        if left <= 0:
            return 0.0
        self._under_way.add(wait)
        return left
