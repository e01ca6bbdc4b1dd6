"""What is there when the model is loaded is not looked at by the garbage collector again, while the filter runs."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from addons.launcher import sparing_the_collector


class Warming:
    """A filter that becomes warm when it is told to, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.loaded, self._error = asyncio.Event(), error

    async def warm(self) -> None:
        await self.loaded.wait()
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(("error", "frozen"), [(None, True), (ValueError("no model"), False)], ids=["warm", "failed"])
async def test_it_is_spared_from_then_on_and_as_long_as_it_runs(error: Exception | None, frozen: bool) -> None:
    running: Any = Warming(error)
    before = gc.get_freeze_count()
    with sparing_the_collector(running):
        await asyncio.sleep(0)
        assert gc.get_freeze_count() == before
        running.loaded.set()
        for _ in range(3):
            await asyncio.sleep(0)
        assert (gc.get_freeze_count() > before) is frozen
    assert gc.get_freeze_count() == 0


async def test_it_may_end_before_it_is_warm() -> None:
    running: Any = Warming()
    with sparing_the_collector(running):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert gc.get_freeze_count() == 0
