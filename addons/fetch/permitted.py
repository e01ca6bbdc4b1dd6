"""Which machines a fetch may connect to: those on the public internet, and what the operator allows beside them.

And never pict-rs itself, whatever else is allowed: it would fetch and store, unjudged, what the path of such an address
tells it to (`/image/download?url=`). In a private network nothing at pict-rs's port may be asked, for pict-rs has more
addresses there than the one that the filter knows.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection

from addons.fetch import address

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


async def _system(host: str, port: int) -> Collection[str]:
    """As the proxy finds pict-rs. The name is the operator's own, so a thread of getaddrinfo is not at risk."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return {str(sockaddr[0]) for *_, sockaddr in found}


class Permitted:
    """`allowed` are networks beside the public internet, `pictrs` is the (host, port) that is never asked."""

    def __init__(
        self,
        allowed: Networks = (),
        pictrs: tuple[str, int] | None = None,
        look_up: Callable[[str, int], Awaitable[Collection[str]]] = _system,
    ) -> None:
        self._allowed = allowed
        self._pictrs = pictrs
        self._look_up = look_up
        self._machines: frozenset[object] = frozenset()

    async def prepare(self, port: int) -> None:
        """Find out where pict-rs is now, if this port is its. Raises OSError where that cannot be told."""
        if self._pictrs is not None and port == self._pictrs[1]:
            self._machines = frozenset(map(address.machine, await self._look_up(*self._pictrs)))

    def __call__(self, host: str, port: int) -> bool:
        """Whether an address in its plain spelling may be connected to."""
        public = address.is_public(host)
        if (
            self._pictrs is not None
            and port == self._pictrs[1]
            and (not public or address.machine(host) in self._machines)
        ):
            return False
        return public or self.is_allowed(host)

    def is_allowed(self, host: str) -> bool:
        """Whether an IP address in its plain spelling is in a network that is allowed beside the public ones."""
        try:
            return any(ipaddress.ip_address(host) in network for network in self._allowed)
        except ValueError:
            return False
