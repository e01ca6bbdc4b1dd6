"""This machine's addresses and gateway, by the kernel's own tables; and what is not there is not known."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from addons.doctor import machine

TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 172.18.0.0
        /16 link UNICAST
     |-- 172.18.0.3
        /32 host LOCAL
     |-- 172.18.255.255
        /32 link BROADCAST
Local:
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 172.18.0.3
        /32 host LOCAL
     |-- 169.254.7.7
        /32 host LOCAL
"""
IPV6 = """\
fe80000000000000004255fffeafc166 05 40 20 80  docker0
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 04 40 00 82     eth0
"""
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("TRIE", TRIE), ("IPV6", IPV6), ("ROUTES", ROUTES)):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(machine, name, tmp_path / name)
    return tmp_path


def test_addresses_that_others_may_reach(tables: Path) -> None:
    assert machine.own_addresses() == [ipaddress.ip_address("172.18.0.3"), ipaddress.ip_address("fd00::2")]


def test_the_gateway(tables: Path) -> None:
    assert machine.gateway() == "172.18.0.1"
    (tables / "ROUTES").write_text("\n".join(ROUTES.splitlines()[:2]))  # an internal network
    assert machine.gateway() is None


def test_where_the_kernel_tells_nothing(tables: Path) -> None:
    for path in tables.iterdir():
        path.unlink()
    assert machine.own_addresses() == []
    assert machine.gateway() is None


@pytest.mark.parametrize(
    ("address", "own"), [("127.0.0.1", True), ("127.7.7.7", True), ("198.51.100.1", False), ("2001:db8::1", False)]
)
def test_whether_an_address_is_of_this_machine(address: str, own: bool) -> None:
    assert machine.is_own(address) is own


def test_what_others_see() -> None:
    assert machine.towards("127.0.0.1") == "127.0.0.1"
    assert all(machine.is_own(str(address)) for address in machine.own_addresses())
