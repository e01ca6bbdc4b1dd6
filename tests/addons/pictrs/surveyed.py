"""A pict-rs that answers the survey's questions as one of four lines does, and a survey that asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from addons.pictrs.survey import Survey
from tests.addons.fetch.staged import Stage
from tests.http1 import Request, write_answer
from tests.recorder import Recorder

SECONDS = 20.0
LOCAL = (400, "Proxy url resolves to local address")
NOT_REACHED = (500, "Connection refused (os error 111)")
REACHED = (500, "Unable to download image, bad response 404 Not Found")


def says(status: int, msg: str | None = None) -> bytes:
    """An answer with pict-rs's JSON, or an empty one."""
    return write_answer(status, b"" if msg is None else json.dumps({"msg": msg, "code": "c"}).encode())


class PictRs:
    """Answers like a line of versions; `proxied` is what it says to the probe, `asks` whether it asks back first."""

    def __init__(self, line: str, proxied: tuple[int, str] = REACHED, asks: bool = True) -> None:
        self.line = line
        self.proxied = proxied
        self.asks = asks
        self.stage = Stage()
        self.loop = asyncio.get_running_loop()

    def __call__(self, request: Request) -> bytes:
        """One answer; runs in the recorder's thread."""
        path, query = urlsplit(request.target).path, parse_qs(urlsplit(request.target).query)
        if path == "/healthz":
            return says(404 if self.line == "0.3" else 200)
        if path.startswith("/image/details/original/"):
            return says(404, "Requested a file that doesn't exist")
        if self.line in ("0.3", "0.4"):
            return says(404)
        if "proxy" in query:
            if self.asks:
                token = urlsplit(query["proxy"][0]).path.removeprefix("/v/")
                asked = asyncio.run_coroutine_threadsafe(self.stage.staging.answer(token, None), self.loop)
                asked.result(SECONDS)
            return says(*self.proxied)
        if path == "/image/original":
            return says(400, "data did not match any variant of untagged enum AliasQuery")
        return says(404, "Failed to serve original file" if self.line == "0.6" else None)


@asynccontextmanager
async def surveyed(upstream: str, stage: Stage) -> AsyncIterator[Survey]:
    """A survey that runs until the end of the `with`."""
    survey = Survey(upstream, stage.staging)
    survey.start()
    try:
        yield survey
    finally:
        await survey.close()


async def until(true: Callable[[], object]) -> None:
    """Wait for what the survey brings about."""
    async with asyncio.timeout(SECONDS):
        while not true():  # noqa: ASYNC110 -- what it waits for happens in other threads, too
            await asyncio.sleep(0.005)


def rounds(recorder: Recorder) -> int:
    """How often it looked."""
    return sum(request.target == "/healthz" for request in recorder.requests)


async def another_look(recorder: Recorder) -> None:
    """Wait until a whole look has begun and ended."""
    before = rounds(recorder)
    await until(lambda: rounds(recorder) >= before + 2)
