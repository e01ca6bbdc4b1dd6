"""What is there when the model is loaded is not looked at by the garbage collector again, while the filter runs."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from addons import launcher
from addons.inspection import Judging
from addons.launcher import Filter, sparing_the_collector
from config.load import Config
from tests.recorder import Recorder
from tests.running import FakeJudge, config

SECONDS = 60.0
"""How long something may take before it is taken for lost."""


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


async def test_a_filter_that_serves_spares_it(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(_: Config) -> Judging:
        return FakeJudge()

    signals: dict[int, Callable[[], None]] = {}
    frozen, freeze = asyncio.Event(), gc.freeze

    def noted() -> None:
        freeze()
        frozen.set()

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", signals.__setitem__)
    monkeypatch.setattr(launcher, "raise_file_limit", lambda _: None)
    monkeypatch.setattr(launcher, "Filter", partial(Filter, start_judge=start, ask_upstream=False))
    monkeypatch.setattr(gc, "freeze", noted)
    serving = asyncio.create_task(launcher.run(config(recorder.address)))
    async with asyncio.timeout(SECONDS):
        await frozen.wait()
        assert gc.get_freeze_count() > 0
        assert signals.keys() == {signal.SIGTERM, signal.SIGINT}
        signals[signal.SIGTERM]()
        assert await serving == 0
    assert gc.get_freeze_count() == 0
