"""Seconds: the deadline, the seconds without a byte, and what is left behind when they end a fetch."""

from __future__ import annotations

import asyncio
import time

import pytest

from addons.fetch.errors import FetchTimeout
from tests.addons.fetch.fetching import IDLE_SECONDS, LONG, fetch, fetcher
from tests.addons.fetch.sites import CHUNKED, PUBLIC, Names, Script, Site, drip, hold, listen, ok, redirect, serve

STALLS: dict[str, Script] = {
    "before the headers": hold(),
    "in the headers": hold(b"HTTP/1.1 200 OK\r\nContent-"),
    "before the body": hold(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    "in the body": hold(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npicture"),
    "between chunks": hold(CHUNKED + b"3\r\npic\r\n"),
    "in a chunk extension": hold(CHUNKED + b"3;a="),
    "in the trailers": hold(CHUNKED + b"3\r\npic\r\n0\r\nA: "),
    "until the end that never comes": hold(b"HTTP/1.1 200 OK\r\n\r\npicture"),
}


@pytest.mark.parametrize("script", STALLS.values(), ids=STALLS)
async def test_seconds_without_a_byte(script: Script) -> None:
    async with serve(script) as site:
        with pytest.raises(FetchTimeout, match="no byte for too long"):
            await fetch(site.url, site, idle_seconds=IDLE_SECONDS)
        await site.left.wait()
        assert site.connects == 1


async def test_a_tls_handshake_that_stalls() -> None:
    async def nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    site = Site(hold())
    async with listen(nothing, PUBLIC) as site.port:
        with pytest.raises(FetchTimeout, match="no connection in time"):
            await fetch(f"https://{PUBLIC}:{site.port}/", site, idle_seconds=IDLE_SECONDS)


DRIPS: dict[str, Script] = {
    "empty lines": drip(b"", b"\r\n"),
    "status line": drip(b"HTTP/1.1 200 ", b"x"),
    # aiohttp counts no idle seconds from an interim answer to the next byte, so the deadline has to do
    "nothing after an interim answer": hold(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "interim answers": drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "header": drip(b"HTTP/1.1 200 OK\r\nA: ", b"x"),
    "headers": drip(b"HTTP/1.1 200 OK\r\n", b"A: x\r\n"),
    "body": drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": drip(CHUNKED, b"1\r\nx\r\n"),
    "chunk extension": drip(CHUNKED + b"1;", b"x"),
    "trailer": drip(CHUNKED + b"1\r\nx\r\n0\r\nA: ", b"x"),
}


@pytest.mark.parametrize("script", DRIPS.values(), ids=DRIPS)
async def test_a_drip_ends_at_the_deadline(script: Script) -> None:
    async with serve(script) as site:
        with pytest.raises(FetchTimeout, match="the deadline passed"):
            await fetch(site.url, site, seconds=1.0)
        await site.left.wait()
        assert site.connects == 1


async def test_redirects_share_one_deadline() -> None:
    async def late(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(redirect("/") if site.connects < 4 else ok(b"picture"))

    async with serve(late) as site:
        with pytest.raises(FetchTimeout):
            await fetch(site.url, site, seconds=0.5)


async def test_a_deadline_that_has_passed_asks_nobody() -> None:
    names = Names({"site.example": [[PUBLIC]]})
    async with serve(ok(b"picture")) as site:
        with pytest.raises(FetchTimeout, match="no time left"):
            await fetch(f"http://site.example:{site.port}/", site, resolver=names, seconds=0)
        assert (names.asked, site.connects) == ([], 0)


@pytest.mark.parametrize("script", STALLS.values(), ids=STALLS)
async def test_cancelling_closes_the_connection(script: Script) -> None:
    async with serve(script) as site, fetcher(site) as made:
        task = asyncio.create_task(made.fetch(site.url, time.monotonic() + LONG))
        async with asyncio.timeout(LONG):
            await site.asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await site.left.wait()
