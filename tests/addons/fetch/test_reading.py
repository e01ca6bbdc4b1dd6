"""Which answers are a picture, and which are not."""

from __future__ import annotations

import gzip

import pytest

from addons.fetch.errors import FetchFailed
from addons.fetch.remote import MAX_HEADER_BYTES, MAX_HEADERS
from tests.addons.fetch.fetching import MAX_BYTES, fetch
from tests.addons.fetch.sites import CHUNKED, PUBLIC, Script, hold, in_turn, ok, redirect, reset, send, serve

ANSWERS: dict[str, tuple[Script | bytes, bytes]] = {
    "content-length": (ok(b"picture"), b"picture"),
    "in pieces": (send(b"HTTP/1.1 200 OK\r\nContent-", b"Length: 7\r\n\r\npic", b"ture"), b"picture"),
    "chunked": (CHUNKED + b"3\r\npic\r\n4;x=y\r\nture\r\n0\r\nTrailer: x\r\n\r\n", b"picture"),
    "chunked, shouted": (CHUNKED.replace(b"chunked", b"Chunked") + b"7\r\npicture\r\n0\r\n\r\n", b"picture"),
    "until the end": (b"HTTP/1.0 200 OK\r\n\r\npicture", b"picture"),
    "not closed by the site": (hold(ok(b"picture")), b"picture"),
    "not compressed": (ok(b"picture", b"Content-Encoding: Identity"), b"picture"),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"picture"), b"picture"),
    "early hints, three times": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3 + ok(b"picture"), b"picture"),
    "any content type": (ok(b"picture", b"Content-Type: text/html"), b"picture"),
    "no content type that exists": (ok(b"picture", b"Content-Type: \xff", b"Content-Type: x"), b"picture"),
    "a type that says it is compressed": (ok(b"picture", b"Content-Type: application/gzip"), b"picture"),
    "as many bytes as allowed": (ok(b"x" * MAX_BYTES), b"x" * MAX_BYTES),
    "as many, chunked": (CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (MAX_BYTES, b"x" * MAX_BYTES), b"x" * MAX_BYTES),
    "longest header": (ok(b"picture", b"A: " + b"x" * MAX_HEADER_BYTES), b"picture"),
    "most headers": (ok(b"picture", *[b"A: x"] * (MAX_HEADERS - 1)), b"picture"),
}


@pytest.mark.parametrize(("script", "body"), ANSWERS.values(), ids=ANSWERS)
async def test_a_picture(script: Script | bytes, body: bytes) -> None:
    async with serve(script) as site:
        assert await fetch(site.url, site) == body


def status(line: bytes) -> bytes:
    return ok(b"picture").replace(b"200 OK", line)


BROKEN: dict[str, Script | bytes] = {
    "201": status(b"201 Created"),
    "100 and then nothing": b"HTTP/1.1 100 Continue\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "206": status(b"206 Partial Content"),
    "300": status(b"300 Multiple Choices"),
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "305": redirect("/", 305),
    "401": status(b"401 Unauthorized"),
    "404": status(b"404 Not Found"),
    "407": status(b"407 Proxy Authentication Required"),
    "500": status(b"500 Internal Server Error"),
    "101": hold(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"),
    "redirect to nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "redirect to two places": b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "redirect with a NUL": redirect(b"/\0"),
    "empty": ok(b""),
    "empty until the end": b"HTTP/1.1 200 OK\r\n\r\n",
    "empty chunked": CHUNKED + b"0\r\n\r\n",
    "gzip": ok(gzip.compress(b"picture"), b"Content-Encoding: gzip"),
    "gzip bomb": ok(gzip.compress(bytes(10_000_000)), b"Content-Encoding: gzip"),
    "brotli": ok(b"picture", b"Content-Encoding: br"),
    "unknown coding": ok(b"picture", b"Content-Encoding: x"),
    "gzip, second header": ok(b"picture", b"Content-Encoding: identity", b"Content-Encoding: gzip"),
    "gzip as transfer coding": CHUNKED.replace(b"chunked", b"gzip, chunked") + b"3\r\nabc\r\n0\r\n\r\n",
    "unknown transfer coding": CHUNKED.replace(b"chunked", b"x") + b"3\r\nabc\r\n0\r\n\r\n",
    "all lengths but the right one": b"HTTP/1.1 200 OK\r\nContent-Length: 7, 3\r\n\r\npicture",
    "shorter than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npicture",
    "longer than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npicture",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 3\r\n\r\npicture",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\npicture",
    "endless length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\npicture",
    "length and chunks": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n") + b"3\r\npic\r\n0\r\n\r\n",
    "chunks end early": CHUNKED + b"3\r\npic\r\n",
    "chunk ends early": CHUNKED + b"8\r\npic",
    "chunks break": hold(CHUNKED + b"3\r\npic\r\nzz\r\n"),
    "chunk longer than it says": hold(CHUNKED + b"3\r\npicture\r\n0\r\n\r\n"),
    "closed at once": b"",
    "closed in the headers": b"HTTP/1.1 200 OK\r\nContent-",
    "reset at once": reset(),
    "reset in the body": reset(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npicture"),
    "reset in a chunk": reset(CHUNKED + b"3\r\npic\r\n"),
    "not HTTP": hold(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "HTML alone": hold(b"<html>\r\n\r\n"),
    "header too long": hold(ok(b"picture", b"A: " + b"x" * (MAX_HEADER_BYTES + 1))),
    "too many headers": hold(ok(b"picture", *[b"A: x"] * MAX_HEADERS)),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
async def test_no_picture(script: Script | bytes) -> None:
    async with serve(script) as site:
        with pytest.raises(FetchFailed) as caught:
            await fetch(site.url, site)
        assert site.connects == 1
    assert caught.value.code == "download-file-error"
    assert PUBLIC not in caught.value.public


async def test_nobody_listens() -> None:
    async with serve(b"") as site:
        pass
    with pytest.raises(FetchFailed) as caught:
        await fetch(site.url, site)
    assert PUBLIC not in caught.value.public


async def test_each_fetch_sees_the_bytes_of_its_own_time() -> None:
    """A remote that shows one picture to the judge and another to the next reader: there is no next reader."""
    async with serve(in_turn(ok(b"picture"), ok(b"another"))) as site:
        assert [await fetch(site.url, site) for _ in range(2)] == [b"picture", b"another"]
        assert len(site.requests) == 2
