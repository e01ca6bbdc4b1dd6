"""The gatekeeper with everything behind it but the network and the model, and what it decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from addons.admission import Admission
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.recent import Recent
from addons.fetch.remote import Claim, FetchError, RemoteFetcher, Validators
from addons.fetch.retrieval import Retrieval
from addons.fetch.seal import Seal
from addons.fetch.shares import Shares
from addons.fetch.staging import Staging
from addons.gatekeeper import Forward, Gatekeeper
from addons.inbound import Hold, Inbound
from addons.inspection import Decision, Inspector
from addons.loop import LoopGuard
from addons.pictrs import multipart
from addons.pictrs.answers import Answer
from config.media import Limits
from config.policy import Origin
from config.settings import Settings
from model.verdict import Verdict
from tests.http1 import form
from tests.running import FakeJudge

MIB = 1024 * 1024
SETTINGS = Settings(limits=Limits(max_files=3, max_file_mib=1, max_request_mib=2), deadline_seconds=5)
SEAL = Seal(bytes(range(32)))
BASE = "http://filter.test:8082"
"""Where pict-rs would reach the filter."""


class FakeFetcher(RemoteFetcher):
    """Gives the same for every address, or raises; by address with a mapping. Nothing of the real one is at work."""

    def __init__(self, found: bytes | FetchError | NotModified | Mapping[str, bytes] = b"fetched") -> None:
        self.found = found
        self.validators = Validators()
        self.asked: list[tuple[str, float]] = []
        self.known: list[Validators | None] = []
        self.held: list[bool] = []

    async def fetch(
        self,
        url: str,
        deadline: float,
        *,
        known: Validators | None = None,
        hold: Hold | None = None,
        claim: Claim | None = None,
    ) -> Fetched | NotModified:
        self.asked.append((url, deadline))
        self.known.append(known)
        found = self.found[url] if isinstance(self.found, Mapping) else self.found
        if isinstance(found, FetchError):
            raise found
        if isinstance(found, NotModified):
            return found
        self.held.append(hold is not None and hold(len(found)))
        return Fetched(found, self.validators)


class SetJudge(FakeJudge):
    """Gives one verdict, with some fields changed, and notes the deadlines."""

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.deadlines: list[float] = []
        self.fields = fields

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        self.deadlines.append(deadline)
        return replace(await super().judge(data, deadline), **self.fields)


class Desk:
    """A gatekeeper with a fake judge and a fake fetcher."""

    def __init__(
        self,
        judge: FakeJudge | None = None,
        found: bytes | FetchError = b"fetched",
        settings: Settings = SETTINGS,
        fetcher: RemoteFetcher | None = None,
    ) -> None:
        self.decisions: list[Decision] = []
        self.fetcher = FakeFetcher(found)
        self.inspector = Inspector(self.decisions.append)
        self.judge = self.inspector.judge = judge or FakeJudge()
        self.recent = Recent(entries=100, refused_seconds=300, failed_seconds=60)
        self.retrieval = Retrieval(fetcher or self.fetcher, self.recent, self.inspector, Shares(4, 4 * MIB))
        self.admission = Admission(4, 4 * MIB)
        self.staging = Staging(SEAL, self.retrieval, self.admission, ports=settings.fetch.ports, judging="j", seconds=5)
        self.staging.base = BASE
        self.gatekeeper = Gatekeeper(settings, self.inspector, self.retrieval, self.staging, LoopGuard(SEAL.instance))

    async def ask(self, method: str, target: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> Forward | Answer:
        """One request, through both of the gatekeeper's looks at it."""
        inbound = Inbound(method.encode(), target.encode(), headers, body)
        found = self.gatekeeper.screen(inbound.method, inbound.target, inbound.headers)
        return found if isinstance(found, Answer) else await self.gatekeeper.decide(found, inbound, lambda _: True)

    async def upload(
        self, *files: bytes, target: str = "/image", filename: str = "picture", headers: tuple[Any, ...] = ()
    ) -> Forward | Answer:
        """An upload of files, all under one name."""
        own, body = form(*files, filename=filename)
        return await self.ask("POST", target, (b"Content-Type", own["Content-Type"].encode()), *headers, body=body)

    async def download(self, url: str = "http%3A%2F%2Fexample.org%2Fa.png") -> Forward | Answer:
        """A download of an address, escaped as it is to stand in the query."""
        return await self.ask("GET", f"/image/download?url={url}")


def parts(forward: Forward | Answer) -> list[multipart.Part]:
    """The parts of a request for pict-rs, read as strictly as ours are; and its length, which must be true."""
    assert isinstance(forward, Forward)
    headers = dict(forward.headers)
    assert headers[b"Content-Length"] == str(len(forward.body)).encode()
    return list(multipart.parse([headers[b"Content-Type"]], forward.body, max_files=9, max_file_bytes=4 * MIB))


def sent(forward: Forward | Answer) -> list[bytes]:
    """The files in a request for pict-rs."""
    return [part.data for part in parts(forward)]


def status_of(answer: Forward | Answer) -> int:
    """The status of what must be an answer."""
    assert isinstance(answer, Answer)
    return answer.status
