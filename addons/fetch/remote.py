"""Fetching one picture from an address that a stranger chose.

    FetchError            public: a sentence for the client; code: what pict-rs calls every failed download
    |- FetchForbidden     scheme, port, address that is not public, too many redirects
    |- FetchFailed        DNS, connection, TLS, status, broken or empty body
    |- FetchTooLarge      more bytes than allowed, claimed or sent
    `- FetchTimeout       the deadline, or seconds without a byte

Rules this file keeps: every address is checked as it is connected to, on the first request and after each redirect, and
nothing is connected to if any of a name's addresses is not public; nothing is decompressed; no byte beyond the limit is
kept; a fetch ends by its deadline and leaves no connection behind. What a client reads tells a name without address,
one with an internal address, and an internal address itself not apart, so it maps no internal network.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ClassVar, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http import HttpProcessingError
from yarl import URL

from addons.fetch import address
from config.settings import Fetch

log = logging.getLogger(__name__)

MAX_HEADER_BYTES: Final = 8190
"""Length of the status line and of each header's value in an answer; what Apache takes by default."""

MAX_HEADERS: Final = 128
"""Headers of an answer: a content delivery network sends about 40."""

CHUNK_BYTES: Final = 64 * 1024
"""Bytes of a body handled at once, and about twice what waits unread while the event loop is busy."""

DNS_THREADS: Final = 8
"""Names looked up at once. getaddrinfo cannot be cancelled and a stranger's name server may stall it for half a minute:
threads of its own keep that from the event loop's default ones, which others need."""

ACCEPT: Final = "image/*,video/*;q=0.8"
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

NOT_PUBLIC: Final = "The address does not lead to a host on the public internet."


class FetchError(Exception):
    """Base: there is no picture. `public` may be shown to anyone; `reason` is for the log and names no URL."""

    code: ClassVar[str] = "download-file-error"

    def __init__(self, public: str, reason: str = "") -> None:
        super().__init__(reason or public)
        self.public = public
        self.reason = reason or public


class FetchForbidden(FetchError):
    """The filter does not ask for this address."""


class FetchFailed(FetchError):
    """The other side has no picture for us, or a broken one."""


class FetchTooLarge(FetchError):
    """More bytes than allowed, by Content-Length or as they came."""


class FetchTimeout(FetchError):
    """The deadline passed, or no byte came for too long."""


class SystemResolver(AbstractResolver):
    """The system's own name resolution (getaddrinfo), in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DNS_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return every address of `host` in its plain spelling; raises OSError."""

        def look_up() -> list[ResolveResult]:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            return [
                ResolveResult(hostname=host, host=str(sockaddr[0]), port=port, family=kind, proto=proto, flags=0)
                for kind, _, proto, _, sockaddr in found
            ]

        return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)

    async def close(self) -> None:
        """Forget the look-ups that have not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)


Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class Door(AbstractResolver):
    """What every connection of one fetch goes through: looks up names, makes sockets, refuses what is not public."""

    def __init__(self, resolver: AbstractResolver, allowed: Networks) -> None:
        self.refused = False
        self._resolver = resolver
        self._allowed = allowed
        self._sockets: list[socket.socket] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up; raises PermissionError if any of its addresses may not be asked, OSError if it has none."""
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            self._check(result["host"])
        if not results:
            raise OSError("a name without addresses")
        return results

    def open_socket(self, addr_info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for the very address that is connected to next; the only check that an IP literal meets."""
        family, kind, proto, _, sockaddr = addr_info
        scope = sockaddr[3] if family == socket.AF_INET6 else 0
        self._check(f"{sockaddr[0]}%{scope}" if scope else str(sockaddr[0]))
        made = socket.socket(family, kind, proto)
        self._sockets.append(made)
        return made

    def _check(self, host: str) -> None:
        if address.is_public(host):
            return
        with suppress(ValueError):
            if any(ipaddress.ip_address(host) in network for network in self._allowed):
                return
        self.refused = True
        raise PermissionError("an address that is not public")

    def shut(self) -> None:
        """End every connection now: a peer that never answers a TLS goodbye would else keep its socket for 30 s."""
        for made in self._sockets:
            with suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Do nothing: the resolver inside outlives a fetch."""


class RemoteFetcher:
    """Fetches pictures within `settings`, each of at most `max_bytes`.

    A `resolver` given is asked instead of the system's, is checked just the same, and stays the caller's to close.
    """

    def __init__(self, settings: Fetch, max_bytes: int, *, resolver: AbstractResolver | None = None) -> None:
        self._settings = settings
        self._max_bytes = max_bytes
        self._owner = resolver is None
        self._resolver = resolver or SystemResolver()
        self._allowed: Networks = tuple(ipaddress.ip_network(network) for network in settings.allow_networks)
        self._tls = ssl.create_default_context()

    async def fetch(self, url: str, deadline: float) -> bytes:
        """Return the bytes at `url`, never empty, by `deadline` (`time.monotonic()` seconds); raises FetchError.

        A redirect from https to http is followed: nothing secret is sent, and every byte is judged whoever sent it.
        """
        if time.monotonic() >= deadline:
            raise FetchTimeout("The address did not answer in time.", "no time left")
        door = Door(self._resolver, self._allowed)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._follow(url, door)
        except TimeoutError as error:
            raise FetchTimeout("The address did not answer in time.") from error
        except address.AddressError as error:
            raise FetchForbidden(str(error)) from error
        finally:
            door.shut()

    async def close(self) -> None:
        """End the look-ups of names. Fetches under way are their callers' to cancel."""
        if self._owner:
            await self._resolver.close()

    async def _follow(self, url: str, door: Door) -> bytes:
        ports = self._settings.ports
        target = address.parse(url, ports)
        async with self._session(door) as session:
            for _ in range(self._settings.max_redirects + 1):
                answer = await self._ask(session, target, door)
                if isinstance(answer, bytes):
                    return answer
                target = address.join(target, answer, ports)
        raise FetchForbidden("The address redirects too often.")

    def _session(self, door: Door) -> aiohttp.ClientSession:
        """Return a session for one fetch: no connection, cookie or name is kept for another."""
        idle = self._settings.idle_seconds
        connector = aiohttp.TCPConnector(
            resolver=door,
            socket_factory=door.open_socket,
            use_dns_cache=False,
            force_close=True,
            ssl=self._tls,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"Accept": ACCEPT, "Accept-Encoding": "identity", "User-Agent": self._settings.user_agent},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=idle, sock_read=idle),
            read_bufsize=CHUNK_BYTES,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )

    async def _ask(self, session: aiohttp.ClientSession, target: address.Target, door: Door) -> bytes | str:
        """Ask once; return the body, or the Location of a redirect."""
        try:
            answer = await session.get(URL(target.url, encoded=True), allow_redirects=False)
            try:
                return await self._read(answer)
            finally:
                answer.close()
        except TimeoutError:
            raise
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            log.debug("fetching from %s: %s", target.host, type(error).__name__)
            if door.refused:
                raise FetchForbidden(NOT_PUBLIC, "an address that is not public") from error
            if isinstance(error, aiohttp.ClientConnectorDNSError):
                raise FetchFailed(NOT_PUBLIC, "no address for this name") from error
            raise FetchFailed("The address could not be fetched.", type(error).__name__) from error

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes | str:
        headers = answer.headers
        if answer.status in REDIRECTS:
            locations = headers.getall("Location", [])
            if len(locations) != 1:
                raise FetchFailed("The address redirects to nowhere.")
            return locations[0]
        if answer.status != 200:
            raise FetchFailed(f"The address answered {answer.status} instead of 200.")
        if any(coding.strip().lower() not in ("", "identity") for coding in headers.getall("Content-Encoding", [])):
            raise FetchFailed("The address answered with a compressed body, which was not asked for.")
        if [coding.lower() for coding in headers.getall("Transfer-Encoding", ["chunked"])] != ["chunked"]:
            # aiohttp hands such a body on as it came: coded, and with the chunk sizes in it
            raise FetchFailed("The address answered with a transfer coding that was not asked for.")
        if answer.content_length is not None and answer.content_length > self._max_bytes:
            raise FetchTooLarge("The file is too large.", f"{answer.content_length} bytes claimed")
        body = bytearray()
        while piece := await answer.content.read(min(CHUNK_BYTES, self._max_bytes + 1 - len(body))):
            body += piece
            if len(body) > self._max_bytes:
                raise FetchTooLarge("The file is too large.", "more bytes than allowed came")
        if not body:
            raise FetchFailed("The address answered with an empty body.")
        return bytes(body)
