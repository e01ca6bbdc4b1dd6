"""One ordinary fetch over real loopback sockets: 127.0.0.2 plays the public internet."""

from __future__ import annotations

import time

import pytest

from addons.fetch.errors import FetchFailed
from tests.addons.fetch.fetching import LONG, data, fetch, fetcher
from tests.addons.fetch.sites import PUBLIC, Names, Script, ok, redirect, reset, serve


async def test_one_fetch_is_one_request_for_exactly_that_url() -> None:
    async with serve(ok(b"picture")) as site:
        url = f"http://{PUBLIC}:{site.port}/a%2Fb%20?s=%2F%2f+x&u=http://h/"
        assert await fetch(url, site) == b"picture"
    assert site.connects == 1
    assert site.requests == [
        b"GET /a%%2Fb%%20?s=%%2F%%2f+x&u=http://h/ HTTP/1.1\r\n"
        b"Host: 127.0.0.2:%d\r\n"
        b"Accept: image/*,video/*;q=0.8\r\n"
        b"Accept-Encoding: identity\r\n"
        b"User-Agent: pictrs-filter (+https://github.com/pictrs-filter/pictrs-filter)\r\n"
        b"Connection: close\r\n\r\n" % site.port
    ]


async def test_each_fetch_connects_anew() -> None:
    async with serve(ok(b"picture")) as site, fetcher(site) as made:
        for _ in range(2):
            assert data(await made.fetch(site.url, time.monotonic() + LONG)) == b"picture"
        assert site.connects == 2


async def test_a_given_resolver_is_asked_and_stays_open() -> None:
    class Counted(Names):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    names = Counted({"site.example": [[PUBLIC]]})
    async with serve(ok(b"picture")) as site:
        assert await fetch(f"http://site.example:{site.port}/", site, resolver=names) == b"picture"
        assert b"Host: site.example:%d\r\n" % site.port in site.requests[0]
    assert names.asked == ["site.example"]
    assert names.closed == 0


async def test_the_next_address_of_a_name_is_tried() -> None:
    names = Names({"site.example": [["127.0.0.3", PUBLIC]]})
    async with (
        serve(ok(b"picture")) as site,
        fetcher(site, resolver=names, allow=("127.0.0.3/32", PUBLIC)) as made,
    ):
        assert data(await made.fetch(f"http://site.example:{site.port}/", time.monotonic() + LONG)) == b"picture"


async def test_environment_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(ok(b"picture")) as site, serve(ok(b"proxied")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{PUBLIC}:{proxy.port}")
        assert await fetch(site.url, site, proxy) == b"picture"
        assert proxy.connects == 0


async def test_headers_of_the_fetchers_own_go_with_every_request() -> None:
    async with serve(ok(b"picture")) as there, serve(redirect(there.url)) as here:
        async with fetcher(here, there, headers={"X-Loop-Guard": "pictrs-filter"}) as made:
            assert data(await made.fetch(here.url, time.monotonic() + LONG)) == b"picture"
        for site in (here, there):
            assert site.requests[0].count(b"\r\nX-Loop-Guard: pictrs-filter\r\n") == 1
            assert b"\r\nAccept-Encoding: identity\r\n" in site.requests[0]


@pytest.mark.parametrize("script", [b"", reset()], ids=["closed", "reset"])
async def test_a_connection_that_is_lost_before_the_answer_is_not_asked_again(script: Script | bytes) -> None:
    async with serve(script) as site:
        with pytest.raises(FetchFailed):
            await fetch(site.url, site)
        assert site.connects == 1
