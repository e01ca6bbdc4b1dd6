"""Ports that are given to web sites."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests import ports
from tests.addons.fetch.sites import PUBLIC, ok, serve
from tests.recorder import Site


def test_a_site_has_no_port_that_the_system_hands_out() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    with Site() as site, socket.create_server(("127.0.0.1", 0)) as other:
        assert site.address[1] not in range(first, last + 1)
        assert other.getsockname()[1] not in ports.SITE_PORTS


async def test_a_raw_site_has_none_either() -> None:
    async with serve(ok(b"picture")) as site:
        assert site.port in ports.SITE_PORTS
        assert site.host == PUBLIC


def test_a_port_that_is_taken_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports.site_socket(PUBLIC) as free:
        other = free.getsockname()[1]
    with ports.site_socket(PUBLIC) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "SITE_PORTS", (port,))
        with pytest.raises(OSError, match="in use"):
            ports.site_socket(PUBLIC)
        monkeypatch.setattr(ports, "SITE_PORTS", (port, other))
        with ports.site_socket(PUBLIC) as made:
            assert made.getsockname()[1] == other
