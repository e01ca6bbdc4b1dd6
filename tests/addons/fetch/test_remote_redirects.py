"""Where redirects lead, what is asked for there, and how many are followed."""

from __future__ import annotations

import pytest

from addons.fetch.errors import FetchForbidden
from config.settings import Fetch
from tests.addons.fetch.fetching import fetch
from tests.addons.fetch.sites import PUBLIC, endless, in_turn, ok, redirect, send, serve


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_with_get_and_nothing_else_is_carried(status: int) -> None:
    async with serve(ok(b"picture")) as there:
        answer = redirect(f"http://{PUBLIC}:{there.port}/b%2Fc?s=%2F%2B+#f", status)
        async with serve(answer.replace(b"\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n", 1)) as here:
            assert await fetch(here.url, here, there) == b"picture"
        assert there.requests[0].startswith(b"GET /b%2Fc?s=%2F%2B+ HTTP/1.1\r\n")
        assert not any(name in there.requests[0].lower() for name in (b"cookie:", b"referer:"))


async def test_a_relative_redirect_keeps_the_bytes_of_its_location() -> None:
    script = in_turn(redirect(b"../x%2Fy/\xe9?s=%2f \xc3\xbc", 302), ok(b"picture"))
    async with serve(script) as site:
        assert await fetch(f"http://{PUBLIC}:{site.port}/a/b/c?d", site) == b"picture"
    assert site.requests[1].startswith(b"GET /a/x%2Fy/%E9?s=%2f%20%C3%BC HTTP/1.1\r\n")


@pytest.mark.parametrize(("redirects", "may"), [(3, True), (4, False)], ids=["at the limit", "one beyond"])
async def test_redirects_are_counted(redirects: int, may: bool) -> None:
    script = in_turn(*[redirect(f"/{number}") for number in range(redirects)], ok(b"picture"))
    async with serve(script) as site:
        if may:
            assert await fetch(site.url, site) == b"picture"
        else:
            with pytest.raises(FetchForbidden, match="too often"):
                await fetch(site.url, site)
        assert site.connects == 4


async def test_a_redirect_loop_ends() -> None:
    async with serve(redirect("")) as site:
        with pytest.raises(FetchForbidden, match="too often"):
            await fetch(site.url, site)
        assert site.connects == Fetch().max_redirects + 1


async def test_two_sites_that_redirect_to_each_other_end() -> None:
    async with serve(b"") as here, serve(b"") as there:
        here.script, there.script = send(redirect(there.url)), send(redirect(here.url))
        with pytest.raises(FetchForbidden, match="too often"):
            await fetch(here.url, here, there)
        assert (here.connects, there.connects) == (2, 2)


async def test_the_body_of_a_redirect_is_not_read() -> None:
    async with serve(ok(b"picture")) as there:
        head = redirect(there.url).replace(b"Content-Length: 0", b"Content-Length: 10000000000")
        async with serve(endless(head, b"x" * 10_000)) as here:
            assert await fetch(here.url, here, there) == b"picture"
            await here.left.wait()
