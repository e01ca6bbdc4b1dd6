"""What every connection of one fetch goes through: the look-up of its name, the check of its address, its bytes.

Rules this file keeps: every address is checked as it is connected to, and nothing is connected to if any of a name's
addresses is not public. Every byte is counted as it leaves the system, below TLS and HTTP, because parsers swallow some
things without end and without a word: empty lines, interim answers, chunk extensions, leading zeros.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import aiodns
import aiohttp
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from addons.fetch import address

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES: Final = 64 * 1024
"""Bytes of a body handled at once, and about twice what waits unread while the event loop is busy."""

MAX_ADDRESSES: Final = 16
"""Addresses of one name that are tried: a name with a thousand would make the filter knock on a thousand doors."""

DNS_TRY_SECONDS: Final = 2.0
DNS_TRIES: Final = 2
"""How long a name server is waited for, and how often it is asked: a fetch has 8 seconds in all by default."""

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class SystemResolver(AbstractResolver):
    """Names by the system's own settings (/etc/hosts, resolv.conf), without threads.

    getaddrinfo cannot be cancelled, and a stranger's name server may stall it for half a minute: a few such names would
    hold every thread, and everybody's fetches wait behind them.
    """

    def __init__(self, server: tuple[str, int] | None = None) -> None:
        self._server = server  # another (address, port) than resolv.conf names
        self._inner: aiodns.DNSResolver | None = None  # made on first use: it wants a running loop

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return every address of `host` in its plain spelling.

        Raises socket.gaierror: EAI_NONAME where it has none, EAI_AGAIN where its name server does not say, EAI_SYSTEM
        where this machine has no name server to ask.
        """
        if self._inner is None:
            options: dict[str, Any] = {"timeout": DNS_TRY_SECONDS, "tries": DNS_TRIES}
            if self._server is not None:
                options |= {"nameservers": [self._server[0]], "udp_port": self._server[1]}
            self._inner = aiodns.DNSResolver(**options)
        try:
            found = await self._inner.getaddrinfo(
                host, family=family, port=port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else 0
            raise socket.gaierror(_CODES.get(code, socket.EAI_NONAME), "a name that was not found") from error
        return [
            ResolveResult(
                hostname=host, host=_plain(node.addr), port=port, family=node.family, proto=socket.IPPROTO_TCP, flags=0
            )
            for node in found.nodes
        ]

    async def close(self) -> None:
        """End the look-ups under way."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close()


_CODES: Final = {
    pycares.errno.ARES_ETIMEOUT: socket.EAI_AGAIN,
    pycares.errno.ARES_ESERVFAIL: socket.EAI_AGAIN,
    pycares.errno.ARES_EREFUSED: socket.EAI_AGAIN,
    pycares.errno.ARES_ECONNREFUSED: socket.EAI_SYSTEM,  # c-ares: no name server of resolv.conf could be reached
    pycares.errno.ARES_ENOMEM: socket.EAI_SYSTEM,
}


def _plain(address: tuple[bytes, int] | tuple[bytes, int, int, int]) -> str:
    """An address as getaddrinfo writes it, with its scope, if it has one: such an address is not public."""
    host = address[0].decode("ascii")
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] else host


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
    """What one fetch connects through. `refused` and `flooded` tell why, when a connection could not be had or kept."""

    def __init__(self, resolver: AbstractResolver, allowed: Networks) -> None:
        self.refused = False
        self.flooded = False
        self._resolver = resolver
        self._allowed = allowed
        self._sockets: list[socket.socket] = []
        self._budget = 0
        self.received = 0

    def expect(self, most: int) -> None:
        """Let this many bytes in from now on; the next one more ends the connection. `received` counts from here."""
        self._budget = most
        self.received = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up; raises PermissionError if any of its addresses may not be asked, OSError if it has none."""
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            self._check(result["host"])
        if not results:
            raise OSError("a name without addresses")
        return results[:MAX_ADDRESSES]

    def open_socket(self, addr_info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for the very address that is connected to next; the only check that an IP literal meets."""
        family, kind, proto, _, sockaddr = addr_info
        scope = sockaddr[3] if family == socket.AF_INET6 else 0
        self._check(f"{sockaddr[0]}%{scope}" if scope else str(sockaddr[0]))
        made = CountedSocket(family, kind, proto, self._count)
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
