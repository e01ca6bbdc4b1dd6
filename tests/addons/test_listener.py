"""The second listener: it has a port of its own, knows its own connections, and says when it cannot be had."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import Client
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.mode_specs import ProxyMode

from addons import closed
from addons.listener import CallbackListener, ListenError, origin
from tests.ports import free_port


@pytest.fixture
async def _mitmproxy() -> AsyncIterator[None]:
    made = Proxyserver()
    Master(Options()).addons.add(made)
    yield
    assert not list(made.servers)  # mitmproxy's own list is made anew from the options: ours is not in it


def came_in(spec: str) -> Client:
    """A client's connection, as mitmproxy marks it."""
    mode = ProxyMode.parse(spec)
    return Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0.0, proxy_mode=mode)


def free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        return False
    return True


@pytest.mark.usefixtures("_mitmproxy")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.0.0.2"])
async def test_it_listens_where_it_is_told_until_it_is_closed(host: str) -> None:
    if not free(host, 0):
        host = "127.0.0.1"  # a machine without IPv6, or with one loopback address
    listener = CallbackListener(host, 0)
    address = await listener.open()
    assert address[0] == host
    assert address[1] > 0
    assert not free(*address)
    await listener.close()
    assert free(*address)
    await listener.close()


@pytest.mark.usefixtures("_mitmproxy")
@pytest.mark.parametrize("url", [None, "http://pictrs-filter:8082"])
async def test_pict_rs_is_told_the_address_under_which_it_reaches_it(url: str | None) -> None:
    listener = CallbackListener("127.0.0.1", 0, url)
    _, port = await listener.open()
    assert listener.base == (url or f"http://127.0.0.1:{port}")
    await listener.close()


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert (origin("::1", 80), origin("127.0.0.1", 8082)) == ("http://[::1]:80", "http://127.0.0.1:8082")


async def test_one_that_was_never_opened_can_be_closed() -> None:
    await CallbackListener("127.0.0.1", 0).close()


@pytest.mark.usefixtures("_mitmproxy")
async def test_a_port_that_is_chosen_is_the_one() -> None:
    port = free_port()
    listener = CallbackListener("127.0.0.1", port)
    assert await listener.open() == ("127.0.0.1", port)
    await listener.close()


@pytest.mark.usefixtures("_mitmproxy")
async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = CallbackListener("127.0.0.1", port)
        with pytest.raises(ListenError) as raised:
            await listener.open()
        assert str(raised.value) == (f"cannot listen on 127.0.0.1:{port} (callback.listen): is another program there?")
        await listener.close()  # the other program is still there
        assert not free("127.0.0.1", port)


@pytest.mark.usefixtures("_mitmproxy")
async def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1:0 "):
        await CallbackListener("192.0.2.1", 0).open()


async def test_it_knows_its_own_connections() -> None:
    listener = CallbackListener("127.0.0.1", 8082)
    assert listener.owns(came_in(f"{closed.MODE}@127.0.0.1:8082"))
    for other in (closed.MODE, f"{closed.MODE}@127.0.0.1:8081", f"{closed.MODE}@127.0.0.2:8082", "regular"):
        assert not listener.owns(came_in(other))


@pytest.mark.usefixtures("_mitmproxy")
async def test_mitmproxy_marks_them_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark that a connection really gets is the one that it is known by."""
    seen: asyncio.Queue[Client] = asyncio.Queue()

    async def handle(handler: ProxyConnectionHandler) -> None:
        client = handler.layer.context.client
        writer = handler.transports[client].writer
        assert isinstance(writer, asyncio.StreamWriter)
        writer.close()
        await writer.wait_closed()
        seen.put_nowait(client)

    monkeypatch.setattr(ProxyConnectionHandler, "handle_client", handle)
    first, second = CallbackListener("127.0.0.1", 0), CallbackListener("localhost", 0)
    for listener in (first, second):
        address = await listener.open()
        _, writer = await asyncio.open_connection(*address)
        client = await seen.get()
        assert [each.owns(client) for each in (first, second)] == [listener is first, listener is second]
        writer.close()
        await writer.wait_closed()
        await listener.close()
