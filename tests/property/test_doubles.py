"""The property can fail: each double is a filter as one would write it carelessly, and a run of the usual length tells.

Nothing is aimed at them: they get the same requests as the real one, and fewer of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy.layers.http import _http1

from addons import gatekeeper
from addons.admission import Slot
from addons.callback import Call, Callback, Reply
from addons.cases import Case
from addons.fetch.reading import NotModified
from addons.fetch.retrieval import Retrieval, Retrieved
from addons.gatekeeper import Forward, Gatekeeper
from addons.inbound import Hold, Inbound
from addons.inspection import Inspector, Passed, Source
from addons.intercept import Intercept
from addons.pictrs import multipart, routes
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Match
from addons.upstream import Upstream
from model.verdict import Outcome, Verdict
from tests.property.harness import Harness, Violation, hunt
from tests.property.test_property import REQUESTS, SEED

Double = AbstractContextManager[Any]


def unjudged(data: bytes) -> Passed:
    """As if it had passed."""
    sha256 = hashlib.sha256(data).hexdigest()
    return Passed(data, Verdict(Outcome.PASS, Outcome.PASS, None, None, sha256, len(data), "png", "image/png"))


def the_clients_own_body() -> Double:
    """Judges every file, and then sends the body on as it came."""

    async def send(
        self: Gatekeeper, found: Match, inbound: Inbound, passed: Sequence[Passed], names: Sequence[str] | None = None
    ) -> Forward:
        headers = (
            *self._headers(found, inbound),
            (b"Content-Type", b", ".join(inbound.all(b"content-type"))),
            (b"Content-Length", b"%d" % len(inbound.body)),
        )
        return Forward("POST", found.target(), headers, inbound.body)

    return patch.object(Gatekeeper, "_send", send)


def the_clients_own_file_names() -> Double:
    """Writes a new body, but with the part headers of the old one."""
    serialise = multipart.serialise

    def copying(parts: Sequence[multipart.Part]) -> tuple[str, bytes]:
        content_type, body = serialise(parts)
        return content_type, body.replace(b'filename="upload"', b'filename="a b (1).png"')

    return patch.object(multipart, "serialise", copying)


def the_clients_own_target() -> Double:
    """Matches what it read, and sends on what it was sent."""
    match = routes.match

    def raw(method: bytes, target: bytes, internal_api: Sequence[str]) -> Match:
        found = match(method, target, internal_api)
        object.__setattr__(found, "target", lambda staged=None: target.decode("ascii"))
        return found

    return patch.object(routes, "match", raw)


def the_remote_address() -> Double:
    """Lets pict-rs fetch by itself."""
    target = Match.target

    def named(self: Match, staged: str | None = None) -> str:
        found = target(self, staged)
        return found if staged is None else found.replace(quote(staged, safe=""), quote(self.proxy or "", safe=""))

    return patch.object(Match, "target", named)


def the_clients_own_headers() -> Double:
    """Changes what is wrong in the client's request, and sends the rest of it on."""
    send_on = Intercept._send_on

    def mutating(self: Intercept, flow: HTTPFlow, case: Case, forward: Forward) -> None:
        headers = flow.request.headers.copy()
        send_on(self, flow, case, forward)
        for name, value in flow.request.headers.items():
            headers[name] = value
        flow.request.headers = headers

    return patch.object(Intercept, "_send_on", mutating)


def one_header_too_many() -> Double:
    """Lets cookies through."""
    return patch.object(gatekeeper, "PASSED_HEADERS", gatekeeper.PASSED_HEADERS | {b"cookie"})


def every_second_file() -> Double:
    """Judges a file, and not the one after it."""
    inspect = Inspector.inspect
    turn = iter(range(1_000_000))

    async def careless(self: Inspector, source: Source, data: bytes, *rest: Any) -> Passed | Answer:
        return unjudged(data) if next(turn) % 2 else await inspect(self, source, data, *rest)

    return patch.object(Inspector, "inspect", careless)


def what_follows_a_still() -> Double:
    """Sends on all that came, although the judge looked at less."""
    inspect = Inspector.inspect

    async def whole(self: Inspector, source: Source, data: bytes, *rest: Any) -> Passed | Answer:
        found = await inspect(self, source, data, *rest)
        return Passed(data, found.verdict) if isinstance(found, Passed) else found

    return patch.object(Inspector, "inspect", whole)


def staged_without_a_look() -> Double:
    """Hands pict-rs what lies at an address."""
    retrieve = Retrieval.retrieve

    async def fetched(
        self: Retrieval, source: Source, url: str, deadline: float, hold: Hold, known: Any = None
    ) -> Retrieved | NotModified | Answer:
        if source != "proxy":
            return await retrieve(self, source, url, deadline, hold, known)
        with contextlib.suppress(Exception):
            found = await self._fetcher.fetch(url, deadline, known=known, hold=hold)
            return found if isinstance(found, NotModified) else Retrieved(unjudged(found.data), found.validators)
        return await retrieve(self, source, url, deadline, hold, known)

    return patch.object(Retrieval, "retrieve", fetched)


def unchanged_to_whoever_asks() -> Double:
    """Takes any ETag for its own, and what was there for what is there."""
    decide = Callback.decide

    async def keep(self: Callback, found: Call, inbound: Inbound, hold: Hold) -> Reply | Answer:
        return Reply(304, (), b"") if inbound.all(b"if-none-match") else await decide(self, found, inbound, hold)

    return patch.object(Callback, "decide", keep)


def every_header_of_pict_rs() -> Double:
    """Lets answers through as they come."""

    def untouched(self: Upstream, response: Response, case: Case) -> None:
        response.stream = True

    return patch.object(Upstream, "pass_back", untouched)


def no_answer() -> Double:
    """Waits for what never comes."""
    decide = Gatekeeper.decide

    async def waiting(self: Gatekeeper, found: Match, inbound: Inbound, hold: Hold) -> Forward | Reply | Answer:
        if found.method == "DELETE":
            await asyncio.Event().wait()
        return await decide(self, found, inbound, hold)

    return patch.multiple(Gatekeeper, decide=waiting, at_once=lambda *_: None)


def no_word() -> Double:
    """Hangs up instead of answering."""
    request = Intercept.request

    def silent(self: Intercept, flow: HTTPFlow) -> Awaitable[None] | None:
        if flow.request.method != "DELETE":
            return request(self, flow)
        flow.kill()
        return None

    return patch.object(Intercept, "request", silent)


def no_json() -> Double:
    """Speaks HTML where a request is broken."""
    page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
    return patch.object(_http1, "make_error_response", lambda *_: page)


def no_leaving() -> Double:
    """Keeps a place for each upload for ever."""
    return patch.object(Slot, "leave", lambda _: None)


def a_fault() -> Double:
    """Stumbles over what a client says, though nothing gets through for it."""
    headers = Gatekeeper._headers

    def stumbling(self: Gatekeeper, found: Match, inbound: Inbound) -> tuple[tuple[bytes, bytes], ...]:
        for _, value in inbound.headers:
            value.decode("ascii")
        return headers(self, found, inbound)

    return patch.object(Gatekeeper, "_headers", stumbling)


UNJUDGED = "(a file that was|staged bytes that were) not judged"
"""Whichever comes first: the requests of a batch are sent side by side."""

DOUBLES = {
    the_clients_own_body: "the type ",
    the_clients_own_file_names: "not a form as it is written",
    the_clients_own_target: "is not canonical",
    the_remote_address: "an address that is not staged",
    the_clients_own_headers: "the field ",
    one_header_too_many: "the field cookie",
    every_second_file: UNJUDGED,
    what_follows_a_still: UNJUDGED,
    staged_without_a_look: "staged bytes that were not judged",
    unchanged_to_whoever_asks: "a 304 for a picture that has changed",
    every_header_of_pict_rs: "an answer with the field server",
    no_answer: "nobody hangs up",
    no_word: "whole requests without an answer",
    no_json: "neither ours nor pict-rs's",
    no_leaving: "left behind",
    a_fault: "refused after an error of ours",
}


@pytest.mark.parametrize("double", DOUBLES, ids=lambda double: double.__name__)
def test_a_careless_filter_is_caught(double: Any) -> None:
    with pytest.raises(Violation, match=DOUBLES[double]), Harness(hang_seconds=1.0) as harness, double():
        hunt(harness, Random(SEED), REQUESTS)
