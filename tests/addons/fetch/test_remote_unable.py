"""What is this machine's fault is told apart from what is the other side's: only the latter says something about an
address, and only the latter is remembered (retrieval.py)."""

from __future__ import annotations

import errno
import socket

import pytest
from aiohttp.abc import ResolveResult

from addons.fetch import door
from addons.fetch.errors import NOT_PUBLIC, UNABLE, FetchError, FetchFailed, FetchUnable
from addons.fetch.remote import NO_WAY, OWN_FAULTS
from tests.addons.fetch.fetching import fetch
from tests.addons.fetch.sites import PUBLIC, Names, ok, serve

OURS = OWN_FAULTS | NO_WAY
THEIRS = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EPIPE)


class NoNames(Names):
    """A resolver that always fails with this code of getaddrinfo."""

    def __init__(self, code: int) -> None:
        super().__init__({})
        self.code = code

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        raise socket.gaierror(self.code, "private words")


def no_way(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """From now on the system connects the fetcher to nothing, for this reason."""

    def refuse(*_: object) -> None:
        raise OSError(number, "private words")

    monkeypatch.setattr(door.CountedSocket, "connect", refuse)


@pytest.mark.parametrize(
    ("number", "kind"),
    [*((number, FetchUnable) for number in sorted(OURS)), *((number, FetchFailed) for number in THEIRS)],
)
async def test_what_the_system_says_of_a_connection(
    number: int, kind: type[FetchError], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(ok(b"picture")) as site:
        no_way(monkeypatch, number)
        with pytest.raises(FetchError) as caught:
            await fetch(site.url, site)
        assert type(caught.value) is kind
        assert (caught.value.public == UNABLE) is (kind is FetchUnable)
        assert "private words" not in caught.value.public
        assert site.connects == 0


@pytest.mark.parametrize("number", sorted(NO_WAY))
@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["2606:4700:4700::1111"], FetchFailed),
        (["2606:4700:4700::1111", "2606:4700:4700::1001"], FetchFailed),
        (["2606:4700:4700::1111", PUBLIC], FetchUnable),
    ],
    ids=["IPv6", "twice", "and IPv4"],
)
async def test_most_machines_without_ipv6_are_well(
    number: int, names: list[str], kind: type[FetchError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's address is no fault of ours, nor a word in our log, because this machine speaks IPv4 alone."""
    async with serve(ok(b"picture")) as site:
        no_way(monkeypatch, number)
        with pytest.raises(FetchError) as caught:
            await fetch(f"http://site.example:{site.port}/", site, resolver=Names({"site.example": [names]}))
        assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("code", "kind", "public"),
    [
        (socket.EAI_SYSTEM, FetchUnable, UNABLE),
        (socket.EAI_NONAME, FetchFailed, NOT_PUBLIC),
        (socket.EAI_AGAIN, FetchFailed, NOT_PUBLIC),
    ],
    ids=["no name server", "no such name", "its name server is silent"],
)
async def test_what_a_look_up_comes_to(code: int, kind: type[FetchError], public: str) -> None:
    async with serve(ok(b"picture")) as site:
        with pytest.raises(FetchError) as caught:
            await fetch(f"http://site.example:{site.port}/", site, resolver=NoNames(code))
        assert (type(caught.value), caught.value.public) == (kind, public)
