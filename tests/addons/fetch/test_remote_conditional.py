"""Asking whether a picture is still the one that was judged."""

from __future__ import annotations

import time

import pytest

from addons.fetch.errors import FetchFailed, FetchForbidden
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.remote import Validators
from tests.addons.fetch.fetching import LONG, ask, fetcher
from tests.addons.fetch.sites import PRIVATE, endless, hold, ok, redirect, serve

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
KNOWN = Validators('W/"a"', DATE)
CONDITIONS = b'If-None-Match: W/"a"\r\nIf-Modified-Since: %s\r\n' % DATE.encode()
SAME = b"HTTP/1.1 304 Not Modified\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "validators"),
    [
        ([], Validators()),
        ([b'ETag: "a"'], Validators('"a"')),
        ([b'etag:  W/"a" ', b"last-modified: " + DATE.encode()], Validators('W/"a"', DATE)),
        ([b'ETag: "a"', b'ETag: "b"'], Validators()),
        ([b'ETag: "\xe9"', b"Last-Modified: now"], Validators()),
    ],
)
async def test_the_validators_of_an_answer(headers: list[bytes], validators: Validators) -> None:
    async with serve(ok(b"picture", *headers)) as site:
        assert await ask(site.url, site) == Fetched(b"picture", validators)
        assert b"If-" not in site.requests[0]


async def test_a_conditional_request() -> None:
    async with serve(SAME) as site:
        assert await ask(site.url, site, known=KNOWN) == NotModified()
    assert site.requests == [
        b"GET /picture.jpg HTTP/1.1\r\n"
        b"Host: 127.0.0.2:%d\r\n"
        b"Accept: image/*,video/*;q=0.8\r\n"
        b"Accept-Encoding: identity\r\n"
        b"User-Agent: pictrs-filter (+https://github.com/pictrs-filter/pictrs-filter)\r\n"
        b"%sConnection: close\r\n\r\n" % (site.port, CONDITIONS)
    ]


@pytest.mark.parametrize(
    ("known", "line"),
    [(Validators(etag='"a"'), b'If-None-Match: "a"'), (Validators(last_modified=DATE), b"If-Modified-Since: Sun, 06")],
)
async def test_one_validator_is_enough(known: Validators, line: bytes) -> None:
    async with serve(SAME) as site:
        assert await ask(site.url, site, known=known) == NotModified()
        assert site.requests[0].count(b"\r\nIf-") == site.requests[0].count(b"\r\n" + line) == 1


@pytest.mark.parametrize("known", [None, Validators()], ids=["nothing", "no validator"])
async def test_not_modified_is_no_answer_to_a_request_without_condition(known: Validators | None) -> None:
    async with serve(SAME) as site:
        with pytest.raises(FetchFailed) as caught:
            await ask(site.url, site, known=known)
        assert caught.value.public == "The address answered 304 instead of 200."
        assert b"If-" not in site.requests[0]


async def test_a_changed_picture_comes_with_its_new_validators() -> None:
    async with serve(ok(b"another", b'ETag: "b"')) as site:
        assert await ask(site.url, site, known=KNOWN) == Fetched(b"another", Validators('"b"'))


async def test_each_hop_is_asked_conditionally() -> None:
    async with serve(SAME) as there, serve(redirect(there.url)) as here:
        assert await ask(here.url, here, there, known=KNOWN) == NotModified()
        for site in (here, there):
            assert CONDITIONS in site.requests[0]
            assert site.connects == 1


async def test_a_redirect_inside_is_refused_all_the_same() -> None:
    async with serve(SAME, PRIVATE) as inside, serve(redirect(inside.url)) as site:
        with pytest.raises(FetchForbidden):
            await ask(site.url, site, inside, known=KNOWN)
        assert inside.connects == 0


async def test_nothing_is_remembered_from_one_fetch_to_the_next() -> None:
    async with serve(ok(b"picture", b'ETag: "a"')) as site, fetcher(site) as made:
        await made.fetch(site.url, time.monotonic() + LONG, known=KNOWN)
        await made.fetch(site.url, time.monotonic() + LONG)
        assert [CONDITIONS in request for request in site.requests] == [True, False]
        assert b"If-" not in site.requests[1]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10000000000\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Encoding: gzip\r\n\r\n",
    ],
)
async def test_not_modified_has_no_body(head: bytes) -> None:
    async with serve(hold(head)) as site:
        assert await ask(site.url, site, known=KNOWN) == NotModified()
        await site.left.wait()


async def test_a_body_after_not_modified_is_not_read() -> None:
    head = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10000000000\r\n\r\n"
    async with serve(endless(head, b"x" * 10_000)) as site:
        with pytest.raises(FetchFailed):
            await ask(site.url, site, known=KNOWN)
        await site.left.wait()
