"""What every connection of one fetch goes through: the look-up of its name, the check of its address, its bytes.

Rules this file keeps: every address is checked as it is connected to, and nothing is connected to if any of a name's
addresses may not be asked (permitted.py). Every byte is counted as it leaves the system, below TLS and HTTP, because
parsers swallow some things without end and without a word: empty lines, interim answers, chunk extensions.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from addons.fetch import address
from addons.fetch.permitted import Permitted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES: Final = 64 * 1024
"""Bytes of a body handled at once, and about twice what waits unread while the event loop is busy."""

MAX_ADDRESSES: Final = 16
"""Addresses of one name that are tried: a name with a thousand would make the filter knock on a thousand doors."""


class CountedSocket(socket.socket):
    """A socket whose received bytes are told to `count`, which may raise OSError to end the connection.

    asyncio reads plain connections by `recv` and TLS ones by `recv_into`, up to 256 KiB at once; here CHUNK_BYTES.
    """

    def __init__(self, family: int, kind: int, proto: int, count: Callable[[int], None]) -> None:
        super().__init__(family, kind, proto)
        self._count = count

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As socket.recv."""
        data = super().recv(min(bufsize, CHUNK_BYTES), flags)
        self._count(len(data))
        return data

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        """As socket.recv_into."""
        received = super().recv_into(buffer, min(nbytes or memoryview(buffer).nbytes, CHUNK_BYTES), flags)
        self._count(received)
        return received


class Door(AbstractResolver):
    """What one fetch connects through. `refused`, `busy` and `flooded` tell why, when a connection could not be had or
    kept, `busy` since `expect`; so are `families`, those that were tried.

    `claim` is told the network of each address that is about to be connected to; False: not that one now.
    """

    def __init__(self, resolver: AbstractResolver, permitted: Permitted, claim: Callable[[str], bool]) -> None:
        self.refused = False
        self.busy = False
        self.flooded = False
        self.families: set[int] = set()
        self._resolver = resolver
        self._permitted = permitted
        self._claim = claim
        self._sockets: list[socket.socket] = []
        self._budget = 0
        self.received = 0

    def expect(self, most: int) -> None:
        """Let this many bytes in from now on; the next one more ends the connection. `received` counts from here."""
        self._budget = most
        self.received = 0
        self.busy = False
        self.families.clear()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up; raises PermissionError if any of its addresses may not be asked, OSError if it has none."""
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            self._check(result["host"], port)
        if not results:
            raise OSError("a name without addresses")
        return results[:MAX_ADDRESSES]

    def open_socket(self, addr_info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for the very address that is connected to next; the only check that an IP literal meets."""
        family, kind, proto, _, sockaddr = addr_info
        host, port, *scope = sockaddr if family in (socket.AF_INET, socket.AF_INET6) else ("", 0)
        self._check(f"{host}%{scope[1]}" if any(scope[1:]) else str(host), int(port))
        if not self._claim(address.network(str(host))):
            self.busy = True
            raise ConnectionRefusedError("as many fetches from this network as may be")
        self.families.add(family)
        made = CountedSocket(family, kind, proto, self._count)
        self._sockets.append(made)
        return made

    def _check(self, host: str, port: int) -> None:
        if not self._permitted(host, port):
            self.refused = True
            raise PermissionError("an address that may not be asked")

    def _count(self, received: int) -> None:
        self.received += received
        if self.received > self._budget:
            self.flooded = True
            raise ConnectionAbortedError("more bytes than expected")

    def shut(self) -> None:
        """End every connection now: a peer that never answers a TLS goodbye would else keep its socket for 30 s."""
        for made in self._sockets:
            with suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Do nothing: the resolver inside outlives a fetch."""
