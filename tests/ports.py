"""Ports in tests, where the first free one that the system hands out will not do.

The system hands out the same port twice: for two loopback addresses at a time, and after it was given back. So these
come from below the ports that it hands out (Linux's net.ipv4.ip_local_port_range begins at 32768).
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from typing import Final

SITE_PORTS: Final = range(20000, 26000)
"""For web sites. The fetcher asks nothing private at pict-rs's port (addons/fetch/permitted.py), so no site may have it
at another loopback address."""
OWN_PORTS: Final = range(26000, 32000)
"""For programs that are told their port before they run."""
TRIES: Final = 100


def site_socket(host: str) -> socket.socket:
    """A socket that listens at `host` and one of SITE_PORTS. Raises OSError if none of TRIES was free."""
    return _listening(host, SITE_PORTS)


def free_port(host: str = "127.0.0.1") -> int:
    """A port at which nothing listens just now. Raises OSError if none of TRIES was free."""
    with _listening(host, OWN_PORTS) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def closed_address() -> Iterator[tuple[str, int]]:
    """An address at which nothing listens, and nothing can: connections are refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()


def _listening(host: str, numbers: range) -> socket.socket:
    for _ in range(TRIES - 1):
        with contextlib.suppress(OSError):
            return socket.create_server((host, random.choice(numbers)))
    return socket.create_server((host, random.choice(numbers)))
