"""The internal port as the rest of the program sees it: made from the settings, opened once, closed once."""

from __future__ import annotations

from addons.page.app import build
from addons.page.server import Server
from addons.page.sessions import Sessions
from addons.page.sources import Sources
from addons.page.token import load_token
from config.admin import Admin


class InternalPort:
    """Does nothing where the settings turn it off. Raises state.StateError when the token's file cannot be used."""

    def __init__(self, settings: Admin, sources: Sources) -> None:
        self.address: tuple[str, int] | None = None
        self._server: Server | None = None
        if settings.address is not None:
            sessions = Sessions(load_token(settings.token_path))
            self._server = Server(build(sources, sessions, settings.hosts), *settings.address)

    def open(self) -> None:
        """Listen; `address` is then (host, port). Raises listener.ListenError."""
        if self._server is not None:
            self.address = self._server.open()

    async def close(self) -> None:
        """Accept no more, and end its thread."""
        if self._server is not None:
            await self._server.close()
