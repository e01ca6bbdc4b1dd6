"""Who connects to the internal port and says nothing, or never ends, is let go: seen with real sockets."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import AsyncIterator

import pytest

from addons.page import bounded
from addons.page.server import Server
from tests.http1 import ask
from tests.running import until

Address = tuple[str, int]
LONG = 600.0


async def app(scope: object, receive: object, send: object) -> None:
    """Reads the body to its end, and answers 200."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)  # type: ignore[operator]
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    await send(head)  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]


@pytest.fixture
async def server() -> AsyncIterator[Address]:
    made = Server(app, "127.0.0.1", 0)
    yield made.open()
    await made.close()


def is_over(connection: socket.socket) -> bool:
    """Whether the other side has closed it."""
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return connection.recv(4096) == b""
    except OSError:
        return True


def test_connections_have_a_bound(server: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "REQUEST_SECONDS", LONG)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(server)) for _ in range(bounded.MAX_CONNECTIONS + 8)]
        until(lambda: sum(map(is_over, idle)) >= 8)
        assert sum(map(is_over, idle)) == 8
        for each in idle[:10]:
            each.close()
        until(lambda: _answers(server))


def _answers(server: Address) -> bool:
    with contextlib.suppress(OSError):
        return ask(server, "GET", "/").status == 200
    return False


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", id="half a head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", id="half a body"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n", id="half a second head"),
    ],
)
def test_a_request_must_come_to_its_end(server: Address, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(bounded, "REQUEST_SECONDS", 0.3)
    with socket.create_connection(server) as connection:
        first, _, second = said.partition(b"\r\n\r\nGET")
        connection.sendall(first + (b"\r\n\r\n" if second else b""))
        if second:
            until(lambda: connection.recv(4096).endswith(b"ok"))
            connection.sendall(b"GET" + second)
        until(lambda: is_over(connection))


def test_drops_do_not_prolong_it(server: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "REQUEST_SECONDS", 0.3)
    with socket.create_connection(server) as connection:

        def drips_to_its_end() -> bool:
            with contextlib.suppress(OSError):
                connection.sendall(b"G")
            return is_over(connection)

        until(drips_to_its_end)


def test_a_whole_request_is_not_hurried(server: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[object] = []
    monkeypatch.setattr(bounded.Bounded, "_rest", lambda self: ended.append(rest(self)))
    assert ask(server, "GET", "/").status == 200
    assert ended


rest = bounded.Bounded._rest
