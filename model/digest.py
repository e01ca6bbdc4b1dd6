"""SHA-256 of a file, without holding up the event loop."""

from __future__ import annotations

import asyncio
import hashlib

OFF_LOOP_BYTES = 256 * 1024
"""From this size on, hashing runs in a thread: 256 KiB take SHA-256 about half a millisecond of the event loop."""


async def sha256(data: bytes) -> str:
    """Hex SHA-256 (64 digits) of all of `data`."""
    if len(data) < OFF_LOOP_BYTES:
        return hashlib.sha256(data).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
