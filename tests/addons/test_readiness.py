"""What the service manager is told, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons import readiness


@pytest.fixture(params=["a file", "a name without a file"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A manager's socket, and what NOTIFY_SOCKET would say."""
    address = str(tmp_path / "notify") if request.param == "a file" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taker:
        taker.bind(address.replace("@", "\0"))
        taker.setblocking(False)
        yield taker, address


def test_the_manager_is_told(manager: tuple[socket.socket, str]) -> None:
    taker, address = manager
    assert readiness.tell(readiness.ready("listening on 127.0.0.1:8081"), {"NOTIFY_SOCKET": address})
    assert taker.recv(1000) == b"READY=1\nSTATUS=listening on 127.0.0.1:8081"
    assert readiness.tell(readiness.STOPPING, {"NOTIFY_SOCKET": address})
    assert taker.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("address", [None, "", "/nobody/listens/here", "@nobody listens here", "a\0b", "/x" * 200])
def test_without_one_nothing_is_said_and_nothing_raised(address: str | None) -> None:
    environment = {} if address is None else {"NOTIFY_SOCKET": address}
    assert not readiness.tell(readiness.STOPPING, environment)


def test_a_manager_that_never_reads_is_not_waited_for(
    manager: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "SECONDS", 0.05)
    told = (readiness.tell(readiness.STOPPING, {"NOTIFY_SOCKET": manager[1]}) for _ in range(100_000))
    assert next(told)
    assert not all(told)  # the queue is full
