"""Who is connected: clients, whose number is bounded, and pict-rs with its own calls, for which clients wait."""

from __future__ import annotations

import asyncio

PER_REQUEST = 4
"""Connections of clients that may be open for each request that may be in hand: most are idle and kept alive."""


class Connections:
    """`alone` is set while there are none. `max_requests` is how many requests may be in hand."""

    def __init__(self, max_requests: int) -> None:
        self._most = max_requests
        self.clients: set[str] = set()
        self.callers: set[str] = set()
        self.alone = asyncio.Event()
        self.alone.set()

    def admit(self, client_id: str, is_caller: bool) -> bool:
        """Count a connection; False when there are too many, and it is not counted."""
        if not is_caller and len(self.clients) >= PER_REQUEST * self._most:
            return False
        (self.callers if is_caller else self.clients).add(client_id)
        self.alone.clear()
        return True

    def leave(self, client_id: str) -> None:
        """Forget a connection that has closed. Idempotent."""
        self.clients.discard(client_id)
        self.callers.discard(client_id)
        if not self.clients and not self.callers:
            self.alone.set()
