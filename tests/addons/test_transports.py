"""The sockets that mitmproxy holds for a client: which are closed, which are given up, and what lies unread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.server import ConnectionIO

from addons import transports
from tests.addons.sockets import Held, held

ID = "client"


def nothing() -> None:
    """A client that is gone is nobody's news."""


class Proxyserver:
    """Has the table that the real one has; the tests over sockets (test_intercept.py) hold that one to it."""

    def __init__(self) -> None:
        self.connections: dict[str, SimpleNamespace] = {}

    def add(self, name: str, transports: dict[Connection, ConnectionIO]) -> None:
        """A client, with its connection and perhaps one to pict-rs."""
        self.connections[name] = SimpleNamespace(transports=transports)


@pytest.fixture
async def proxyserver() -> Proxyserver:
    made = Proxyserver()
    Master(Options()).addons.add(made)
    return made


def client() -> Client:
    return Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0.0)


@pytest.fixture
async def ends() -> AsyncIterator[list[Held]]:
    """Four connections, each with its other end."""
    made = [await held() for _ in range(4)]
    yield made
    for each in made:
        await each.drop()


async def test_all_of_a_client_that_has_left_is_closed(proxyserver: Proxyserver, ends: list[Held]) -> None:
    mine, upstream, others, _ = ends
    proxyserver.add(ID, {client(): mine.io, Server(address=("h", 80)): upstream.io})
    proxyserver.add("other", {client(): others.io})
    transports.close_client(ID)
    assert [each.writer.is_closing() for each in (mine, upstream, others)] == [True, True, False]
    assert await mine.other_end_hears() == b""
    assert await upstream.other_end_hears() == b""
    transports.close_client(ID)  # a second time does no harm


async def test_a_client_is_hung_up_on(proxyserver: Proxyserver, ends: list[Held]) -> None:
    """What was written is dropped, whoever does not take it."""
    mine, upstream, others, _ = ends
    proxyserver.add(ID, {client(): mine.io, Server(address=("h", 80)): upstream.io})
    proxyserver.add("other", {client(): others.io})
    for each in (mine, upstream, others):
        each.fill()
    transports.hang_up(ID)
    assert [each.unsent for each in (mine, upstream)] == [0, 0]
    assert not others.writer.is_closing()
    transports.hang_up(ID)


async def test_a_client_that_mitmproxy_has_forgotten(proxyserver: Proxyserver) -> None:
    transports.close_client("gone")
    transports.hang_up("gone")
    transports.give_up_server("gone", "why")
    assert transports.unread("gone") == 0


async def test_a_connection_that_is_not_open_yet_or_any_more(proxyserver: Proxyserver) -> None:
    proxyserver.add(ID, {client(): ConnectionIO(), Server(address=("h", 80)): ConnectionIO()})
    transports.close_client(ID)
    transports.give_up_server(ID, "why")
    assert transports.unread(ID) == 0


async def test_only_pict_rs_is_given_up(proxyserver: Proxyserver, ends: list[Held]) -> None:
    """mitmproxy then tells the client, who is still there, in our words."""
    mine, upstream, others, _ = ends
    handlers = [asyncio.create_task(asyncio.Event().wait()) for _ in range(3)]
    for each, handler in zip((mine, upstream, others), handlers, strict=True):
        each.io.handler = handler
    proxyserver.add(ID, {client(): mine.io, Server(address=("h", 80)): upstream.io})
    proxyserver.add("other", {Server(address=("h", 80)): others.io})
    await asyncio.sleep(0)
    transports.give_up_server(ID, "pict-rs did not answer in time")
    await asyncio.wait(handlers, timeout=0.01)
    assert [handler.cancelled() for handler in handlers] == [False, True, False]
    with pytest.raises(asyncio.CancelledError) as raised:
        await handlers[1]
    assert raised.value.args == ("pict-rs did not answer in time",)  # mitmproxy writes it into its own error
    for handler in handlers:
        handler.cancel()


async def test_what_a_client_does_not_take_is_counted(proxyserver: Proxyserver, ends: list[Held]) -> None:
    mine, upstream, others, _ = ends
    proxyserver.add(ID, {client(): mine.io, Server(address=("h", 80)): upstream.io})
    proxyserver.add("other", {client(): others.io})
    assert transports.unread(ID) == 0
    for each in (upstream, others):
        each.fill()
    assert transports.unread(ID) == 0  # what lies here for pict-rs or for another client is not his
    mine.fill()
    assert transports.unread(ID) >= mine.unsent > 0
    while transports.unread(ID):
        assert await mine.other_end_hears()


async def test_what_the_system_still_has_is_not_taken_either(proxyserver: Proxyserver, ends: list[Held]) -> None:
    """It takes no more of what lies here until it got rid of a good deal, and a slow reader would look like none."""
    mine, *_ = ends
    proxyserver.add(ID, {client(): mine.io})
    mine.fill()
    before, here = transports.unread(ID), mine.unsent
    await mine.other_end_takes(8192)
    assert mine.unsent == here
    assert transports.unread(ID) < before
    mine.writer.transport.abort()
    assert transports.unread(ID) == 0


async def test_a_client_that_is_cut_off_hears_a_reset(proxyserver: Proxyserver, ends: list[Held]) -> None:
    mine, upstream, *_ = ends
    proxyserver.add(ID, {client(): mine.io, Server(address=("h", 80)): upstream.io})
    transports.cut(ID)
    transports.cut("gone")
    for each in (mine, upstream):
        each.writer.close()
        await each.writer.wait_closed()
    with pytest.raises(ConnectionResetError):
        await mine.other_end_hears()
    assert await upstream.other_end_hears() == b""


async def test_a_datagram_is_left_alone(proxyserver: Proxyserver) -> None:
    """mitmproxy has writers of another kind, for modes in which the filter does not run."""
    proxyserver.add(ID, {client(): ConnectionIO(writer=object())})  # type: ignore[arg-type]
    transports.close_client(ID)
    transports.hang_up(ID)
    transports.cut(ID)
    assert transports.unread(ID) == 0


# What mitmproxy has closed, and what lies behind it


async def opened(proxyserver: Proxyserver, ends: list[Held]) -> tuple[transports.Sockets, Client, list[Server]]:
    """A client with two connections to pict-rs, as mitmproxy tells of them; then it forgets them."""
    mine, servers = client(), [Server(address=("h", 80)), Server(address=("h", 80))]
    table = dict(zip((mine, *servers), (end.io for end in ends), strict=False))
    proxyserver.add(mine.id, table)
    sockets = transports.Sockets()
    sockets.client_opened(mine)
    for server in servers:
        sockets.server_opened(mine, server)
    table.clear()
    return sockets, mine, servers


async def test_what_pict_rs_does_not_take_is_dropped_with_its_connection(
    proxyserver: Proxyserver, ends: list[Held]
) -> None:
    sockets, mine, servers = await opened(proxyserver, ends)
    _, first, second, _ = ends
    for each in (first, second):
        each.fill()
        each.writer.close()  # mitmproxy's own close, which waits for pict-rs to take it all
        assert each.unsent > 0
    sockets.server_closed(mine, servers[0])
    assert first.unsent == 0 < second.unsent
    sockets.server_closed(mine, servers[0])  # a second time does no harm
    sockets.client_left(mine, nothing)
    assert second.unsent == 0


async def test_a_client_that_left_has_a_moment_to_take_the_rest(
    proxyserver: Proxyserver, ends: list[Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "GRACE_SECONDS", 0.2)
    sockets, mine, _ = await opened(proxyserver, ends)
    ends[0].fill()
    gone = asyncio.Event()
    sockets.client_left(mine, gone.set)
    assert ends[0].writer.is_closing()
    assert ends[0].unsent > 0
    await asyncio.sleep(0.1)
    assert not gone.is_set()  # it still counts
    async with asyncio.timeout(10):
        await gone.wait()
    assert ends[0].unsent == 0
    assert sockets._leaving == set()


async def test_a_client_that_takes_the_rest_slowly_gets_all_of_it(
    proxyserver: Proxyserver, ends: list[Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of what the system has must leave before it takes a byte from here: ten times as long as the grace."""
    monkeypatch.setattr(transports, "GRACE_SECONDS", 0.2)
    sockets, mine, _ = await opened(proxyserver, ends)
    sent = ends[0].fill()
    gone = asyncio.Event()
    sockets.client_left(mine, gone.set)
    piece, heard, end = sent // 100, 0, asyncio.get_running_loop().time() + 2.0
    while asyncio.get_running_loop().time() < end and heard < sent // 4:
        await ends[0].other_end_takes(piece)
        heard += piece
        await asyncio.sleep(0.05)
    while data := await ends[0].other_end_hears():
        heard += len(data)
    assert heard == sent
    await gone.wait()


async def test_a_client_that_hangs_up_is_gone_at_once(proxyserver: Proxyserver, ends: list[Held]) -> None:
    sockets, mine, _ = await opened(proxyserver, ends)
    ends[0].fill()
    gone = asyncio.Event()
    sockets.client_left(mine, gone.set)
    ends[0].other.close()
    async with asyncio.timeout(transports.GRACE_SECONDS / 2):
        await gone.wait()


async def test_a_client_that_has_it_all_is_gone_at_once(proxyserver: Proxyserver, ends: list[Held]) -> None:
    sockets, mine, _ = await opened(proxyserver, ends)
    gone: list[bool] = []
    sockets.client_left(mine, lambda: gone.append(True))
    assert gone == [True]


async def test_of_connections_that_have_ended_nothing_is_kept(proxyserver: Proxyserver, ends: list[Held]) -> None:
    sockets, mine, servers = await opened(proxyserver, ends)
    sockets.server_closed(mine, servers[0])
    sockets.server_closed(mine, servers[1])
    sockets.client_left(mine, nothing)
    assert sockets._clients == {}
    assert sockets._servers == {}
    sockets.client_left(mine, nothing)


async def test_a_connection_that_was_never_open_is_not_noted(proxyserver: Proxyserver) -> None:
    sockets, mine, server = transports.Sockets(), client(), Server(address=("h", 80))
    sockets.client_opened(mine)
    sockets.server_opened(mine, server)
    sockets.server_closed(mine, server)
    sockets.client_left(mine, nothing)
    assert sockets._clients == {}
    assert sockets._servers == {}
