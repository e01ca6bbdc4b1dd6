"""How much of the room for fetches any one place on the internet may take, so that it leaves some for the others.

A place goes by its name as it stands in the address, and by the network of the machine that is connected to: names cost
a stranger nothing, addresses do. Many innocent sites share the networks of a content delivery network; they share its
part of the room, too.

Belongs to one asyncio loop: no method awaits, and no locks are needed.
"""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self


class Shares:
    """For each key at most `places` fetches at a time, that hold at most `most_bytes` together."""

    def __init__(self, places: int, most_bytes: int) -> None:
        self.places = places
        self.most_bytes = most_bytes
        self._fetches: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def begin(self) -> Share:
        """One fetch, for a `with`."""
        return Share(self)

    @property
    def empty(self) -> bool:
        """Whether nobody has a part of anything."""
        return not self._fetches and not self._bytes

    def _take(self, key: str, held: int) -> bool:
        if self._fetches[key] >= self.places or self._bytes[key] + held > self.most_bytes:
            return False
        self._fetches[key] += 1
        self._bytes[key] += held
        return True

    def _move(self, keys: set[str], change: int) -> bool:
        if change > 0 and any(self._bytes[key] + change > self.most_bytes for key in keys):
            return False
        for key in keys:
            self._bytes[key] += change
        return True

    def _free(self, keys: set[str], held: int) -> None:
        for key in keys:
            self._fetches[key] -= 1
            self._bytes[key] -= held
        self._fetches += Counter()  # drops what is 0
        self._bytes += Counter()


class Share:
    """What one fetch has of each key that it has claimed."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._keys: set[str] = set()
        self._held = 0

    def claim(self, key: str) -> bool:
        """Count for this key from now on; False, with nothing changed, when that has its part already."""
        if key in self._keys:
            return True
        if not self._shares._take(key, self._held):
            return False
        self._keys.add(key)
        return True

    def hold(self, total: int) -> bool:
        """Hold `total` bytes from now on, in all; False, with nothing changed, when that is too much for a key."""
        if not self._shares._move(self._keys, total - self._held):
            return False
        self._held = total
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shares._free(self._keys, self._held)
        self._keys, self._held = set(), 0
