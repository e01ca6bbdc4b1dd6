"""The filter with a judge that is all but real, a site to fetch from, and something in pict-rs's place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]

from addons import transports
from tests.chaos.leaks import SETTLE_SECONDS, Held, held
from tests.chaos.load import Asks
from tests.chaos.pictures import Gallery, RedModel, chaos_config, start_judge
from tests.ports import free_port
from tests.recorder import Site
from tests.running import RunningFilter, until

CALLBACK_HOST = "127.0.0.4"
"""A loopback address that nobody else takes ports of, since the listener has to get the same port again."""
CALL_SECONDS = 60.0
DECODERS = 2


Callback = dict[str, str]
"""The section `callback` of the settings."""


class Upstream(Protocol):
    """What stands in pict-rs's place, and can be killed and started again at the same address."""

    @property
    def address(self) -> tuple[str, int]:
        """Where the filter connects to."""
        ...

    @property
    def raw(self) -> list[bytes]:
        """All that came, an item a connection."""
        ...

    @property
    def taken(self) -> list[bytes]:
        """Every body that came for a staged address."""
        ...

    def kill(self) -> None:
        """As SIGKILL does."""
        ...

    def revive(self) -> None:
        """Start it again."""
        ...

    def hang_up(self) -> None:
        """End the calls that it keeps open for later."""
        ...


class Scene:
    """`with Scene(upstream, gallery) as scene`. `settings` are the filter's."""

    def __init__(self, upstream: Upstream, gallery: Gallery, callback: Callback, **settings: Any) -> None:
        self.upstream = upstream
        self.model = RedModel()
        self.site = Site()
        self.asks = Asks(gallery, self.site, lambda url: quote(url, safe=""))
        own: dict[str, Any] = {
            "fetch": {"allow_networks": ("127.0.0.0/8",), "ports": (self.site.address[1],)},
            "decoder": {"processes": DECODERS},
            "callback": callback,
        }
        config = chaos_config(upstream.address, **(own | settings))
        self.gate = RunningFilter(config, start=lambda given: start_judge(given, self.model))

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.site)
            stack.enter_context(self.gate)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, value, trace)

    @property
    def in_hand(self) -> int:
        """Requests that the filter has in hand."""
        return len(self.gate.filter._parts.intercept._cases)

    @property
    def idle_decoders(self) -> int:
        """Decoders that are ready for a file."""
        judge: Any = self.gate.filter._parts.inspector.judge
        return len(judge._judge._decoder._idle)

    @property
    def connections(self) -> list[str]:
        """What is open between clients, the filter, the site and pict-rs."""
        ours = {self.gate.address, self.gate.callback, self.upstream.address, self.site.address}
        return [
            f"{each.laddr} to {each.raddr}: {each.status}"
            for each in psutil.Process().net_connections("tcp")
            if each.raddr and ours & {tuple(each.laddr), tuple(each.raddr)}
        ]

    def rest(self) -> Held:
        """Wait until nothing is under way, and give what is held then."""
        until(lambda: self.held() and self.idle_decoders == DECODERS and not self.connections, SETTLE_SECONDS)
        return self.held()

    def held(self) -> Held:
        """What is held now, without what pict-rs only keeps open."""
        self.upstream.hang_up()
        return held(self.gate)

    def close_listener(self, *, cut: bool) -> None:
        """Listen no more for pict-rs; `cut`: end its calls too."""
        intercept = self.gate.filter._parts.intercept

        async def close() -> None:
            await intercept._listener.close()
            if cut:
                for caller in list(intercept._connections.callers):
                    transports.close_client(caller)

        self._run(close())

    def open_listener(self) -> None:
        """Listen again at the same address."""
        self._run(self.gate.filter._parts.intercept._listener.open())

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.gate._loop).result(CALL_SECONDS)


def callback_address() -> Callback:
    """Settings for an internal listener of which the address stays its own."""
    return {"listen": f"{CALLBACK_HOST}:{free_port(CALLBACK_HOST)}", "url": "auto"}
