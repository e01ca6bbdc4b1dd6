"""What is done with one request: an answer of ours, or a newly built request for pict-rs. Knows no mitmproxy.

Rules this file keeps: nothing of the client's request goes on but what a table names. A request for pict-rs is built
from the route's canonical target, a short list of headers, and, where files are sent, a fresh body of exactly the bytes
that were judged and passed. Every path that does not end in such a request ends in an answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from addons.fetch.remote import FetchError, RemoteFetcher
from addons.pictrs import answers, multipart, routes
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Kind, Match
from config.settings import Settings
from model.verdict import Outcome, Verdict

T = TypeVar("T")
Source = Literal["upload", "fetch"]
Headers = Sequence[tuple[bytes, bytes]]

PASSED_HEADERS = frozenset(
    {b"accept", b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"}
)
"""Request headers that go on to pict-rs, lower case. Not among them: cookies and authorization (Lemmy forwards the
user's), x-forwarded-*, Expect, Upgrade and everything else that changes how the next reader sees a connection."""
_HEADER_VALUE = frozenset(range(0x20, 0x7F)) | {0x09}

OFF_LOOP_BYTES = 256 * 1024
"""From this size on, reading and writing of a body run in a thread, so that the event loop serves views meanwhile."""

log = logging.getLogger("pictrs_filter")


class Judging(Protocol):
    """What the gatekeeper needs of model.judge.Judge."""

    @property
    def device(self) -> str:
        """Where the model runs, for people."""
        ...

    async def judge(self, data: bytes, deadline: float) -> Verdict:
        """Judge one file; `deadline` is an absolute `time.monotonic()` second."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


@dataclass(frozen=True)
class Inbound:
    """A request as it came in: raw method and target, raw header fields in order, the body without its framing."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order; `name` in lower case."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True)
class Forward:
    """A newly built request for pict-rs. `headers` are complete but for Host."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True)
class Decision:
    """One verdict with where its file came from: what the log, the demo's table and the tests see."""

    ref: str
    source: Source
    verdict: Verdict
    ms: float


class Gatekeeper:
    """Decides on requests. `judge` is None until the model is warm; until then nothing that brings media in passes."""

    def __init__(
        self, settings: Settings, fetcher: RemoteFetcher, observe: Callable[[Decision], None] | None = None
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._observe = observe
        self.judge: Judging | None = None
        self.unscanned = 0

    def screen(self, method: bytes, target: bytes, headers: Headers) -> Match | Answer:
        """Decide on a request's head alone: its row in the table, or the answer that ends it before a body is read."""
        try:
            found = routes.match(method, target)
        except routes.RouteError as error:
            return answers.no_route(error.status, error.reason)
        inbound = Inbound(method, target, headers, b"")
        if inbound.all(b"content-encoding"):
            return answers.bad_request("a body with a Content-Encoding", 415)
        if found.route.kind in (Kind.UPLOAD, Kind.DOWNLOAD) and self.judge is None:
            return answers.STARTING
        if found.target == "/healthz" and self.judge is None:
            return answers.STARTING
        return found

    def body_limit(self, found: Match) -> int:
        """How many bytes of body a request may have: none but for uploads."""
        return self._settings.limits.max_request_bytes if found.route.kind is Kind.UPLOAD else 0

    async def decide(self, found: Match, inbound: Inbound) -> Forward | Answer:
        """Decide on a whole request. One deadline, from now, covers fetching and judging of all its files."""
        if found.route.kind is Kind.UPLOAD:
            return await self._upload(found, inbound)
        if found.route.kind is Kind.DOWNLOAD:
            return await self._download(found, inbound)
        return Forward(found.method, found.target, _passed_headers(inbound), b"")

    async def _upload(self, found: Match, inbound: Inbound) -> Forward | Answer:
        deadline = time.monotonic() + self._settings.deadline_seconds
        limits = self._settings.limits
        try:
            parts = await _off_loop(
                len(inbound.body),
                lambda: multipart.parse(
                    inbound.all(b"content-type"),
                    inbound.body,
                    max_files=limits.max_files,
                    max_file_bytes=limits.max_file_bytes,
                ),
            )
        except multipart.MultipartError as error:
            return answers.bad_request(error.message, error.status)
        return await self._judge_and_send(found, inbound, "upload", [part.data for part in parts], deadline)

    async def _download(self, found: Match, inbound: Inbound) -> Forward | Answer:
        deadline = time.monotonic() + self._settings.deadline_seconds
        try:
            data = await self._fetcher.fetch(found.query["url"], deadline)
        except FetchError as error:
            log.info("fetch failed: %s", error)
            return answers.not_fetched(error.public)
        return await self._judge_and_send(found, inbound, "fetch", [data], deadline)

    async def _judge_and_send(
        self, found: Match, inbound: Inbound, source: Source, files: Sequence[bytes], deadline: float
    ) -> Forward | Answer:
        judge = self.judge
        if judge is None:
            return answers.STARTING
        passed: list[multipart.Part] = []
        for data in files:
            started = time.monotonic()
            verdict = await judge.judge(data, deadline)
            ref = secrets.token_hex(4)
            self._report(Decision(ref, source, verdict, round((time.monotonic() - started) * 1000, 1)))
            refusal = _refusal(verdict, ref)
            if refusal is not None:
                return refusal
            if not 0 < verdict.size <= len(data):
                raise ValueError(f"a verdict on {verdict.size} bytes of {len(data)}")
            judged = data[: verdict.size]  # what stands behind the end of a still was not judged
            passed.append(multipart.Part(filename="upload", content_type=verdict.mime, data=judged))
        content_type, body = await _off_loop(sum(map(len, files)), lambda: multipart.serialise(passed))
        headers = (
            *_passed_headers(inbound),
            (b"Content-Type", content_type.encode("ascii")),
            (b"Content-Length", str(len(body)).encode()),
        )
        return Forward("POST", found.target, headers, body)

    def _report(self, decision: Decision) -> None:
        verdict = decision.verdict
        if verdict.unscanned:
            self.unscanned += 1
            log.warning("ref=%s passed without a verdict (%s); %d so far", decision.ref, verdict.cause, self.unscanned)
        log.info(
            "ref=%s source=%s outcome=%s%s rule=%s type=%s bytes=%d views=%d%s ms=%s%s",
            decision.ref,
            decision.source,
            verdict.outcome,
            "" if verdict.outcome is verdict.strict else f" (would be {verdict.strict})",
            verdict.rule or "-",
            verdict.media or "-",
            verdict.size,
            verdict.views,
            "".join(f" {name}={score:.3f}" for name, score in verdict.scores.items()),
            decision.ms,
            f" ({verdict.detail})" if verdict.detail else "",
        )
        if self._observe is not None:
            self._observe(decision)


def _refusal(verdict: Verdict, ref: str) -> Answer | None:
    """The answer for a verdict, or None when the file may go on. Whatever is not plainly PASS does not."""
    if verdict.outcome is Outcome.PASS:
        return None
    if verdict.outcome is Outcome.REJECT and verdict.cause is None:
        return answers.rejected(ref)
    if verdict.outcome is Outcome.REJECT and verdict.cause is not None and verdict.cause in answers.UNUSABLE:
        return answers.unusable(verdict.cause, ref)
    return answers.unavailable(ref)


def _passed_headers(inbound: Inbound) -> tuple[tuple[bytes, bytes], ...]:
    kept = {}
    for name, value in inbound.headers:
        if name.lower() in PASSED_HEADERS and name.lower() not in kept and _HEADER_VALUE.issuperset(value):
            kept[name.lower()] = value
    return tuple(kept.items())


async def _off_loop(size: int, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if size >= OFF_LOOP_BYTES else work()
