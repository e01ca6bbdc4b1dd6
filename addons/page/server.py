"""The internal port, in a thread and an event loop of its own: a page that is slow holds up no picture."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from addons.listener import ListenError, origin
from addons.page.bounded import MAX_CONNECTIONS, Bounded

log = logging.getLogger("pictrs_filter")

BACKLOG = 64
"""Connections that wait to be accepted."""
MAX_AT_ONCE = MAX_CONNECTIONS
"""Connections and requests in hand; more are answered 503, and connections beyond (bounded.py) closed."""
KEEP_ALIVE_SECONDS = 5
STOP_SECONDS = 3.0
"""How long a stop waits for answers that are on their way."""


class Server:
    """Opened once, closed once. Nothing is written to an access log: addresses there may hold what should stay."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Bounded,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MAX_AT_ONCE,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(STOP_SECONDS),
            )
        )

    def open(self) -> tuple[str, int]:
        """Listen, and give (host, port); with port 0 the one that the system chose. Raises ListenError."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self._host, self._port))
            made.listen(BACKLOG)
            made.setblocking(False)
        except OSError as error:
            made.close()
            place = f"{self._host}:{self._port}"
            raise ListenError(f"cannot listen on {place} (admin.listen): is another program there?") from error
        self._socket = made
        self._thread = threading.Thread(target=self._run, name="internal port", daemon=True)
        self._thread.start()
        host, port, *_ = made.getsockname()
        log.info("the status page is at %s", origin(host, port))
        return host, port

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._thread is not None and self._thread.is_alive()

    async def close(self) -> None:
        """Accept no more, let answers finish within STOP_SECONDS, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._server.should_exit = True
            await asyncio.to_thread(thread.join, STOP_SECONDS + 1)

    def _run(self) -> None:
        """Uvicorn takes over no signals here: it does so in the main thread alone."""
        assert self._socket is not None  # noqa: S101 -- `open` has made it
        with contextlib.suppress(asyncio.CancelledError):
            self._server.run(sockets=[self._socket])
        self._socket.close()
