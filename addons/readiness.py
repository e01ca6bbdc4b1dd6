"""Tells the service manager how far the filter is, where one wants to hear it: a systemd unit with `Type=notify`.

The manager names a Unix socket in NOTIFY_SOCKET and takes datagrams of lines such as `READY=1` (sd_notify(3), whose
protocol is stable and may be spoken without libsystemd). Decoders are started without that variable. Never raises: a
manager that does not listen is no reason to refuse pictures.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

SECONDS = 2.0
"""For the manager to take it. One that never reads has a queue that is full, and the filter must not wait for that."""
STOPPING = "STOPPING=1"
"""The requests in hand are being finished."""


def ready(status: str) -> str:
    """Pictures are judged. `status` is one line for `systemctl status`."""
    return f"READY=1\nSTATUS={status}"


def tell(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send it. Whether there was somebody who took it."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):  # a name without a file, of which the first byte is zero
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.settimeout(SECONDS)
            manager.sendto(state.encode(), address)
    except (OSError, ValueError) as error:
        log.debug("the service manager was not told %r: %s", state, error)
        return False
    return True
