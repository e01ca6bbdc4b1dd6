"""A second listener of the same proxy, for pict-rs's calls: the same layers, limits and hooks, told apart by its mode.

mitmproxy runs one server for each mode, and a mode's text may name an address. This one is kept beside mitmproxy's own
list, because that list is made anew from the options, in which an operator's `--mode` stands.
"""

from __future__ import annotations

from typing import Any

from mitmproxy import ctx
from mitmproxy.connection import Client
from mitmproxy.proxy.mode_servers import ServerInstance

from addons.closed import MODE


class ListenError(Exception):
    """An address to listen on could not be had; the message is for the operator."""


def origin(host: str, port: int) -> str:
    """`http://HOST:PORT`, an IPv6 address in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class CallbackListener:
    """Opened once, closed once. `url` is how pict-rs reaches it (`http://HOST:PORT`), None: as it listens."""

    def __init__(self, host: str, port: int, url: str | None = None) -> None:
        self.base = url or ""  # complete once it is open
        self._host = host
        self._port = port
        self._spec = f"{MODE}@{host}:{port}"
        self._server: ServerInstance[Any] | None = None

    async def open(self) -> tuple[str, int]:
        """Listen, and give (host, port); with port 0 the one that the system chose. Raises ListenError."""
        server: ServerInstance[Any] = ServerInstance.make(self._spec, ctx.master.addons.get("proxyserver"))
        try:
            await server.start()
        except OSError as error:
            place = f"{self._host}:{self._port}"
            raise ListenError(f"cannot listen on {place} (callback.listen): is another program there?") from error
        self._server = server
        host, port, *_ = server.listen_addrs[0]
        self.base = self.base or origin(host, port)
        return host, port

    async def close(self) -> None:
        """Accept no more. Connections that are open stay."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    def owns(self, client: Client) -> bool:
        """Whether this connection came in here."""
        return client.proxy_mode.full_spec == self._spec
