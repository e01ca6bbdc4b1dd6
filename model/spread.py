"""An even choice that nobody can foresee: of a stream whose length is not known before its end, and of a list. Pure.

The first item, which everybody sees, is always in it if there is room for two; the rest is divided into equal
stretches, and of each one item is drawn. So nothing long is left out, and nobody knows which short things are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Spread(Generic[Item]):
    """Keeps every item while there is room for it, then one of every two, of every four, all equally likely.

    `count` says how many there were.
    """

    def __init__(self, room: int, chance: Random) -> None:
        self._room = room
        self._chance = chance
        self._step = 1
        self._end = 1
        """Where the stretch that is running ends, and the next one begins."""
        self._place = 0
        """The item of it that is kept."""
        self.items: list[Item] = []
        self.count = 0

    @property
    def wants(self) -> bool:
        """Whether the next item is going to be kept, for now: one that costs work need not be made otherwise."""
        return self._room > 0 and self.count == self._place

    def add(self, item: Item) -> None:
        """The next item of the stream."""
        if self.wants:
            self.items.append(item)
            if len(self.items) > self._room:
                self._thin()
        self.skip()

    def skip(self) -> None:
        """The next item, which was not made as nobody wants it."""
        self.count += 1
        if self.count == self._end:
            self._place = self._end + self._chance.randrange(self._step)
            self._end += self._step

    def _thin(self) -> None:
        """Two stretches become one each time; the running one, if it is left over, grows to twice its length."""
        first = 1 if self._room > 1 else 0
        rest = self.items[first:]
        pairs = zip(rest[::2], rest[1::2], strict=False)
        self.items[first:] = [self._chance.choice(pair) for pair in pairs]
        if len(rest) % 2:
            if self._chance.random() < 0.5:
                self.items.append(rest[-1])
            else:
                self._place = self._end + self._chance.randrange(self._step)
            self._end += self._step
        self._step *= 2


def evenly(items: Sequence[Item], room: int, chance: Random) -> list[Item]:
    """At most `room` of the items, in their order."""
    if len(items) <= room:
        return list(items)
    first = list(items[:1]) if room > 1 else []
    rest, stretches = items[len(first) :], room - len(first)
    bounds = [at * len(rest) // stretches for at in range(stretches + 1)] if stretches > 0 else []
    return first + [rest[chance.randrange(*bound)] for bound in pairwise(bounds)]
