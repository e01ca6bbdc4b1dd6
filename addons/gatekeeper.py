"""What is done with one client's request: an answer of ours, or a newly built request for pict-rs. Knows no mitmproxy.

Rules this file keeps: nothing of the client's request goes on but what a table names. A request for pict-rs is built
from the route's canonical target, a short list of headers, and, where files are sent, a fresh body of exactly the bytes
that were judged and passed. Every path that does not end in such a request ends in an answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from addons.admission import FETCH_SHARE
from addons.fetch.address import AddressError
from addons.fetch.retrieval import Retrieval, Retrieved
from addons.fetch.staging import Staging, Ticket
from addons.inbound import Headers, Hold, Inbound
from addons.inspection import Inspector, Passed, Source
from addons.loop import LOOP_HEADER, LoopGuard
from addons.pictrs import answers, multipart, placeholder, query, routes
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Body, Kind, Match
from config.settings import Settings

T = TypeVar("T")

PASSED_HEADERS = frozenset(
    {b"accept", b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"}
)
"""Request headers that go on to pict-rs, lower case. Not among them: cookies and authorization (Lemmy forwards the
user's), x-forwarded-*, Expect, Upgrade and everything else that changes how the next reader sees a connection."""
API_TOKEN = b"x-api-token"
"""pict-rs's API key. It goes on with internal routes and no others."""
_HEADER_VALUE = frozenset(range(0x20, 0x7F)) | {0x09}

MEDIA = frozenset({Kind.UPLOAD, Kind.IMPORT, Kind.DOWNLOAD})
"""Kinds of requests that bring media in."""

OFF_LOOP_BYTES = 256 * 1024
"""From this size on, reading and writing of a body run in a thread, so that the event loop serves views meanwhile."""


@dataclass(frozen=True)
class Forward:
    """A newly built request for pict-rs. `headers` are complete but for Host; `ticket` is that of a view by proxy."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)
    ticket: Ticket | None = None


class Gatekeeper:
    """Decides on clients' requests. Until the judge is there, nothing that brings media in passes."""

    def __init__(
        self, settings: Settings, inspector: Inspector, retrieval: Retrieval, staging: Staging, loop: LoopGuard
    ) -> None:
        self._settings = settings
        self._inspector = inspector
        self._retrieval = retrieval
        self._staging = staging
        self._loop = loop

    def screen(self, method: bytes, target: bytes, headers: Headers) -> Match | Answer:
        """Decide on a request's head alone: its row in the table, or the answer that ends it before a body is read."""
        try:
            found = routes.match(method, target, self._settings.internal_api)
        except routes.RouteError as error:
            return answers.no_route(error.status, error.reason)
        inbound = Inbound(method, target, headers, b"")
        if self._is_loop(found, inbound):
            return answers.LOOP
        if inbound.all(b"content-encoding"):
            return answers.bad_request("a body with a Content-Encoding", 415)
        # pict-rs 0.6 drops what it has when its callback fails: until there is a judge it is not made to ask.
        needs_judge = self.share(found) is not None or found.route.fetching or found.route.path == "/healthz"
        if self._inspector.judge is None and needs_judge:
            return answers.STARTING
        return found

    def _is_loop(self, found: Match, inbound: Inbound) -> bool:
        fetches = self.share(found) is not None or found.proxy is not None
        return self._loop.is_own(inbound) or (fetches and self._loop.is_own_fetch(inbound))

    def share(self, found: Match) -> float | None:
        """The share of places that it may take; None where no media come in. (Views by proxy: when pict-rs asks.)"""
        if found.route.kind is Kind.DOWNLOAD:
            return FETCH_SHARE
        return 1.0 if found.route.kind in (Kind.UPLOAD, Kind.IMPORT) else None

    def body_limit(self, found: Match) -> int:
        """How many bytes of body a request may have: none but for uploads, and the few of an alias in JSON."""
        return {
            Body.NONE: 0,
            Body.ALIAS: query.MAX_ALIAS_BODY_BYTES,
            Body.FILES: self._settings.limits.max_request_bytes,
        }[found.route.body]

    async def decide(self, found: Match, inbound: Inbound, hold: Hold) -> Forward | Answer:
        """Decide on a whole request. One deadline, from now, covers fetching and judging of all its files.

        `hold` asks for room for what is fetched. A Forward's ticket is the caller's to close.
        """
        deadline = self._deadline()
        match found.route.kind:
            case Kind.UPLOAD | Kind.IMPORT:
                return await self._upload(found, inbound, deadline)
            case Kind.DOWNLOAD:
                return await self._download(found, inbound, deadline, hold)
        return self._pass_on(found, inbound)

    def at_once(self, found: Match, inbound: Inbound) -> Forward | Answer | None:
        """Decide on a whole request that brings no media in: views, most of all. None for any other."""
        return None if found.route.kind in MEDIA else self._pass_on(found, inbound)

    def _deadline(self) -> float:
        return time.monotonic() + self._settings.deadline_seconds

    def _pass_on(self, found: Match, inbound: Inbound) -> Forward | Answer:
        if found.proxy is not None:
            return self._proxied(found, inbound, found.proxy, self._deadline())
        body = b""
        headers = self._headers(found, inbound)
        if found.route.body is Body.ALIAS:
            try:
                body = query.alias_body(inbound.body)
            except routes.RouteError as error:
                return answers.no_route(error.status, error.reason)
            headers += ((b"Content-Type", b"application/json"), (b"Content-Length", str(len(body)).encode()))
        return Forward(found.method, found.target(), headers, body)

    async def _upload(self, found: Match, inbound: Inbound, deadline: float) -> Forward | Answer:
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
        imported = found.route.kind is Kind.IMPORT
        if imported and not all(multipart.PLAIN_NAME.fullmatch(part.filename) for part in parts):
            return answers.bad_request("a file name that cannot be an alias: letters, digits, '.', '_' and '-' can")
        source: Source = "import" if imported else "upload"
        passed: list[Passed] = []
        for part in parts:
            judged = await self._inspector.inspect(source, part.data, deadline)
            if isinstance(judged, Answer):
                return judged
            passed.append(judged)
        return await self._send(found, inbound, passed, [part.filename for part in parts] if imported else None)

    async def _download(self, found: Match, inbound: Inbound, deadline: float, hold: Hold) -> Forward | Answer:
        try:
            url = self._staging.normalise(found.query["url"])
        except AddressError as error:
            return answers.not_fetched(str(error))
        retrieved = await self._retrieval.retrieve("fetch", url, deadline, hold)
        if isinstance(retrieved, Retrieved):
            return await self._send(found, inbound, [retrieved.passed])
        return retrieved if isinstance(retrieved, Answer) else answers.unavailable("-")

    def _proxied(self, found: Match, inbound: Inbound, url: str, deadline: float) -> Forward | Answer:
        """A request about a remote picture, with an address of ours instead. It is noted who may wait for a fetch."""
        as_picture = self._settings.placeholder and placeholder.is_wanted(found, inbound)
        try:
            normal = self._staging.normalise(url)
        except AddressError as error:
            refusal = answers.not_fetched(str(error))
            return placeholder.instead(refusal) if as_picture else refusal
        target, headers = found.target(self._staging.staged(normal)), self._headers(found, inbound)
        if found.route.kind is Kind.INTERNAL:
            self._staging.forget(normal)  # a purge is to be the end of it here, too
        fetches = found.route.fetching and found.method == "GET"
        ticket = self._staging.open(normal, deadline, as_picture=as_picture) if fetches else None
        return Forward(found.method, target, headers, b"", ticket)

    async def _send(
        self, found: Match, inbound: Inbound, passed: Sequence[Passed], names: Sequence[str] | None = None
    ) -> Forward:
        """A request with exactly what passed; under `names`, else under one that says nothing."""
        parts = [
            multipart.Part(names[number] if names else multipart.SAFE_FILENAME, file.mime, file.data)
            for number, file in enumerate(passed)
        ]
        size = sum(len(part.data) for part in parts)
        content_type, body = await _off_loop(size, lambda: multipart.serialise(parts))
        headers = (
            *self._headers(found, inbound),
            (b"Content-Type", content_type.encode("ascii")),
            (b"Content-Length", str(len(body)).encode()),
        )
        return Forward("POST", found.target(), headers, body)

    def _headers(self, found: Match, inbound: Inbound) -> tuple[tuple[bytes, bytes], ...]:
        allowed = PASSED_HEADERS | ({API_TOKEN} if found.route.kind in (Kind.INTERNAL, Kind.IMPORT) else set())
        kept: dict[bytes, bytes] = {}
        for name, value in inbound.headers:
            if name.lower() in allowed and name.lower() not in kept and _HEADER_VALUE.issuperset(value):
                kept[name.lower()] = value
        return (*kept.items(), (LOOP_HEADER, self._loop.mark))


async def _off_loop(size: int, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if size >= OFF_LOOP_BYTES else work()
