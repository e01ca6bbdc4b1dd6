"""Time as the batcher needs it, so that tests can say when it passes: asyncio's own loop is one such clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that was to happen later."""

    def cancel(self) -> None:
        """Let it not happen."""
        ...


class Clock(Protocol):
    """What is needed of an asyncio loop: the time in seconds, and calls at a later one."""

    def time(self) -> float:
        """Now; the same clock as `time.monotonic()` where it is asyncio's."""
        ...

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call it at `when`."""
        ...
