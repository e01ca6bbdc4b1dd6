"""Notifications to a real receiver: one that takes them, one that is dead, one that is slow, one that redirects."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from addons.notify import SIGNATURE, Notifier, load_secret
from addons.state import StateError
from config.notify import Notify
from tests.addons.notices import BROKEN, FAILED, decision
from tests.ports import free_port

HANGS_SECONDS = 30.0
"""For what takes no time when all is well."""
SECRET = "0123456789abcdef"


class Receiver:
    """A webhook. `messages` has what came; `status` is what it says; with `gate` it waits for that first."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.requests: list[tuple[web.Request, bytes]] = []
        self.status = 204
        self.gate: asyncio.Event | None = None
        self.came = asyncio.Queue[None]()
        self.url = ""

    async def hook(self, request: web.Request) -> web.Response:
        data = await request.read()
        self.requests.append((request, data))
        if request.method == "POST":
            self.messages.append(json.loads(data))
        self.came.put_nowait(None)
        if self.gate is not None:
            await self.gate.wait()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"} if self.status == 307 else {})

    async def next(self) -> dict[str, Any]:
        """The next message, once it is there."""
        async with asyncio.timeout(HANGS_SECONDS):
            await self.came.get()
        return self.messages[-1]


class Pause:
    """In place of asyncio.sleep: goes on when a test says so. `asked` has the seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._begun = asyncio.Event()
        self._over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        self._begun.set()
        await self._over.wait()
        self._over.clear()

    async def begun(self) -> None:
        async with asyncio.timeout(HANGS_SECONDS):
            await self._begun.wait()
        self._begun.clear()

    def end(self) -> None:
        self._over.set()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.hook)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    made.url = f"http://{host}:{port}/hook?token=hidden"
    yield made
    if made.gate is not None:
        made.gate.set()
    await runner.cleanup()


@asynccontextmanager
async def notifying(
    url: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, **settings: Any
) -> AsyncIterator[Notifier]:
    notifier = Notifier(Notify(url=url, **settings), lambda: 900.0, sleep)
    notifier.start()
    try:
        yield notifier
    finally:
        await notifier.close()


async def test_it_tells(receiver: Receiver) -> None:
    async with notifying(receiver.url) as notifier:
        notifier.note(decision())
        message = await receiver.next()
    assert message["counts"]["rejected"] == 1
    assert message["files"][0]["ref"] == "7f3a9c00"
    request, _ = receiver.requests[0]
    assert (request.method, request.path_qs) == ("POST", "/hook?token=hidden")
    assert request.headers["Content-Type"] == "application/json"
    assert SIGNATURE not in request.headers


async def test_it_tells_of_a_reload(receiver: Receiver) -> None:
    async with notifying(receiver.url) as notifier:
        notifier.note_reload("ab" * 32, problems=2)
        assert (await receiver.next())["policy"] == {"hash": "ab" * 32, "problems": 2}


async def test_only_of_what_it_is_to_tell(receiver: Receiver) -> None:
    async with notifying(receiver.url, events=["failed"]) as notifier:
        for each in (decision(), BROKEN, FAILED):
            notifier.note(each)
        notifier.note_reload("ab" * 32)
        message = await receiver.next()
    assert message["counts"] == {"rejected": 0, "unscanned": 0, "failed": 1, "reload": 0}


async def test_a_flood_is_two_messages(receiver: Receiver) -> None:
    pause = Pause()
    async with notifying(receiver.url, pause, min_seconds=77) as notifier:
        notifier.note(decision(ref="first"))
        assert (await receiver.next())["counts"]["rejected"] == 1
        await pause.begun()
        for number in range(10_000):
            notifier.note(decision(ref=str(number)))
        await asyncio.sleep(0)
        assert len(receiver.messages) == 1
        pause.end()
        message = await receiver.next()
        await pause.begun()
    assert message["counts"]["rejected"] == message["rules"]["explicit"] == 10_000
    assert message["files"][-1]["ref"] == "9999"
    assert pause.asked == [77, 77]
    assert len(receiver.messages) == 2


async def test_what_a_dead_one_missed_is_told_when_it_is_back(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    pause = Pause()
    receiver.status = 500
    async with notifying(receiver.url, pause) as notifier:
        for count in (1, 2, 3):
            notifier.note(decision(ref=str(count)))
            assert (await receiver.next())["counts"]["rejected"] == count
            await pause.begun()
            pause.end()
        receiver.status = 204
        assert (await receiver.next())["counts"]["rejected"] == 3  # tried again without a new event
        await pause.begun()
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.getMessage() == "notify: 127.0.0.1 could not be told: it answered 500; it is tried again"


async def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    pause = Pause()
    async with notifying(f"http://127.0.0.1:{free_port()}/hidden", pause) as notifier:
        for _ in range(3):
            notifier.note(decision())
            await pause.begun()
            pause.end()
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "127.0.0.1 could not be told: ClientConnectorError" in warning.getMessage()
    assert "hidden" not in warning.getMessage()


async def test_a_slow_one_is_given_up_and_holds_up_nobody(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    pause = Pause()
    receiver.gate = asyncio.Event()
    async with notifying(receiver.url, pause, timeout_seconds=0.2) as notifier:
        notifier.note(decision())
        await receiver.next()
        notifier.note(decision())  # while the first is under way
        await pause.begun()
        receiver.gate.set()
        pause.end()
        assert (await receiver.next())["counts"]["rejected"] == 2
        await pause.begun()
    assert "no answer in 0.2 seconds" in caplog.text


async def test_redirects_are_not_followed(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    pause = Pause()
    receiver.status = 307
    async with notifying(receiver.url, pause) as notifier:
        notifier.note(decision())
        await pause.begun()
    assert [request.path for request, _ in receiver.requests] == ["/hook"]
    assert "it answered 307" in caplog.text


async def test_a_signature(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    async with notifying(receiver.url, secret_file=str(file)) as notifier:
        notifier.note(decision())
        await receiver.next()
    request, body = receiver.requests[0]
    assert request.headers[SIGNATURE] == "sha256=" + hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()


async def test_without_an_address_it_does_and_keeps_nothing(tmp_path: Path) -> None:
    async with notifying("", secret_file=str(tmp_path / "none")) as notifier:
        notifier.note(decision())
        notifier.note_reload("ab" * 32)
        assert not notifier._notice.counts
        assert notifier._task is None


def test_secrets_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"secret_file .*none cannot be read: No such file .*name another"):
        load_secret(str(tmp_path / "none"))
    short = tmp_path / "short"
    short.write_text(SECRET[:-1] + "\n")
    with pytest.raises(StateError, match="less than 16 bytes: run openssl rand"):
        load_secret(str(short))
    assert load_secret("") == b""
