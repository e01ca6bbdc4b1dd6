"""Which core a program runs on: what is measured has one to itself, and what makes the load and answers it another."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psutil  # type: ignore[import-untyped]


def cores() -> tuple[int, int]:
    """(of what is measured, of everything else); the same one where there is only one."""
    own = sorted(os.sched_getaffinity(0))
    return own[0], own[-1]


@contextmanager
def pinned(pid: int, core: int) -> Iterator[None]:
    """Keep a process, all its threads, on a core while the `with` lasts."""
    before = os.sched_getaffinity(0)
    _set(pid, {core})
    try:
        yield
    finally:
        _set(pid, before)


def _set(pid: int, to: Collection[int]) -> None:
    with suppress(psutil.Error, OSError):  # it has ended; whoever speaks to it says so
        for thread in psutil.Process(pid).threads():
            os.sched_setaffinity(thread.id, to)
