"""An even choice from a stream whose length is not known before its end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Spread(Generic[Item]):
    """Keeps every item while there is room for it, then every second, every fourth, always with the first.

    `count` says how many there were.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._step = 1
        self.items: list[Item] = []
        self.count = 0

    @property
    def wants(self) -> bool:
        """Whether the next item is going to be kept, for now: one that costs work need not be made otherwise."""
        return self._room > 0 and self.count % self._step == 0

    def add(self, item: Item) -> None:
        """The next item of the stream."""
        if self.wants:
            self.items.append(item)
            if len(self.items) > self._room:
                self.items = self.items[::2]
                self._step *= 2
        self.count += 1

    def skip(self) -> None:
        """The next item, which was not made as nobody wants it."""
        self.count += 1


def evenly(items: Sequence[Item], room: int) -> list[Item]:
    """At most `room` of the items, evenly from the first on, in their order."""
    if len(items) <= room:
        return list(items)
    return [items[at * len(items) // room] for at in range(room)]
