"""Which machines may be asked, and that pict-rs is none of them."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Collection

import pytest

from addons.fetch.errors import NOT_PUBLIC, UNABLE, FetchForbidden, FetchUnable
from addons.fetch.permitted import Permitted
from addons.fetch.remote import RemoteFetcher
from config.settings import Fetch
from tests.addons.fetch.fetching import LONG
from tests.addons.fetch.sites import PUBLIC, Names, ok, redirect, serve

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
PICTRS = ("pictrs", 8080)


class Where:
    """Where pict-rs is, and how often that was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Collection[str]:
        self.asked.append((host, port))
        return self.addresses


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", True),
        ("10.0.0.1", False),
        ("::1", False),
        ("localhost", False),
        ("127.0.0.1%lo", False),
        ("", False),
    ],
)
def test_the_public_internet_and_what_is_allowed(host: str, may: bool) -> None:
    assert Permitted((LOOPBACK,))(host, 80) is may


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.255.255.254"])
def test_nothing_private_at_the_port_of_pict_rs(host: str) -> None:
    """pict-rs that listens on every address has more of them than the filter knows."""
    permitted = Permitted((LOOPBACK,), ("127.0.0.1", 8080))
    assert permitted(host, 80)
    assert not permitted(host, 8080)


async def test_a_pict_rs_on_the_public_internet() -> None:
    where = Where("203.0.114.9", "2606:4700:4700::9")
    permitted = Permitted((), PICTRS, where)
    await permitted.prepare(443)
    assert where.asked == []  # another port: nobody has to be asked
    await permitted.prepare(8080)
    assert where.asked == [PICTRS]
    for host in ("203.0.114.9", "::ffff:203.0.114.9", "64:ff9b::203.0.114.9", "2606:4700:4700::9"):
        assert not permitted(host, 8080), host
    for host in ("203.0.114.8", "2606:4700:4700::8"):
        assert permitted(host, 8080), host
    assert permitted("203.0.114.9", 80)


async def test_a_pict_rs_that_moves() -> None:
    where = Where("203.0.114.9")
    permitted = Permitted((), PICTRS, where)
    await permitted.prepare(8080)
    where.addresses = ("203.0.114.10",)
    await permitted.prepare(8080)
    assert permitted("203.0.114.9", 8080)
    assert not permitted("203.0.114.10", 8080)


async def test_the_system_is_asked_where_pict_rs_is() -> None:
    permitted = Permitted((), ("localhost", 8080))
    await permitted.prepare(8080)
    assert permitted._machines <= {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    assert permitted._machines


async def test_a_fetch_from_pict_rs_is_refused_by_every_way() -> None:
    """Its literal address, a name of it, and a redirect to it; nobody connects."""
    async with serve(ok(b"stored unjudged")) as pictrs, serve(redirect(f"{pictrs.url}?url=http://evil/")) as site:
        names = Names({"site.example": [[PUBLIC]], "other.example": [["127.0.0.3"]]})
        settings = Fetch(ports=(pictrs.port, site.port), allow_networks=("127.0.0.0/8",))
        made = RemoteFetcher(settings, 1000, resolver=names, pictrs=(PUBLIC, pictrs.port))
        for url in (
            f"{pictrs.url}?url=http://evil/bad.png",
            f"http://site.example:{pictrs.port}/image/download",
            f"http://other.example:{pictrs.port}/image/download",
            site.url,
        ):
            with pytest.raises(FetchForbidden) as caught:
                await made.fetch(url, _later())
            assert caught.value.public == NOT_PUBLIC
        assert (pictrs.connects, site.connects) == (0, 1)
        await made.close()


async def test_where_pict_rs_is_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(host: str, port: int) -> Collection[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "no name server")

    async with serve(ok(b"picture")) as site:
        made = RemoteFetcher(Fetch(ports=(site.port,), allow_networks=("127.0.0.0/8",)), 1000, pictrs=PICTRS)
        made._permitted = Permitted((LOOPBACK,), ("pictrs", site.port), fail)
        with pytest.raises(FetchUnable) as caught:
            await made.fetch(site.url, _later())
        assert caught.value.public == UNABLE
        assert site.connects == 0
        await made.close()


def _later() -> float:
    return time.monotonic() + LONG
