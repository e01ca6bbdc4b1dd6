"""Ports that are given to web sites."""

from __future__ import annotations

import socket

import pytest

from tests import ports
from tests.addons.fetch.sites import PUBLIC, ok, serve
from tests.recorder import Site


def test_a_site_has_no_port_that_the_system_hands_out() -> None:
    with Site() as site:
        assert site.address[1] in ports.SITE_PORTS


async def test_a_raw_site_has_none_either() -> None:
    async with serve(ok(b"picture")) as site:
        assert site.port in ports.SITE_PORTS
        assert site.host == PUBLIC


def test_a_port_that_is_taken_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ports.free_port(PUBLIC)
    with ports.site_socket(PUBLIC) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "SITE_PORTS", (port,))
        with pytest.raises(OSError, match="in use"):
            ports.site_socket(PUBLIC)
        monkeypatch.setattr(ports, "SITE_PORTS", (port, other))
        with ports.site_socket(PUBLIC) as made:
            assert made.getsockname()[1] == other


def test_a_free_port_is_no_sites() -> None:
    port = ports.free_port()
    assert port in ports.OWN_PORTS
    assert port not in ports.SITE_PORTS
    socket.create_server(("127.0.0.1", port)).close()


def test_nothing_listens_at_a_closed_address() -> None:
    with ports.closed_address() as address:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(address)
