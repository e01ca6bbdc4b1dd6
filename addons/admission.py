"""Who may come in: a bound on requests and on the bytes that they hold, all together. Nobody ever waits here.

What does not fit is refused at once (503 with Retry-After), and the sender tries again: a queue would only use up the
time that Lemmy gives a request. Without a queue nobody starves in one, and two bodies that are half read and leave each
other no room do not block for ever: the one that asks first for what is not there is refused, and its bytes are the
other's. Small bodies do get in where a large one does not. What counts is what is there: neither a promised length nor
a body that is still coming takes anything from others but the bytes that came.

Belongs to one asyncio loop: no method awaits, so no two run at the same time, and no locks are needed.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

from addons.seldom import Seldom

log = logging.getLogger("pictrs_filter")

COMPLAIN_SECONDS = 60.0
"""How often the log says at most, in seconds, that requests are refused because too much is in hand."""
FETCH_SHARE = 0.75
"""How much of the room fetches may take. Strangers choose what is fetched, and from servers as slow as they like: what
is left belongs to uploads."""

HOST_SHARE = 0.375
"""How much of the room fetches from one host may take: half of all that fetches may."""


class Admission:
    """Lets in at most `max_requests` at a time (1 or more), that hold at most `max_bytes` together (1 or more).

    Let `max_bytes` be no smaller than the largest request that is allowed: one slot alone may always hold that much.
    `least` bytes (of the largest file, say) are within every share, however small.
    `refused` counts the refusals, of `enter` and of `Slot.hold`, since the start.
    """

    def __init__(self, max_requests: int, max_bytes: int, least: int = 0) -> None:
        if max_requests < 1 or max_bytes < 1:
            raise ValueError(f"nobody comes in with {max_requests} requests and {max_bytes} bytes")
        self._least = least
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0
        self.refused = 0
        self._complains = Seldom(COMPLAIN_SECONDS)

    @property
    def requests(self) -> int:
        """Slots that are taken now."""
        return self._requests

    @property
    def bytes(self) -> int:
        """Bytes that all slots hold now."""
        return self._bytes

    def enter(self, share: float = 1.0) -> Slot | None:
        """A slot that holds no bytes yet, or None when all are taken. Who got one must `leave` it, come what may.

        `share` (above 0, up to 1) is how much of the room, places and bytes, may be taken before this one is refused;
        one place at least.
        """
        slot = self.approach(share)
        return slot if slot is not None and slot.take_place() else None

    def approach(self, share: float = 1.0) -> Slot | None:
        """A slot for bytes that are still coming: it has no place yet, so that who is slow takes none from others.

        None when all places are taken. `Slot.take_place` when all is there; `leave` it, come what may.
        """
        places = self.share(share)
        if self._requests >= places:
            self._refuse()
            return None
        return Slot(self, places, self.byte_share(share))

    def share(self, share: float) -> int:
        """How many places a share of them is; one at least."""
        return max(1, int(share * self._max_requests))

    def byte_share(self, share: float) -> int:
        """How many bytes a share of them is."""
        return max(int(share * self._max_bytes), min(self._least, self._max_bytes))

    def _seat(self, places: int) -> bool:
        if self._requests >= places:
            self._refuse()
            return False
        self._requests += 1
        return True

    def _move(self, change: int, most: int) -> bool:
        """Add `change` bytes (below 0: take away) if all slots then hold no more than `most`."""
        if change > 0 and self._bytes + change > most:
            self._refuse()
            return False
        self._bytes += change
        return True

    def _refuse(self) -> None:
        self.refused += 1
        if self._complains.now():
            log.warning(
                "too much in hand: %d requests with %d MiB, %d refused so far (see `overload` in the settings)",
                self._requests,
                self._bytes >> 20,
                self.refused,
            )

    def _free(self, held: int, seated: bool) -> None:
        self._requests -= seated
        self._bytes -= held


class Slot:
    """One request's place: made by `Admission.enter`, left by `leave` or at the end of a `with`.

    A slot that is dropped without `leave` stays taken: that is a bug of who dropped it, and hiding it here would only
    make it harder to see.
    """

    __slots__ = ("_admission", "_held", "_left", "_most", "_places", "_seated")

    def __init__(self, admission: Admission, places: int, most: int) -> None:
        self._admission = admission
        self._places = places
        self._most = most
        self._seated = False
        self._held = 0
        self._left = False

    def take_place(self) -> bool:
        """Take one of the places, if there is one. True when it has one already; False after `leave`."""
        if not self._seated and not self._left:
            self._seated = self._admission._seat(self._places)
        return self._seated and not self._left

    def hold(self, total: int) -> bool:
        """Hold `total` bytes from now on, in all and not on top; to hold less than before always succeeds.

        False, with nothing changed, when all slots together would hold too much, or after `leave` (the client may go
        while its body is being read). ValueError below 0.
        """
        if total < 0:
            raise ValueError(f"a slot cannot hold {total} bytes")
        if self._left or not self._admission._move(total - self._held, self._most):
            return False
        self._held = total
        return True

    def leave(self) -> None:
        """Free the place and its bytes. The second time it does nothing."""
        if not self._left:
            self._left = True
            self._admission._free(self._held, self._seated)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
