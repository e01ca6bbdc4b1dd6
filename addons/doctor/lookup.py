"""Names as the filter finds them: by the system's own settings, /etc/hosts and Docker's name server among them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

SECONDS = 12.0
"""Seconds for one look-up: two name servers that say nothing, 5 seconds each (resolv.conf(5)), and a little more."""


async def addresses(host: str) -> list[str]:
    """Every IP address of a host, each once. Empty where the name is known to nobody, or nobody answers for it."""
    if is_address(host):
        return [host]
    try:
        async with asyncio.timeout(SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def is_address(host: str) -> bool:
    """Whether it is an IP address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
