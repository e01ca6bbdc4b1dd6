"""The parts, connected: what runs from start to end, with a judge that is started, used and closed."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from addons.gatekeeper import Decision, Inbound
from addons.launcher import Filter
from addons.pictrs.routes import Match
from addons.wiring import build, described
from config.load import Config
from model.errors import ModelError
from model.verdict import Outcome
from tests.http1 import form
from tests.running import FakeJudge, config

UPSTREAM = ("127.0.0.1", 9)


class Watched(FakeJudge):
    """Notes with what it was started, and that it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.started_with: list[Config] = []
        self.closed = 0

    async def start(self, given: Config) -> FakeJudge:
        self.started_with.append(given)
        await asyncio.sleep(0)  # no judge is there at once
        return self

    async def close(self) -> None:
        self.closed += 1


async def test_nothing_is_loaded_before_it_runs() -> None:
    judge = Watched()
    parts = build(config(UPSTREAM), start_judge=judge.start)
    assert parts.gatekeeper.judge is None
    assert judge.started_with == []
    await parts.intercept.done()  # an end before a beginning
    assert judge.closed == 0


async def test_the_judge_is_started_once_and_closed_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    judge, given = Watched(), config(UPSTREAM)
    running = Filter(given, start_judge=judge.start)
    await running.start()
    await running.warm()
    assert judge.started_with == [given]
    assert running.device == "fake"
    listening = "{}:{}".format(*running.address)
    await running.stop()
    assert judge.closed == 1
    assert running.device == "-"  # no request finds a judge that is closed
    assert caplog.messages == [
        "loading nsfw (open-nsfw)",
        f"ready: listening on {listening}, {described(given, 'fake')}",
    ]


def test_how_pictures_are_judged_in_one_line() -> None:
    given = config(UPSTREAM, mode="shadow")
    assert described(given, "cuda:0 (Some GPU)") == (
        "upstream http://127.0.0.1:9, model open-nsfw on cuda:0 (Some GPU), mode shadow, 2 rules, "
        f"policy {given.hash[:8]}"
    )


async def test_a_judge_that_cannot_be_had_ends_it() -> None:
    async def start(_: Config) -> Any:
        raise ModelError("fetch the model again")

    running = Filter(config(UPSTREAM), start_judge=start)
    await running.start()
    with pytest.raises(ModelError, match="fetch the model again"):
        await running.warm()
    await running.wait()
    assert isinstance(running.failure, ModelError)
    await running.stop()  # it does no harm, and frees the port


async def test_an_end_while_the_judge_is_started() -> None:
    never = asyncio.Event()

    async def start(_: Config) -> Any:
        await never.wait()

    running = Filter(config(UPSTREAM), start_judge=start)
    await running.start()
    await running.stop()
    assert running.failure is None


async def test_who_observes_sees_every_decision_and_the_end_tells_of_the_unseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "pictrs_filter")
    seen: list[Decision] = []
    parts = build(config(UPSTREAM), seen.append, Watched().start)
    parts.gatekeeper.judge = Watched()
    headers, body = form(b"one")
    inbound = Inbound(b"POST", b"/image", [(b"Content-Type", headers["Content-Type"].encode())], body)
    found = parts.gatekeeper.screen(inbound.method, inbound.target, inbound.headers)
    assert isinstance(found, Match)
    await parts.gatekeeper.decide(found, inbound)
    assert [decision.verdict.outcome for decision in seen] == [Outcome.PASS]
    parts.gatekeeper.unscanned = 3
    await parts.intercept.done()
    assert caplog.messages == ["3 files passed without a verdict in this run"]
