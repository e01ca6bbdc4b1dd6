"""Ports of the web sites in tests: never one that pict-rs's stand-in has at another loopback address.

The fetcher asks nothing private at pict-rs's port (addons/fetch/permitted.py). The system hands the same free port out
twice, once for each address, now and then; so sites are given theirs from below the ports that it hands out.
"""

from __future__ import annotations

import contextlib
import random
import socket
from typing import Final

SITE_PORTS: Final = range(20000, 32000)  # Linux's net.ipv4.ip_local_port_range begins at 32768
TRIES: Final = 100


def site_socket(host: str) -> socket.socket:
    """A socket that listens at `host` and a free port of SITE_PORTS. Raises OSError if none of TRIES was free."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(OSError):
            return socket.create_server((host, random.choice(SITE_PORTS)))
    return socket.create_server((host, random.choice(SITE_PORTS)))
