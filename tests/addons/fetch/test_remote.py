"""Fetching over real loopback sockets: 127.0.0.2 plays the public internet, 127.0.0.1 the inside."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from addons.fetch.remote import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    NOT_PUBLIC,
    Door,
    FetchError,
    FetchFailed,
    FetchForbidden,
    FetchTimeout,
    FetchTooLarge,
    RemoteFetcher,
    SystemResolver,
)
from config.settings import Fetch
from tests.addons.fetch.sites import (
    PRIVATE,
    PUBLIC,
    Names,
    Script,
    Site,
    endless,
    hold,
    listen,
    ok,
    redirect,
    reset,
    send,
    serve,
)

MAX_BYTES = 100_000
IDLE_SECONDS = 0.2
LONG = 30.0
"""Seconds that no test should need: a deadline that must not be what ends a fetch."""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.asynccontextmanager
async def fetcher(
    *sites: Site, resolver: AbstractResolver | None = None, idle_seconds: float = LONG, allow: Sequence[str] = (PUBLIC,)
) -> AsyncIterator[RemoteFetcher]:
    """A fetcher that may ask the ports of these sites, at the public address only."""
    settings = Fetch(ports=tuple(site.port for site in sites), allow_networks=tuple(allow), idle_seconds=idle_seconds)
    made = RemoteFetcher(settings, MAX_BYTES, resolver=resolver)
    try:
        yield made
    finally:
        await made.close()


async def fetch(
    url: str, *sites: Site, resolver: AbstractResolver | None = None, seconds: float = LONG, idle_seconds: float = LONG
) -> bytes:
    async with fetcher(*sites, resolver=resolver, idle_seconds=idle_seconds) as made:
        return await made.fetch(url, time.monotonic() + seconds)


async def test_one_fetch_is_one_request_for_exactly_that_url() -> None:
    async with serve(ok(b"picture")) as site:
        url = f"http://{PUBLIC}:{site.port}/a%2Fb%20?s=%2F%2f+x&u=http://h/"
        assert await fetch(url, site) == b"picture"
    assert site.connects == 1
    assert site.requests == [
        b"GET /a%%2Fb%%20?s=%%2F%%2f+x&u=http://h/ HTTP/1.1\r\n"
        b"Host: 127.0.0.2:%d\r\n"
        b"Accept: image/*,video/*;q=0.8\r\n"
        b"Accept-Encoding: identity\r\n"
        b"User-Agent: pictrs-filter (+https://github.com/pictrs-filter/pictrs-filter)\r\n"
        b"Connection: close\r\n\r\n" % site.port
    ]


async def test_each_fetch_connects_anew() -> None:
    async with serve(ok(b"picture")) as site, fetcher(site) as made:
        for _ in range(2):
            assert await made.fetch(site.url, time.monotonic() + LONG) == b"picture"
        assert site.connects == 2


async def test_a_given_resolver_is_asked_and_stays_open() -> None:
    class Counted(Names):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    names = Counted({"site.example": [[PUBLIC]]})
    async with serve(ok(b"picture")) as site:
        assert await fetch(f"http://site.example:{site.port}/", site, resolver=names) == b"picture"
        assert b"Host: site.example:%d\r\n" % site.port in site.requests[0]
    assert names.asked == ["site.example"]
    assert names.closed == 0


async def test_the_next_address_of_a_name_is_tried() -> None:
    names = Names({"site.example": [["127.0.0.3", PUBLIC]]})
    async with (
        serve(ok(b"picture")) as site,
        fetcher(site, resolver=names, allow=("127.0.0.3/32", PUBLIC)) as made,
    ):
        assert await made.fetch(f"http://site.example:{site.port}/", time.monotonic() + LONG) == b"picture"


# --- what may not be asked ---

PRIVATE_NAMES = {
    "inside.example": [[PRIVATE]],
    "both.example": [[PUBLIC, PRIVATE]],
    "both-other-way.example": [[PRIVATE, PUBLIC]],
    "mapped.example": [[f"::ffff:{PRIVATE}"]],
    "six.example": [["::1"]],
    "scoped.example": [["fe80::1%lo"]],
    "many.example": [[PUBLIC, PUBLIC, PUBLIC, PUBLIC, "10.0.0.1"]],
    "not-an-address.example": [["localhost"]],
}


@pytest.mark.parametrize("host", PRIVATE_NAMES)
async def test_a_name_with_any_address_inside_is_refused(host: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside, serve(ok(b"picture")) as site:
        for port in (inside.port, site.port):
            with pytest.raises(FetchForbidden) as caught:
                await fetch(f"http://{host}:{port}/", inside, site, resolver=Names(PRIVATE_NAMES))
            assert caught.value.public == NOT_PUBLIC
        assert (inside.connects, site.connects) == (0, 0)


LITERALS = [PRIVATE, "0.0.0.0", "127.1.2.3", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:0]"]
LITERALS += ["[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "10.0.0.1", "169.254.169.254", "①②⑦.⓪.⓪.①", "127。0。0。1"]


@pytest.mark.parametrize("host", LITERALS)
async def test_an_address_inside_is_refused_unconnected(host: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        with pytest.raises(FetchForbidden) as caught:
            await fetch(f"http://{host}:{inside.port}/", inside)
        assert caught.value.public == NOT_PUBLIC
        assert inside.connects == 0


@pytest.mark.parametrize(
    "url",
    [
        *[
            "http://2130706433:{}/",
            "http://0x7f.1:{}/",
            "http://0177.0.0.1:{}/",
            "http://127.1:{}/",
            "http://127.0.0.1.:{}/",
        ],
        *[
            "http://x@127.0.0.1:{}/",
            "http://127.0.0.2@127.0.0.1:{}/",
            "http://127.0.0.2\\@127.0.0.1:{}/",
            "//127.0.0.1:{}/",
        ],
        *["ftp://127.0.0.1:{}/", "file:///etc/passwd", "http://[::1%25lo]:{}/", "http://127.0.0.1:{}/\r\nX:y", "", "x"],
        *["http://127.0.0.2/", "https://127.0.0.2/", "http://127.0.0.2:22/"],
    ],
)
async def test_a_url_that_is_refused_by_its_text(url: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        with pytest.raises(FetchForbidden) as caught:
            await fetch(url.format(inside.port), inside)
        assert caught.value.public.startswith("The address ")
        assert inside.connects == 0


async def test_a_client_learns_nothing_about_the_inside() -> None:
    names = Names(PRIVATE_NAMES)
    said = set()
    async with serve(ok(b"secret"), PRIVATE) as inside, serve(ok(b"picture")) as site:
        for host in (*PRIVATE_NAMES, PRIVATE, "10.9.8.7", "no-such-name.example"):
            for port in (inside.port, site.port):
                with pytest.raises(FetchError) as caught:
                    await fetch(f"http://{host}:{port}/", inside, site, resolver=names)
                said.add((caught.value.public, caught.value.code))
    assert said == {(NOT_PUBLIC, "download-file-error")}


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0", "①②⑦.⓪.⓪.①", "localhost"])
async def test_what_getaddrinfo_makes_of_odd_spellings_is_seen(host: str) -> None:
    resolver = SystemResolver()
    door = Door(resolver, ())
    with pytest.raises(PermissionError):
        await door.resolve(host, 80)
    assert door.refused
    await resolver.close()


@pytest.mark.parametrize(
    ("family", "sockaddr", "may"),
    [
        (socket.AF_INET, (PRIVATE, 80), False),
        (socket.AF_INET, (PUBLIC, 80), True),
        (socket.AF_INET, ("8.8.8.8", 80), True),
        (socket.AF_INET6, ("::1", 80, 0, 0), False),
        (socket.AF_INET6, ("fe80::1%lo", 80, 0, 1), False),
        (socket.AF_INET6, (f"::ffff:{PUBLIC}", 80, 0, 0), False),
        (socket.AF_INET6, ("2606:4700:4700::1111", 80, 0, 0), True),
        (socket.AF_INET6, ("2606:4700:4700::1111", 80, 0, 2), False),
        (socket.AF_INET, ("2130706433", 80), False),
        (socket.AF_UNIX, "/run/docker.sock", False),
    ],
)
async def test_a_socket_is_made_only_for_an_address_that_may_be_asked(
    family: int, sockaddr: tuple[str, int] | tuple[str, int, int, int], may: bool
) -> None:
    door = Door(Names({}), (ipaddress.ip_network(PUBLIC),))
    addr_info = (family, socket.SOCK_STREAM, 0, "", sockaddr)
    if may:
        door.open_socket(addr_info).close()
    else:
        with pytest.raises(PermissionError):
            door.open_socket(addr_info)
    assert door.refused is not may


async def test_a_name_is_looked_up_once_for_check_and_connection() -> None:
    names = Names({"rebinds.example": [[PUBLIC], [PRIVATE]]})
    async with serve(ok(b"picture")) as site:
        assert await fetch(f"http://rebinds.example:{site.port}/", site, resolver=names) == b"picture"
    assert names.asked == ["rebinds.example"]


@pytest.mark.parametrize(
    "first", [redirect("/again"), b""], ids=["redirect", "aiohttp asks again after a lost connection"]
)
async def test_a_name_that_rebinds_between_two_requests_is_refused(first: bytes) -> None:
    names = Names({"rebinds.example": [[PUBLIC], [PRIVATE]]})
    async with serve(first) as site:
        async with serve(ok(b"secret"), PRIVATE) as inside:
            async with listen(inside.talk, PRIVATE, site.port):
                with pytest.raises(FetchForbidden) as caught:
                    await fetch(f"http://rebinds.example:{site.port}/", site, resolver=names)
            assert inside.connects == 0
        assert site.connects == 1
    assert caught.value.public == NOT_PUBLIC
    assert names.asked == ["rebinds.example"] * 2


async def test_environment_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(ok(b"picture")) as site, serve(ok(b"proxied")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{PUBLIC}:{proxy.port}")
        assert await fetch(site.url, site, proxy) == b"picture"
        assert proxy.connects == 0


# --- redirects ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_with_get_and_nothing_else_is_carried(status: int) -> None:
    async with serve(ok(b"picture")) as there:
        answer = redirect(f"http://{PUBLIC}:{there.port}/b%2Fc?s=%2F%2B+#f", status)
        async with serve(answer.replace(b"\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n", 1)) as here:
            assert await fetch(here.url, here, there) == b"picture"
        assert there.requests[0].startswith(b"GET /b%2Fc?s=%2F%2B+ HTTP/1.1\r\n")
        assert not any(name in there.requests[0].lower() for name in (b"cookie:", b"referer:"))


async def test_a_relative_redirect_keeps_the_bytes_of_its_location() -> None:
    answers = [redirect(b"../x%2Fy/\xe9?s=%2f \xc3\xbc", 302), ok(b"picture")]

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async with serve(script) as site:
        assert await fetch(f"http://{PUBLIC}:{site.port}/a/b/c?d", site) == b"picture"
    assert site.requests[1].startswith(b"GET /a/x%2Fy/%E9?s=%2f%20%C3%BC HTTP/1.1\r\n")


@pytest.mark.parametrize(("redirects", "may"), [(3, True), (4, False)], ids=["at the limit", "one beyond"])
async def test_redirects_are_counted(redirects: int, may: bool) -> None:
    answers = [redirect(f"/{number}") for number in range(redirects)] + [ok(b"picture")]

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async with serve(script) as site:
        if may:
            assert await fetch(site.url, site) == b"picture"
        else:
            with pytest.raises(FetchForbidden, match="too often"):
                await fetch(site.url, site)
        assert site.connects == 4


async def test_a_redirect_loop_ends() -> None:
    async with serve(redirect("")) as site:
        with pytest.raises(FetchForbidden, match="too often"):
            await fetch(site.url, site)
        assert site.connects == Fetch().max_redirects + 1


REDIRECTS_INSIDE = [
    "http://127.0.0.1:{inside}/",
    "//127.0.0.1:{inside}/",
    "http://[::ffff:127.0.0.1]:{inside}/",
    "http://inside.example:{inside}/",
    "http://both.example:{inside}/",
]


@pytest.mark.parametrize("location", REDIRECTS_INSIDE)
async def test_a_redirect_to_the_inside_is_refused(location: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        async with serve(redirect(location.format(inside=inside.port))) as site:
            with pytest.raises(FetchForbidden) as caught:
                await fetch(site.url, site, inside, resolver=Names(PRIVATE_NAMES))
            assert site.connects == 1
        assert inside.connects == 0
    assert caught.value.public == NOT_PUBLIC


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.2/",
        "gopher://127.0.0.2:{other}/",
        "http://127.0.0.2:{other}/",
        "//127.0.0.2:{other}/",
        "http://127.0.0.2/",
        "https://127.0.0.2/",
        "http://x@127.0.0.2:{here}/",
        "http://2130706434:{here}/",
        "http:///127.0.0.2:{here}/",
        "\\\\127.0.0.2:{here}\\",
        "/" + "x" * 9000,
    ],
    ids=lambda location: location[:30],
)
async def test_a_redirect_that_is_refused_by_its_text(location: str) -> None:
    async with serve(ok(b"secret")) as other:

        async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(redirect(location.format(here=site.port, other=other.port)))

        async with serve(script) as site:
            with pytest.raises(FetchError):
                await fetch(site.url, site)
            assert (site.connects, other.connects) == (1, 0)


# --- answers ---

ANSWERS: dict[str, tuple[Script | bytes, bytes]] = {
    "content-length": (ok(b"picture"), b"picture"),
    "in pieces": (send(b"HTTP/1.1 200 OK\r\nContent-", b"Length: 7\r\n\r\npic", b"ture"), b"picture"),
    "chunked": (CHUNKED + b"3\r\npic\r\n4;x=y\r\nture\r\n0\r\nTrailer: x\r\n\r\n", b"picture"),
    "chunked, shouted": (CHUNKED.replace(b"chunked", b"Chunked") + b"7\r\npicture\r\n0\r\n\r\n", b"picture"),
    "until the end": (b"HTTP/1.0 200 OK\r\n\r\npicture", b"picture"),
    "not closed by the site": (hold(ok(b"picture")), b"picture"),
    "not compressed": (ok(b"picture", b"Content-Encoding: Identity"), b"picture"),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"picture"), b"picture"),
    "any content type": (ok(b"picture", b"Content-Type: text/html"), b"picture"),
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
    "endless header": endless(b"HTTP/1.1 200 OK\r\nA: ", b"x" * 10_000),
    "endless headers": endless(b"HTTP/1.1 200 OK\r\n", b"A: x\r\n" * 1000),
    "endless status line": endless(b"HTTP/1.1 200 ", b"x" * 10_000),
    "endless trailers": endless(CHUNKED + b"3\r\npic\r\n0\r\n", b"A: x\r\n" * 1000),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
async def test_no_picture(script: Script | bytes) -> None:
    async with serve(script) as site:
        with pytest.raises(FetchFailed) as caught:
            await fetch(site.url, site)
        assert site.connects <= 2  # aiohttp asks once more if a connection is lost before the answer
    assert caught.value.code == "download-file-error"
    assert PUBLIC not in caught.value.public


async def test_nobody_listens() -> None:
    async with serve(b"") as site:
        pass
    with pytest.raises(FetchFailed) as caught:
        await fetch(site.url, site)
    assert PUBLIC not in caught.value.public


TOO_LARGE: dict[str, Script | bytes] = {
    "ten gigabytes claimed": hold(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"),
    "one byte beyond, claimed": hold(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BYTES + 1)),
    "one byte beyond, chunked": CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (MAX_BYTES + 1, b"x" * (MAX_BYTES + 1)),
    "one byte beyond, until the end": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BYTES + 1),
    "endless chunks": endless(CHUNKED, b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
    "endless small chunks": endless(CHUNKED, b"1\r\nx\r\n" * 1000),
    "endless": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000),
}


@pytest.mark.parametrize("script", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_too_large(script: Script | bytes) -> None:
    async with serve(script) as site:
        with pytest.raises(FetchTooLarge):
            await fetch(site.url, site)
        assert site.connects == 1


# --- time ---

STALLS: dict[str, Script] = {
    "before the headers": hold(),
    "in the headers": hold(b"HTTP/1.1 200 OK\r\nContent-"),
    "before the body": hold(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    "in the body": hold(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npicture"),
    "between chunks": hold(CHUNKED + b"3\r\npic\r\n"),
    "until the end that never comes": hold(b"HTTP/1.1 200 OK\r\n\r\npicture"),
}


@pytest.mark.parametrize("script", STALLS.values(), ids=STALLS)
async def test_seconds_without_a_byte(script: Script) -> None:
    async with serve(script) as site:
        async with asyncio.timeout(LONG / 2):  # so that it is not the deadline which ends it
            with pytest.raises(FetchTimeout):
                await fetch(site.url, site, idle_seconds=IDLE_SECONDS)
            await site.left.wait()


async def test_a_tls_handshake_that_stalls() -> None:
    async def nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    site = Site(hold())
    async with listen(nothing, PUBLIC) as site.port:
        async with asyncio.timeout(LONG / 2):
            with pytest.raises(FetchTimeout):
                await fetch(f"https://{PUBLIC}:{site.port}/", site, idle_seconds=IDLE_SECONDS)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: "], ids=["body", "header"])
async def test_a_drip_ends_at_the_deadline(head: bytes) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.02)
        writer.write(b"\r\n\r\nx")

    async with serve(drip) as site:
        with pytest.raises(FetchTimeout):
            await fetch(site.url, site, seconds=0.3)


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
        with pytest.raises(FetchTimeout):
            await fetch(f"http://site.example:{site.port}/", site, resolver=names, seconds=0)
        assert (names.asked, site.connects) == ([], 0)


async def test_a_look_up_that_stalls_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def stall(*_arguments: object, **_more: object) -> list[object]:
        answered.wait(LONG)
        return []

    async with serve(ok(b"picture")) as site, fetcher(site) as made:
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", stall)
            many = [made.fetch(f"http://slow.example:{site.port}/", time.monotonic() + 0.2) for _ in range(40)]
            results = await asyncio.gather(*many, return_exceptions=True)
        assert {type(result) for result in results} == {FetchTimeout}
        async with asyncio.timeout(LONG / 2):
            assert await asyncio.to_thread(lambda: "free") == "free"
        assert await made.fetch(site.url, time.monotonic() + LONG) == b"picture"
        answered.set()


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


# --- TLS ---


class Certificates:
    """A certificate authority of the test's own, trusted through SSL_CERT_FILE."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        authority = self._builder("test authority", self._key).add_extension(basic, critical=True)
        authority = authority.add_extension(usage, critical=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(authority.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, name: str, key: ec.EllipticCurvePrivateKey, days: int = 1) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days))
            # Python 3.13 checks strictly, and then both key identifiers must stand (RFC 5280, 4.2.1).
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def server(self, *names: x509.GeneralName, days: int = 1) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder("site", key, days).add_extension(x509.SubjectAlternativeName(names), critical=False)
        file = self._folder / "site.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


NAMES = {"site.example": [[PUBLIC]]}


async def test_tls(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName("site.example"), x509.IPAddress(ipaddress.ip_address(PUBLIC)))
    async with serve(ok(b"picture"), tls=context) as site:
        for host in ("site.example", PUBLIC):
            assert await fetch(f"https://{host}:{site.port}/", site, resolver=Names(NAMES)) == b"picture"


async def test_a_redirect_to_plain_http_is_followed(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    async with (
        serve(ok(b"picture")) as plain,
        serve(redirect(plain.url), tls=certificates.server(x509.DNSName("site.example"))) as site,
    ):
        url = f"https://site.example:{site.port}/"
        assert await fetch(url, site, plain, resolver=Names(NAMES)) == b"picture"


@pytest.mark.parametrize(("trusted", "name", "days"), [(False, "site", 1), (True, "other", 1), (True, "site", -1)])
async def test_a_certificate_that_is_not_good(
    trusted: bool, name: str, days: int, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName(f"{name}.example"), days=days)
    async with serve(ok(b"picture"), tls=context) as site:
        with pytest.raises(FetchFailed, match="Certificate"):
            await fetch(f"https://site.example:{site.port}/", site, resolver=Names(NAMES))
        assert site.requests == []


async def test_tls_to_a_plain_port() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    site = Site(hold())
    async with listen(talk, PUBLIC) as site.port:
        with pytest.raises(FetchFailed):
            await fetch(f"https://{PUBLIC}:{site.port}/", site)


async def test_plain_to_a_tls_port(certificates: Certificates) -> None:
    async with serve(ok(b"picture"), tls=certificates.server(x509.DNSName("site.example"))) as site:
        with pytest.raises(FetchFailed):
            await fetch(site.url, site)


async def test_a_tls_peer_that_never_says_goodbye_holds_no_connection(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName("site.example"))
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(read, write, server_side=True)
        for step in (tls.do_handshake, lambda: tls.read(65_536), lambda: tls.write(ok(b"picture"))):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    writer.write(write.read())
                    read.write(await reader.read(65_536))
        writer.write(write.read())
        while await reader.read(65_536):
            pass
        left.set()

    site = Site(hold())
    async with listen(talk, PUBLIC) as site.port:
        url = f"https://site.example:{site.port}/"
        assert await fetch(url, site, resolver=Names(NAMES)) == b"picture"
        async with asyncio.timeout(10):  # asyncio itself would wait 30 s for the goodbye
            await left.wait()


# --- what is told ---


async def test_no_log_names_more_than_the_host(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(ok(b"picture")) as site, serve(b"") as broken, serve(redirect("http://127.0.0.1/?token")) as away:
        for each in (site, broken, away):
            with contextlib.suppress(FetchError):
                await fetch(f"{each.url}?token=secret", site, broken, away)
    told = [record.getMessage() for record in caplog.records]
    assert any(PUBLIC in line for line in told)
    assert not any("token" in line or "picture.jpg" in line for line in told)


@pytest.mark.parametrize(
    ("script", "kind", "public"),
    [
        (status(b"404 Not Found"), FetchFailed, "The address answered 404 instead of 200."),
        (ok(b""), FetchFailed, "The address answered with an empty body."),
        (b"", FetchFailed, "The address could not be fetched."),
        (ok(b"x" * (MAX_BYTES + 1)), FetchTooLarge, "The file is too large."),
        (redirect("/"), FetchForbidden, "The address redirects too often."),
        (hold(), FetchTimeout, "The address did not answer in time."),
    ],
    ids=["status", "empty", "lost", "large", "loop", "stall"],
)
async def test_what_the_client_reads(script: Script | bytes, kind: type[FetchError], public: str) -> None:
    async with serve(script) as site:
        with pytest.raises(kind) as caught:
            await fetch(site.url, site, idle_seconds=IDLE_SECONDS if kind is FetchTimeout else LONG)
    assert (caught.value.public, caught.value.code) == (public, "download-file-error")
