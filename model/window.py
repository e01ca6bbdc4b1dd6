"""Memory that the pool and one decoder both see: a file goes to the decoder in one, its views come back in another.

What goes through a pipe is cut into pieces of 64 KiB, for each of which both sides and the event loop wake up. A window
is written in one system call and read in one, outside the event loop where it is large (100 views of 224 x 224 pixels:
12 ms of the pool's processor time instead of 75). The pool copies out of a window and looks at the copy: what a decoder
writes later changes nothing. Linux only (model/memfd.py); elsewhere all goes through the pipes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from model import memfd
from model.digest import OFF_LOOP_BYTES

KEPT_BYTES = 8 * 1024 * 1024
"""Bytes at the beginning that keep their memory for the next file. Most photos fit, and to write memory anew costs
about three times as much as to write over it (40 MB: 38 and 14 ms)."""


def available() -> bool:
    """Whether this system has windows."""
    return sys.platform == "linux"


class Window:
    """`size` bytes, as the pool sees them. Threads may be at work in it when a call is cancelled; `close` waits."""

    def __init__(self, size: int) -> None:
        self._at_work: asyncio.Future[object] | None = None
        self._used = 0
        self.fd = memfd.create(size)

    async def put(self, data: bytes) -> None:
        """Write to its beginning. OSError beyond its size."""
        self._used = len(data)
        await self._do(len(data), lambda: memfd.write(self.fd, data))

    async def take(self, count: int) -> bytearray:
        """A copy of its first bytes; zero where nothing was written."""
        self._used = count
        copy = bytearray(count)
        await self._do(count, lambda: memfd.read_into(self.fd, copy))
        return copy

    async def clear(self) -> None:
        """Give the memory back of what was put or taken last, but for KEPT_BYTES."""
        if (beyond := self._used - KEPT_BYTES) > 0:
            self._used = 0
            await self._do(beyond, lambda: memfd.punch(self.fd, KEPT_BYTES, beyond))

    async def close(self) -> None:
        """Give all of it back, when the decoder has ended too."""
        if self._at_work is not None:
            await asyncio.gather(self._at_work, return_exceptions=True)
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    async def _do(self, count: int, work: Callable[[], object]) -> None:
        if count <= OFF_LOOP_BYTES:
            work()
            return
        self._at_work = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.shield(self._at_work)
