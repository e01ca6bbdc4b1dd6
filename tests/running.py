"""The filter as it runs, in a thread of its own, for tests that speak to it over real sockets.

`FakeJudge` stands in for the model where a test is about HTTP; the tests of model/ hold the real one to its word.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import hashlib
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from addons.inspection import Decision, Judging
from addons.judges import StartJudge
from addons.launcher import Filter
from config.load import Config, load
from config.policy import Origin
from model.verdict import Outcome, Verdict
from tests.http1 import form

START_SECONDS = 60.0
FORBIDDEN = b"forbidden"
"""A file that holds these bytes is refused by FakeJudge."""


class FakeJudge:
    """Refuses what holds FORBIDDEN. `passed` has the SHA-256 of every file that it let through."""

    device = "fake"

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.seen: list[bytes] = []
        self.came_as: list[str | None] = []

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        self.seen.append(data)
        self.came_as.append(came_as)
        sha256 = hashlib.sha256(data).hexdigest()
        rule = "fake-rule" if FORBIDDEN in data else None
        outcome = Outcome.REJECT if rule else Outcome.PASS
        if outcome is Outcome.PASS:
            self.passed.add(sha256)
        return Verdict(outcome, outcome, rule, None, sha256, len(data), "jpeg", "image/jpeg", {"fake": 0.5}, 1)

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        return data

    async def close(self) -> None:
        pass


def config(upstream: tuple[str, int], **settings: Any) -> Config:
    """The shipped configuration before `upstream`, on free loopback ports, with no verdict remembered.

    Further settings change it; a mapping changes single fields of a section: `config(address, limits={"x": 2})`.
    """
    loaded = load(
        env={"PICTRS_FILTER_UPSTREAM": "http://{}:{}".format(*upstream), "PICTRS_FILTER_LISTEN": "127.0.0.1:0"}
    )
    raw = loaded.settings.model_dump()
    raw |= {"state_dir": _state_dir(), "callback": {"listen": "127.0.0.1:0", "url": "auto"}, "admin": {"listen": "off"}}
    raw["cache"]["verdicts"] = 0  # so that a judge is asked each time
    for name, value in settings.items():
        raw[name] = {**raw[name], **value} if isinstance(value, Mapping) else value
    return replace(loaded, settings=type(loaded.settings).model_validate(raw))


@functools.cache
def _state_dir() -> str:
    """One key for all filters of a test run, in a folder that goes with it."""
    folder = tempfile.TemporaryDirectory(prefix="pictrs-filter-state-")
    atexit.register(folder.cleanup)
    return folder.name


class RunningFilter:
    """`with RunningFilter(config, judge) as running:` then `running.address`. Without a judge it uses the real one.

    `start` makes the judge as wiring.build wants it; `wait=False` does not wait until it is there; `ask_upstream=True`
    lets it find out what pict-rs can do, which a recorder would have in its record. `read` as in launcher.Filter.
    """

    def __init__(
        self,
        config: Config,
        judge: Judging | None = None,
        *,
        start: StartJudge | None = None,
        wait: bool = True,
        ask_upstream: bool = False,
        read: Callable[[], Config] | None = None,
    ) -> None:
        self._config = config
        self._read = read
        self._start = start
        self._judge = judge
        self._wait = wait
        self._ask_upstream = ask_upstream
        self.decisions: list[Decision] = []
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.filter.address

    @property
    def callback(self) -> tuple[str, int]:
        """Where it listens for pict-rs."""
        return self.filter.callback

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it as SIGTERM does."""
        if self._thread.is_alive():
            with suppress(RuntimeError):  # it has ended by itself, and its thread is about to
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError("the filter did not stop")

    def call(self, function: Callable[[], object]) -> None:
        """Run something on the filter's event loop, and wait for it."""
        done: Future[None] = Future()

        def run() -> None:
            function()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(START_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        given = self._judge
        try:
            start = self._start
            if start is None and given is not None:
                judge: Judging = given

                async def at_once(_: Config) -> Judging:
                    return judge

                start = at_once
            self.filter = Filter(self._config, self.decisions.append, start, self._ask_upstream, self._read)
            await self.filter.start()
            if self._wait:
                await self.filter.warm()
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        await self._stop.wait()
        await self.filter.stop()


def say(address: tuple[str, int], *pieces: bytes, seconds: float = 10.0, shut: bool = False) -> bytes:
    """Send raw bytes on one connection and return everything that comes back until the other side closes, or is silent.

    Silence is 0.3 seconds after the first byte came, or `seconds` when none came. `shut` ends our side after sending.
    """
    with socket.create_connection(address, timeout=seconds) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return listen(connection, seconds)


def listen(connection: socket.socket, seconds: float = 10.0) -> bytes:
    """What comes on a connection until it is closed, an answer is complete, or it falls silent for 0.3 seconds."""
    heard = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.settimeout(0.3 if heard else max(0.01, end - time.monotonic()))
        try:
            data = connection.recv(65536)
        except TimeoutError:
            break
        except ConnectionResetError:
            break
        if not data:
            break
        heard += data
        if _complete(heard):
            break
    return heard


def _complete(heard: bytes) -> bool:
    head, end, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
    return bool(end and length and len(body) >= int(length[1]))


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that another thread brings about; fail when it does not."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def repository() -> Path:
    """The checkout's root."""
    return Path(__file__).resolve().parent.parent


def raw_upload(*files: bytes) -> bytes:
    """The bytes of a whole upload request."""
    headers, body = form(*files)
    lines = (
        "POST /image HTTP/1.1",
        "Host: x",
        f"Content-Type: {headers['Content-Type']}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body
