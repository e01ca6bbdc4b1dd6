"""This machine's own addresses and its gateway, as Linux tells them; in a container, the container's.

Only IPv4 gateways are read: that is what Docker gives by default. Nothing here raises where the kernel
tells nothing; then nothing is known.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

ROUTES = Path("/proc/net/route")
TRIE = Path("/proc/net/fib_trie")
IPV6 = Path("/proc/net/if_inet6")

_LOCAL = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\s+/32 host LOCAL")


def own_addresses() -> list[Address]:
    """Every address of this machine that others may reach it by: not loopback's, and none of a link alone."""
    found: dict[Address, None] = {ipaddress.IPv4Address(text): None for text in _LOCAL.findall(_text(TRIE))}
    for line in _text(IPV6).splitlines():
        found[ipaddress.IPv6Address(int(line.split()[0], 16))] = None
    return [address for address in found if not address.is_loopback and not address.is_link_local]


def is_own(address: str) -> bool:
    """Whether what connects to this IP address ends at this machine: whether one may listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, OverflowError):
        return False
    return True


def gateway() -> str | None:
    """The default gateway: in a container the machine that runs it, on which published ports are open."""
    for destination, via, mask in _routes():
        if int(destination) == int(mask) == 0 and int(via) != 0:
            return str(via)
    return None


def towards(address: str) -> str | None:
    """Which of this machine's addresses what is at this IP address would see. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # of UDP: that only chooses the way
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _routes() -> Iterator[tuple[ipaddress.IPv4Address, ...]]:
    """(destination, gateway, mask) of each route; the kernel writes them as hex, in the machine's byte order."""
    for line in _text(ROUTES).splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7:
            yield tuple(ipaddress.IPv4Address(socket.htonl(int(fields[column], 16))) for column in (1, 2, 7))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""
