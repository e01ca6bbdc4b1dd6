"""A staging whose fetches end when a test says so, and with what it says."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from addons.admission import Admission
from addons.fetch.reading import NotModified
from addons.fetch.remote import Validators
from addons.fetch.retrieval import Retrieval, Retrieved
from addons.fetch.seal import Seal
from addons.fetch.staging import Outcome, Staging
from addons.inspection import Passed, Source
from addons.pictrs.answers import Answer
from model.errors import Cause
from model.verdict import Outcome as Judged
from model.verdict import Verdict

MIB = 1024 * 1024
SEAL = Seal(bytes(range(32)))
BASE = "http://filter.test:8082"
URL = "http://h/a.png"
OTHER_URL = "http://h/b.png"
ORIGIN = Validators('"v1"', "Mon, 01 Jan 2024 00:00:00 GMT")
NO_VALIDATORS = Validators()
SECONDS = 5.0
LONG = 1000.0
HANGS_SECONDS = 30.0
"""For what takes no time when all is well."""
PLACES = 4
FETCH_PLACES = 3
"""What admission.FETCH_SHARE leaves of them."""

Result = Retrieved | NotModified | Answer


def picture(data: bytes = b"picture", origin: Validators = ORIGIN, cause: Cause | None = None) -> Retrieved:
    """A remote picture that passed; with a cause, because the operator lets that pass."""
    sha256 = hashlib.sha256(data).hexdigest()
    verdict = Verdict(Judged.PASS, Judged.PASS, None, cause, sha256, len(data), "jpeg", "image/jpeg")
    return Retrieved(Passed(data, verdict), origin)


@dataclass(eq=False)
class Fetch:
    """One call of the retrieval."""

    url: str
    deadline: float
    hold: Callable[[int], bool]
    known: Validators | None
    end: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SlowRetrieval(Retrieval):
    """Notes what is asked. Each fetch ends when its `end` is set; at once with `result`, where that is set."""

    def __init__(self) -> None:
        self.fetches: list[Fetch] = []
        self.result: Result | None = None

    @property
    def open(self) -> list[Fetch]:
        """Those that have not ended."""
        return [fetch for fetch in self.fetches if not fetch.end.done()]

    async def retrieve(
        self,
        source: Source,
        url: str,
        deadline: float,
        hold: Callable[[int], bool],
        known: Validators | None = None,
    ) -> Result:
        assert source == "proxy"
        fetch = Fetch(url, deadline, hold, known)
        self.fetches.append(fetch)
        if self.result is not None:
            fetch.end.set_result(self.result)
        return await fetch.end


class Stage:
    """A staging with what is behind it."""

    def __init__(self, judging: str = "today", places: int = PLACES) -> None:
        self.retrieval = SlowRetrieval()
        self.admission = Admission(places, 8 * MIB)
        self.staging = Staging(SEAL, self.retrieval, self.admission, ports=(80, 443), judging=judging, seconds=SECONDS)
        self.staging.base = BASE
        self.token = SEAL.token(URL)

    def ask(self, url: str = URL, etag: str | None = None) -> asyncio.Task[Outcome]:
        """A callback of pict-rs's, begun."""
        return asyncio.create_task(self.staging.answer(SEAL.token(url), etag))

    async def asked(self, url: str = URL, etag: str | None = None) -> asyncio.Task[Outcome]:
        """A callback that is under way."""
        task = self.ask(url, etag)
        await settle()
        return task

    def land(self, result: Result | Exception, number: int = -1) -> None:
        """End a fetch, the last one if none is named."""
        end = self.retrieval.fetches[number].end
        if isinstance(result, Exception):
            end.set_exception(result)
        else:
            end.set_result(result)

    async def answer(self, token: str, etag: str | None = None) -> Outcome:
        """A callback from its begin to its end. Fails when that does not come."""
        async with asyncio.timeout(HANGS_SECONDS):
            return await self.staging.answer(token, etag)

    async def get(self, result: Result, url: str = URL, etag: str | None = None) -> Outcome:
        """A callback from its begin to its end, for which there is a fetch with this result."""
        self.retrieval.result = result
        try:
            return await self.answer(SEAL.token(url), etag)
        finally:
            self.retrieval.result = None

    @property
    def taken(self) -> int:
        """Places in use."""
        return self.admission.requests


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def soon(seconds: float = LONG) -> float:
    """A deadline."""
    return time.monotonic() + seconds
