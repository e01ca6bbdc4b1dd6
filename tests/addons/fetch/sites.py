"""Loopback HTTP servers and name servers for tests of fetching: raw bytes over real sockets, and what each saw.

127.0.0.2 plays the public internet (the fetcher's allow_networks holds it alone), 127.0.0.1 and the rest the inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from tests.ports import site_socket

PUBLIC = "127.0.0.2"
PRIVATE = "127.0.0.1"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Site:
    """A server that reads one request, then follows its script; `connects`, `requests` and `left` are what it saw."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.host = ""
        self.port = 0
        self.connects = 0
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        """Set when the client has closed its side."""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/picture.jpg"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            self.asked.set()
            await self.script(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            self.left.set()


@contextlib.asynccontextmanager
async def listen(talk: Script, host: str, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a raw server, yield its port; a connection is closed when its talk ends, and all are gone at the end."""
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(talk(reader, writer))
        talks.add(task)
        await asyncio.wait([task])
        if task.cancelled():
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    outer: set[asyncio.Task[None]] = set()

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outer.add(asyncio.ensure_future(connected(reader, writer)))

    listening = socket.create_server((host, port)) if port else site_socket(host)
    server = await asyncio.start_server(connect, sock=listening, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*outer)


@contextlib.asynccontextmanager
async def serve(script: Script | bytes, host: str = PUBLIC, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Run a site on a free port; a script of bytes is sent as it is, and then the connection closed."""
    site = Site(send(script) if isinstance(script, bytes) else script)
    site.host = host
    async with listen(site.talk, host, tls=tls) as site.port:
        yield site


def send(*pieces: bytes) -> Script:
    """Send all pieces and close."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return script


def hold(*pieces: bytes) -> Script:
    """Send all pieces, then nothing more, until the client leaves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(*pieces)(reader, writer)
        await reader.read()
        raise ConnectionResetError("the client left")

    return script


def endless(head: bytes, piece: bytes) -> Script:
    """Send the head, then the piece again and again, until the client leaves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # over TLS, drain() may not wait once the client has left: nothing else would run

    return script


def drip(head: bytes, piece: bytes) -> Script:
    """Send the head, then the piece again and again with a pause of 20 ms, until the client leaves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    return script


def in_turn(*answers: bytes) -> Script:
    """Answer each request with the next of these; there must be one for each."""
    left = list(answers)

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0))

    return script


def reset(*pieces: bytes) -> Script:
    """Send all pieces, then reset the connection (RST)."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(*pieces)(reader, writer)
        made: socket.socket = writer.get_extra_info("socket")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    return script


def ok(body: bytes, *headers: bytes) -> bytes:
    """An ordinary answer."""
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
"""The head of an answer whose length is not told beforehand."""


def redirect(location: str | bytes, status: int = 302) -> bytes:
    """A redirect."""
    to = location.encode() if isinstance(location, str) else location
    return b"HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, to)


class Names(AbstractResolver):
    """A name server: for each name a list of answers, given one after the other, the last for ever.

    A name that is not there is an error, `failure` (an EAI_* of netdb.h).
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]], failure: int = socket.EAI_NONAME) -> None:
        self._failure = failure
        self._answers = {name: list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self._answers:
            raise socket.gaierror(self._failure, f"the name server's words about {host}")
        answers = self._answers[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=0,
            )
            for each in answer
        ]

    async def close(self) -> None:
        """Nothing is held."""
