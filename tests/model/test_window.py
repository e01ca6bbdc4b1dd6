"""A window carries files and views, gives memory back, and is not closed while a thread is at work in it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from model import memfd
from model.digest import OFF_LOOP_BYTES
from model.window import KEPT_BYTES, Window

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd is Linux's")
SIZE = 32 * 1024 * 1024


def memory(shared: Window) -> int:
    """Bytes of memory that a window takes."""
    return os.fstat(shared.fd).st_blocks * 512


@pytest.mark.parametrize("count", [1, OFF_LOOP_BYTES, OFF_LOOP_BYTES + 1, KEPT_BYTES + 5])
async def test_there_and_back(count: int) -> None:
    shared, data = Window(SIZE), os.urandom(count)
    await shared.put(data)
    assert memfd.read(shared.fd, count) == data
    assert await shared.take(count) == data
    await shared.close()


async def test_what_is_taken_is_a_copy() -> None:
    shared = Window(SIZE)
    memfd.write(shared.fd, b"before")
    copy = await shared.take(6)
    memfd.write(shared.fd, b"behind")
    assert copy == b"before"
    await shared.close()


@pytest.mark.parametrize("count", [OFF_LOOP_BYTES, OFF_LOOP_BYTES + 1])
async def test_what_is_large_is_left_to_a_thread(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(memfd, "write", lambda *_: threads.append(threading.current_thread()))
    shared = Window(SIZE)
    await shared.put(bytes(count))
    assert (threads == [threading.current_thread()]) is (count == OFF_LOOP_BYTES)
    await shared.close()


async def test_memory_is_given_back() -> None:
    shared = Window(SIZE)
    assert memory(shared) == 0
    await shared.put(b"x" * SIZE)
    assert memory(shared) >= SIZE
    await shared.clear()
    assert memory(shared) == KEPT_BYTES
    assert (await shared.take(SIZE)).count(b"x") == KEPT_BYTES
    await shared.clear()
    assert memory(shared) == KEPT_BYTES
    await shared.close()


async def test_a_descriptor_is_not_closed_under_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number could be another file's by then, and the picture would be written there."""
    started, go, honest = threading.Event(), threading.Event(), memfd.write
    seen: list[bool] = []

    def write(fd: int, data: bytes) -> None:
        started.set()
        go.wait()
        honest(fd, data)
        seen.append(True)

    monkeypatch.setattr(memfd, "write", write)
    shared = Window(SIZE)
    putting = asyncio.create_task(shared.put(bytes(OFF_LOOP_BYTES + 1)))
    await asyncio.to_thread(started.wait)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    closing = asyncio.create_task(shared.close())
    for _ in range(10):
        await asyncio.sleep(0)
    waits = not closing.done() and shared.fd >= 0
    go.set()
    await closing
    assert waits
    assert seen == [True]
    await shared.close()
