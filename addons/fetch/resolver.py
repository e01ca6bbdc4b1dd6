"""Names by the system's own settings (/etc/hosts, resolv.conf), without threads."""

from __future__ import annotations

import socket
from typing import Any, Final

import aiodns
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

DNS_TRY_SECONDS: Final = 2.0
DNS_TRIES: Final = 2
"""How long a name server is waited for, and how often it is asked: a fetch has 8 seconds in all by default."""


class SystemResolver(AbstractResolver):
    """Asks c-ares, on the event loop.

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
