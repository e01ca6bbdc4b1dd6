"""A connection to the internal port with an end to its patience: uvicorn waits for a request for ever.

The sockets here come out of the same descriptors as the proxy's; who may connect must not be able to take them all.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 64
"""Connections at a time; further ones are closed as they come. A browser opens six, Prometheus one."""
REQUEST_SECONDS = 10.0
"""Seconds from the first byte, or from the connection, until a request must be whole, its body too."""


class Bounded(H11Protocol):
    """Uvicorn's own, with a timer while a request is awaited or comes in. Between requests uvicorn has one."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Close one too many; else wait for its request."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes that do not end the request do not give it more time."""
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._watch()
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """No more to wait for."""
        self._rest()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
