"""How many steps a walk over a file may take, on all of its levels together.

Each level of a file may hold many blocks, and a file many levels: a cap for each lets a file of 40 MiB keep a walk busy
for half a minute with blocks of two bytes that mean nothing. So all walks count here, whatever they step over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from model.errors import TooLarge

MAX_STEPS = 1_000_000
"""Blocks, boxes, elements and single numbers that are read in one file. A step takes one to three microseconds. The
most that is legal is about half of it: 100,000 frames of a fragmented MP4 with four numbers each."""

_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)


@contextmanager
def limited(most: int = MAX_STEPS) -> Iterator[None]:
    """In here no more than so many steps may be taken."""
    before = _left.set([most])
    try:
        yield
    finally:
        _left.reset(before)


def step(count: int = 1) -> None:
    """One more step, or so many. TooLarge if it is one too many; outside of `limited` there is no limit."""
    left = _left.get()
    if left is not None:
        left[0] -= count
        if left[0] < 0:
            raise TooLarge("the file has more parts than are looked at")
