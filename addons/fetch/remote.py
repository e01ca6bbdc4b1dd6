"""Fetching one picture from an address that a stranger chose. What can go wrong: errors.py.

Rules this file keeps: every request, the first and each redirect's, goes through the Door, which checks addresses and
counts bytes; one fetch asks each address once; a fetch ends by its deadline and leaves no connection behind. What is
made of an answer: reading.py.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import ssl
import time
from asyncio import timeout_at
from collections.abc import Callable, Collection, Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http import HttpProcessingError
from yarl import URL

from addons.fetch import address, errors
from addons.fetch.door import CHUNK_BYTES, Door
from addons.fetch.errors import (
    FetchBusy,
    FetchError,
    FetchFailed,
    FetchForbidden,
    FetchTimeout,
    FetchTooLarge,
    FetchUnable,
)
from addons.fetch.permitted import Permitted
from addons.fetch.reading import Fetched, Hold, NotModified, read
from addons.fetch.reasons import in_words
from addons.fetch.resolver import SystemResolver
from addons.fetch.validators import Validators
from config.settings import Fetch

__all__ = [
    "FetchBusy",
    "FetchError",
    "FetchFailed",
    "FetchForbidden",
    "FetchTimeout",
    "FetchTooLarge",
    "FetchUnable",
    "RemoteFetcher",
    "Validators",
]

log = logging.getLogger(__name__)

MAX_HEADER_BYTES: Final = 8190
"""Length of the status line and of each header's value in an answer; what Apache takes by default."""

MAX_HEADERS: Final = 128
"""Headers of an answer: a content delivery network sends about 40."""

MAX_HEAD_BYTES: Final = 512 * 1024
"""Bytes on the wire until the head of an answer is there: a TLS handshake (about 8 KiB), interim answers, the head (1xx
answers and empty lines are skipped by the parser and would else come for ever), and the first of the body."""

CODED_BODY_FACTOR: Final = 2
"""Bytes on the wire for one of a body, beyond MAX_HEAD_BYTES: chunk sizes and TLS records are a few percent of what any
server sends, but chunk extensions may be without end."""

OWN_FAULTS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETDOWN})
"""What the system says when the fault is this machine's, whoever is asked."""
NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL})
"""What it says when there is no network, and also to an IPv6 address on one of the many machines that have none."""

ACCEPT: Final = "image/*,video/*;q=0.8"

Claim = Callable[[str], bool]
"""Told the network of each machine before it is connected to; False when there are fetches enough from there."""


class RemoteFetcher:
    """Fetches pictures within `settings`, each of at most `max_bytes`; `headers` go with every request.

    `pictrs` is the (host, port) of pict-rs, which is never asked.
    A `resolver` given is asked instead of the system's, is checked just the same, and stays the caller's to close.
    `https_only`: neither the address nor a redirect may be http, but to an IP address in `settings.allow_networks`.
    """

    def __init__(
        self,
        settings: Fetch,
        max_bytes: int,
        *,
        resolver: AbstractResolver | None = None,
        headers: Mapping[str, str] | None = None,
        pictrs: tuple[str, int] | None = None,
        https_only: bool = False,
    ) -> None:
        self._settings = settings
        self._https_only = https_only
        self._max_bytes = max_bytes
        self._owner = resolver is None
        self._resolver = resolver or SystemResolver()
        self._permitted = Permitted(tuple(map(ipaddress.ip_network, settings.allow_networks)), pictrs)
        self._tls = ssl.create_default_context()
        self._headers = {
            "Accept": ACCEPT,
            "Accept-Encoding": "identity",
            "User-Agent": settings.user_agent,
            **(headers or {}),
        }

    async def fetch(
        self,
        url: str,
        deadline: float,
        *,
        known: Validators | None = None,
        hold: Hold | None = None,
        claim: Claim | None = None,
    ) -> Fetched | NotModified:
        """Return what is at `url`, by `deadline` (`time.monotonic()` seconds); raises FetchError.

        NotModified comes only if `known` has a validator. It is sent to redirects' targets too, whoever they are, for
        it is no secret, and the lie of a 304 brings no byte: what it leaves in force is what the caller has judged.
        A redirect from https to http is followed: nothing secret is sent, and every byte is judged whoever sent it.
        """
        if time.monotonic() >= deadline:
            raise FetchTimeout(errors.TOO_LATE, "no time left")
        door = Door(self._resolver, self._permitted, claim or _always)
        try:
            async with timeout_at(deadline):
                return await self._follow(url, door, (known or Validators()).conditions, hold or _always)
        except TimeoutError as error:
            raise FetchTimeout(errors.TOO_LATE, in_words(error)) from error
        except address.AddressError as error:
            raise FetchForbidden(str(error)) from error
        finally:
            door.shut()

    async def close(self) -> None:
        """End the look-ups of names. Fetches under way are their callers' to cancel."""
        if self._owner:
            await self._resolver.close()

    async def _follow(self, url: str, door: Door, conditions: Mapping[str, str], hold: Hold) -> Fetched | NotModified:
        ports = self._settings.ports
        target = address.parse(url, ports)
        async with self._session(door, conditions) as session:
            for _ in range(self._settings.max_redirects + 1):
                if self._https_only and target.scheme != "https" and not self._permitted.is_allowed(target.host):
                    raise FetchForbidden("The address is not https, or redirects to one that is not.")
                answer = await self._ask(session, target, door, hold)
                if not isinstance(answer, str):
                    if isinstance(answer, NotModified) and not conditions:
                        raise FetchFailed("The address answered 304 instead of 200.")
                    return answer
                target = address.join(target, answer, ports)
        raise FetchForbidden("The address redirects too often.")

    def _session(self, door: Door, conditions: Mapping[str, str]) -> aiohttp.ClientSession:
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
            headers={**self._headers, **conditions},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=idle, sock_read=idle),
            read_bufsize=CHUNK_BYTES,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            middlewares=(_once,),
        )

    async def _ask(
        self, session: aiohttp.ClientSession, target: address.Target, door: Door, hold: Hold
    ) -> Fetched | NotModified | str:
        """Ask once; return the picture, or the Location of a redirect."""
        door.expect(MAX_HEAD_BYTES)
        in_body = False
        try:
            await self._permitted.prepare(target.port)
        except OSError as error:
            raise FetchUnable(errors.UNABLE, "it cannot be told where pict-rs is, which must not be asked") from error
        try:
            answer = await session.get(URL(target.url, encoded=True), allow_redirects=False)
            try:
                in_body = True
                door.expect(MAX_HEAD_BYTES + CODED_BODY_FACTOR * self._max_bytes)
                return await read(answer, self._max_bytes, door, hold)
            finally:
                answer.close()
        except TimeoutError:
            raise
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            log.debug("a fetch: %s", in_words(error))
            if door.refused:
                raise FetchForbidden(errors.NOT_PUBLIC, "an address that is not public") from error
            if door.busy and isinstance(error, aiohttp.ClientConnectorError):
                raise FetchBusy(errors.BUSY, "as many fetches from this network as may be") from error
            if door.flooded and in_body:
                raise FetchTooLarge(
                    errors.TOO_LARGE, "more bytes came than a body of the size allowed needs"
                ) from error
            if door.flooded:
                raise FetchFailed(errors.NOT_FETCHED, f"no answer within {MAX_HEAD_BYTES} bytes") from error
            if _is_own_fault(error, door.families):
                raise FetchUnable(errors.UNABLE, in_words(error)) from error
            if isinstance(error, aiohttp.ClientConnectorDNSError):
                raise FetchFailed(errors.NOT_PUBLIC, in_words(error)) from error
            raise FetchFailed(errors.NOT_FETCHED, in_words(error)) from error


def _is_own_fault(error: BaseException, families: Collection[int]) -> bool:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return error.os_error.errno == socket.EAI_SYSTEM
    if not isinstance(error, OSError):
        return False
    return error.errno in OWN_FAULTS or (error.errno in NO_WAY and socket.AF_INET in families)


def _always(_: object) -> bool:
    return True


async def _once(request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Ask, and not again: aiohttp would repeat a request whose connection is lost before the answer."""
    try:
        return await ask(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError from error  # one that aiohttp does not retry
