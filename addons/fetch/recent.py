"""What became of a remote address a short while ago, when that was nothing good.

Lemmy's `ProxyAllImages` asks for a picture again at each view, and pict-rs keeps nothing of one that was refused: with
this, views of a refused or broken address cost no fetch. Refusals and failures only, and only their answers: never a
pass, and no bytes, for what an address gives may change and is judged anew whenever it is to be stored.

Addresses are personal data: who reads what. Nothing here is logged, and an address is kept as its SHA-256, so that no
list of them stands in memory, in a core dump or in a traceback's locals, and each takes the same room however long it
is. SHA-256 and nothing shorter, since strangers choose addresses: with two that meet in one key, one could make the
other look refused. A secret key for it would stand in the same memory, and so add nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cachetools import TLRUCache

from addons.pictrs.answers import Answer


class Fate(Enum):
    """What became of an address."""

    REFUSED = "refused"
    """Fetched, and then refused by a rule or because the file is of no use: stays so for a while."""
    FAILED = "failed"
    """Could not be fetched: may be better soon."""


@dataclass(frozen=True)
class _Entry:
    answer: Answer
    seconds: float


class Recent:
    """Keeps the answers for the last `entries` such addresses (0: none), each for the seconds of its fate.

    To be found counts as use, but makes no time longer. One asyncio loop, hence no locks.
    """

    def __init__(
        self,
        *,
        entries: int,
        refused_seconds: float,
        failed_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries = entries
        self.age = 0
        self._seconds = {Fate.REFUSED: refused_seconds, Fate.FAILED: failed_seconds}
        self._kept: TLRUCache[bytes, _Entry, float] = TLRUCache(
            entries, lambda _key, entry, now: now + entry.seconds, clock
        )

    def forget(self) -> None:
        """Let everything be asked again, as it may be judged otherwise now. What is being judged is not kept either."""
        self._kept.clear()
        self.age += 1

    def remember(self, url: str, answer: Answer, fate: Fate, age: int) -> None:
        """Keep the answer (its `ref` too, which leads to the line in the log) for a normalised URL.

        `age` is what it was when the address was asked; if all was forgotten since then, this is as well. A 5xx is
        ignored: that is a failure of ours or of pict-rs, and says nothing about the address.
        """
        if self._entries and age == self.age and 400 <= answer.status < 500:
            self._kept[_key(url)] = _Entry(answer, self._seconds[fate])

    def find(self, url: str) -> Answer | None:
        """The answer that a normalised URL got, if that is not too long ago."""
        entry = self._kept.get(_key(url))
        return None if entry is None else entry.answer


def _key(url: str) -> bytes:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
