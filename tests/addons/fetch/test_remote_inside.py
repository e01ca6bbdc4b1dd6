"""What must not be asked, however it is spelled and whoever sends the fetcher there: 127.0.0.1 plays the inside."""

from __future__ import annotations

import asyncio
import time

import pytest

from addons.fetch.errors import NOT_PUBLIC, FetchError, FetchForbidden
from tests.addons.fetch.fetching import LONG, data, fetch, fetcher
from tests.addons.fetch.sites import PRIVATE, PUBLIC, Names, listen, ok, redirect, serve

PRIVATE_NAMES = {
    "inside.example": [[PRIVATE]],
    "both.example": [[PUBLIC, PRIVATE]],
    "both-other-way.example": [[PRIVATE, PUBLIC]],
    "mapped.example": [[f"::ffff:{PRIVATE}"]],
    "six.example": [["::1"]],
    "scoped.example": [["fe80::1%lo"]],
    "many.example": [[PUBLIC, PUBLIC, PUBLIC, PUBLIC, "10.0.0.1"]],
    "not-an-address.example": [["localhost"]],
}


@pytest.mark.parametrize("host", PRIVATE_NAMES)
async def test_a_name_with_any_address_inside_is_refused(host: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside, serve(ok(b"picture")) as site:
        for port in (inside.port, site.port):
            with pytest.raises(FetchForbidden) as caught:
                await fetch(f"http://{host}:{port}/", inside, site, resolver=Names(PRIVATE_NAMES))
            assert caught.value.public == NOT_PUBLIC
        assert (inside.connects, site.connects) == (0, 0)


LITERALS = [PRIVATE, "0.0.0.0", "127.1.2.3", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:0]"]
LITERALS += ["[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "10.0.0.1", "169.254.169.254", "①②⑦.⓪.⓪.①", "127。0。0。1"]


@pytest.mark.parametrize("host", LITERALS)
async def test_an_address_inside_is_refused_unconnected(host: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        with pytest.raises(FetchForbidden) as caught:
            await fetch(f"http://{host}:{inside.port}/", inside)
        assert caught.value.public == NOT_PUBLIC
        assert inside.connects == 0


@pytest.mark.parametrize(
    "url",
    [
        *[
            "http://2130706433:{}/",
            "http://0x7f.1:{}/",
            "http://0177.0.0.1:{}/",
            "http://127.1:{}/",
            "http://127.0.0.1.:{}/",
        ],
        *[
            "http://x@127.0.0.1:{}/",
            "http://127.0.0.2@127.0.0.1:{}/",
            "http://127.0.0.2\\@127.0.0.1:{}/",
            "//127.0.0.1:{}/",
        ],
        *["ftp://127.0.0.1:{}/", "file:///etc/passwd", "http://[::1%25lo]:{}/", "http://127.0.0.1:{}/\r\nX:y", "", "x"],
        *["http://127.0.0.2/", "https://127.0.0.2/", "http://127.0.0.2:22/"],
    ],
)
async def test_a_url_that_is_refused_by_its_text(url: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        with pytest.raises(FetchForbidden) as caught:
            await fetch(url.format(inside.port), inside)
        assert caught.value.public.startswith("The address ")
        assert inside.connects == 0


async def test_a_client_learns_nothing_about_the_inside() -> None:
    names = Names(PRIVATE_NAMES)
    said = set()
    async with serve(ok(b"secret"), PRIVATE) as inside, serve(ok(b"picture")) as site:
        for host in (*PRIVATE_NAMES, PRIVATE, "10.9.8.7", "no-such-name.example"):
            for port in (inside.port, site.port):
                with pytest.raises(FetchError) as caught:
                    await fetch(f"http://{host}:{port}/", inside, site, resolver=names)
                said.add((caught.value.public, caught.value.code))
    assert said == {(NOT_PUBLIC, "download-file-error")}


async def test_a_name_is_looked_up_once_for_check_and_connection() -> None:
    names = Names({"rebinds.example": [[PUBLIC], [PRIVATE]]})
    async with serve(ok(b"picture")) as site:
        assert await fetch(f"http://rebinds.example:{site.port}/", site, resolver=names) == b"picture"
    assert names.asked == ["rebinds.example"]


# --- names that change ---


async def test_a_name_that_rebinds_between_two_hops_is_refused() -> None:
    names = Names({"rebinds.example": [[PUBLIC], [PRIVATE]]})
    async with serve(redirect("/again")) as site:
        async with serve(ok(b"secret"), PRIVATE) as inside:
            async with listen(inside.talk, PRIVATE, site.port):
                with pytest.raises(FetchForbidden) as caught:
                    await fetch(f"http://rebinds.example:{site.port}/", site, resolver=names)
            assert inside.connects == 0
        assert site.connects == 1
    assert caught.value.public == NOT_PUBLIC
    assert names.asked == ["rebinds.example"] * 2


async def test_a_name_with_a_new_address_each_time_is_asked_where_it_is_public() -> None:
    here, there = PUBLIC, "127.0.0.3"
    names = Names({"moves.example": [[here], [there], [PRIVATE]]})
    async with (
        serve(redirect("/b")) as first,
        serve(redirect("/c"), there) as second,
        serve(ok(b"secret"), PRIVATE) as inside,
        listen(second.talk, there, first.port),
        listen(inside.talk, PRIVATE, first.port),
        fetcher(first, resolver=names, allow=(here, there)) as made,
    ):
        with pytest.raises(FetchForbidden):
            await made.fetch(f"http://moves.example:{first.port}/", time.monotonic() + LONG)
        assert (first.connects, second.connects, inside.connects) == (1, 1, 0)


async def test_a_name_that_rebinds_between_two_fetches_is_refused_by_the_second() -> None:
    names = Names({"rebinds.example": [[PUBLIC], [PRIVATE]]})
    async with serve(ok(b"picture")) as site, fetcher(site, resolver=names) as made:
        url = f"http://rebinds.example:{site.port}/"
        assert data(await made.fetch(url, time.monotonic() + LONG)) == b"picture"
        with pytest.raises(FetchForbidden):
            await made.fetch(url, time.monotonic() + LONG)
        assert site.connects == 1


# --- redirects ---

REDIRECTS_INSIDE = [
    "http://127.0.0.1:{inside}/",
    "//127.0.0.1:{inside}/",
    "http://[::ffff:127.0.0.1]:{inside}/",
    "http://inside.example:{inside}/",
    "http://both.example:{inside}/",
]


@pytest.mark.parametrize("location", REDIRECTS_INSIDE)
async def test_a_redirect_to_the_inside_is_refused(location: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        async with serve(redirect(location.format(inside=inside.port))) as site:
            with pytest.raises(FetchForbidden) as caught:
                await fetch(site.url, site, inside, resolver=Names(PRIVATE_NAMES))
            assert site.connects == 1
        assert inside.connects == 0
    assert caught.value.public == NOT_PUBLIC


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.2/",
        "gopher://127.0.0.2:{other}/",
        "http://127.0.0.2:{other}/",
        "//127.0.0.2:{other}/",
        "http://127.0.0.2/",
        "https://127.0.0.2/",
        "http://x@127.0.0.2:{here}/",
        "http://2130706434:{here}/",
        "http:///127.0.0.2:{here}/",
        "\\\\127.0.0.2:{here}\\",
        "/" + "x" * 9000,
    ],
    ids=lambda location: location[:30],
)
async def test_a_redirect_that_is_refused_by_its_text(location: str) -> None:
    async with serve(ok(b"secret")) as other:

        async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(redirect(location.format(here=site.port, other=other.port)))

        async with serve(script) as site:
            with pytest.raises(FetchError):
                await fetch(site.url, site)
            assert (site.connects, other.connects) == (1, 0)
