"""A real nginx with the shipped configuration between three recorders: pict-rs, and two filters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.conftest import need_compose, need_nginx
from tests.docker import deployed, engine
from tests.nginx import Nginx
from tests.pictrs import required
from tests.recorder import Recorder
from tests.running import say


def need_engine() -> None:
    """Skip the test that runs where there is no Docker engine, or fail it where the real parts are required."""
    _need(engine.available())


def need_containers() -> None:
    """The same for containers that belong together: docker compose, and the images of others, are needed too."""
    need_compose()
    _need(deployed.available())


def _need(reason: str | None) -> None:
    if reason:
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


@dataclass
class Site:
    """What stands where. `one` is the first filter; `calls` are their listeners for pict-rs."""

    nginx: Nginx
    storage: Recorder
    one: Recorder
    two: Recorder
    calls: tuple[Recorder, Recorder]

    def reset(self) -> None:
        """Forget what was recorded."""
        for each in (self.storage, self.one, self.two, *self.calls):
            each.reset()

    @property
    def filtered(self) -> list[bytes]:
        """What came to any filter, an item a connection."""
        return [raw for each in (self.one, self.two) for raw in each.raw]

    def ask(self, line: str, *headers: str, body: bytes = b"") -> bytes:
        """One request on a connection of its own, after everything was forgotten. Gives the raw answer."""
        self.reset()
        head = "\r\n".join([line, "Host: x", "Connection: close", *headers, "", ""])
        return say(self.nginx.address, head.encode("latin-1") + body)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    need_nginx()
    with ExitStack() as running:
        storage, one, two, *calls = (running.enter_context(Recorder()) for _ in range(5))
        nginx = Nginx(storage.address, [one.address, two.address], [call.address for call in calls])
        running.enter_context(nginx)
        yield Site(nginx, storage, one, two, (calls[0], calls[1]))
