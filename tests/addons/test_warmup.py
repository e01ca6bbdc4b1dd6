"""The time until pictures can be judged, and a model that can never be loaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import SimpleNamespace

import pytest
from mitmproxy.master import Master
from mitmproxy.options import Options

from addons.lists.shelf import ListError
from addons.warmup import WarmUp
from model.errors import JudgeError, ModelError

Load = Callable[[], Coroutine[None, None, str]]


class Proxyserver:
    """Listens, as it says, at one address."""

    def listen_addrs(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", 8080)]


@pytest.fixture
async def master(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """`ended` has an item for each time that the program was told to end."""
    made = Master(Options())
    made.addons.add(Proxyserver())
    seen = SimpleNamespace(ended=[])
    monkeypatch.setattr(made, "shutdown", lambda: seen.ended.append(True))
    return seen


def failing(error: BaseException) -> Load:
    async def load() -> str:
        raise error

    return load


async def test_it_says_when_pictures_are_judged(
    master: SimpleNamespace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("addons.readiness.tell", told.append)
    caplog.set_level(logging.INFO, "pictrs_filter")
    go_on = asyncio.Event()

    async def load() -> str:
        await go_on.wait()
        return "model m"

    made = WarmUp(load)
    await made.wait()  # nothing was begun
    made.start()
    waiting = asyncio.create_task(made.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert (caplog.messages, told) == ([], [])
    go_on.set()
    await waiting
    assert caplog.messages == ["ready: listening on 127.0.0.1:8080, model m"]
    assert told == ["READY=1\nSTATUS=listening on 127.0.0.1:8080, model m"]
    assert (made.failure, master.ended) == (None, [])


@pytest.mark.parametrize(
    ("error", "said", "traced"),
    [
        (ModelError("fetch it again"), "the model could not be loaded: fetch it again", False),
        (JudgeError("none came up"), "the decoders could not be started: none came up", False),
        (ListError("/l.txt: is not there"), "a list could not be read: /l.txt: is not there", False),
        (ValueError("a bug"), "the model could not be loaded: a bug", True),
    ],
    ids=["model", "decoders", "list", "bug"],
)
async def test_a_filter_that_can_never_judge_ends(
    master: SimpleNamespace, caplog: pytest.LogCaptureFixture, error: Exception, said: str, traced: bool
) -> None:
    made = WarmUp(failing(error))
    made.start()
    with pytest.raises(type(error)):
        await made.wait()
    await asyncio.sleep(0)
    assert made.failure is error
    assert master.ended == [True]
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, said)
    assert bool(record.exc_info) == traced


async def test_who_gives_up_is_no_failure(master: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    async def load() -> str:
        await asyncio.Event().wait()
        return ""

    made = WarmUp(load)
    await made.cancel()  # nothing was begun
    made.start()
    await made.cancel()
    await asyncio.sleep(0)
    assert (made.failure, master.ended, caplog.records) == (None, [], [])
