"""What the client reads and what the log says when a fetch fails."""

from __future__ import annotations

import contextlib
import logging
import socket

import pytest

from addons.fetch.errors import NOT_PUBLIC, FetchError, FetchFailed, FetchForbidden, FetchTimeout, FetchTooLarge
from tests.addons.fetch.fetching import IDLE_SECONDS, LONG, MAX_BYTES, fetch
from tests.addons.fetch.sites import CHUNKED, PRIVATE, PUBLIC, Names, Script, hold, ok, redirect, reset, send, serve

NOT_FETCHED = "The address could not be fetched."
LATE = "The address did not answer in time."
MORE = "more bytes than allowed came"
LARGE = "The file is too large."
BROKEN = "the answer is not well-formed HTTP, or a header of it is too long"

TOLD: dict[str, tuple[Script | bytes, type[FetchError], str, str]] = {
    "status": (redirect("/", 404), FetchFailed, "The address answered 404 instead of 200.", ""),
    "empty": (ok(b""), FetchFailed, "The address answered with an empty body.", ""),
    "loop": (redirect("/"), FetchForbidden, "The address redirects too often.", ""),
    "port": (redirect("http://x:1/"), FetchForbidden, "The address has a port that is not allowed.", ""),
    "claimed": (ok(b"x" * (MAX_BYTES + 1)), FetchTooLarge, LARGE, f"{MAX_BYTES + 1} bytes claimed"),
    "sent": (send(b"HTTP/1.0 200 OK\r\n\r\n", b"x" * MAX_BYTES, b"x"), FetchTooLarge, LARGE, MORE),
    "stall": (hold(), FetchTimeout, LATE, "no byte for too long"),
    "closed": (b"", FetchFailed, NOT_FETCHED, "the connection ended before the answer did"),
    "closed in the head": (b"HTTP/1.1 200", FetchFailed, NOT_FETCHED, "the connection ended before the answer did"),
    "reset": (reset(), FetchFailed, NOT_FETCHED, "the connection was reset"),
    "short": (ok(b"picture")[:-1], FetchFailed, NOT_FETCHED, "fewer bytes came than announced"),
    "chunks": (CHUNKED + b"zz\r\n", FetchFailed, NOT_FETCHED, BROKEN),
    "chunks end early": (CHUNKED + b"3\r\npic\r\n", FetchFailed, NOT_FETCHED, "the body is broken"),
    "not HTTP": (hold(b"SSH-2.0-OpenSSH_9.2\r\n"), FetchFailed, NOT_FETCHED, BROKEN),
}  # fmt: skip


@pytest.mark.parametrize(("script", "kind", "public", "reason"), TOLD.values(), ids=TOLD)
async def test_what_is_told(script: Script | bytes, kind: type[FetchError], public: str, reason: str) -> None:
    async with serve(script) as site:
        with pytest.raises(kind) as caught:
            await fetch(site.url, site, idle_seconds=IDLE_SECONDS if kind is FetchTimeout else LONG)
    assert (caught.value.public, caught.value.code) == (public, "download-file-error")
    assert caught.value.reason == str(caught.value) == (reason or public)


async def test_nobody_listens() -> None:
    async with serve(b"") as site:
        pass
    with pytest.raises(FetchFailed) as caught:
        await fetch(site.url, site)
    assert (caught.value.public, caught.value.reason) == (NOT_FETCHED, "the connection was refused")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(socket.EAI_NONAME, "the name has no address"), (socket.EAI_AGAIN, "the name server did not answer")],
)
async def test_a_name_that_leads_nowhere_reads_as_one_that_leads_inside(failure: int, reason: str) -> None:
    async with serve(ok(b"secret"), PRIVATE) as inside:
        said = {}
        for host in ("nowhere.example", "inside.example", PRIVATE):
            names = Names({"inside.example": [[PRIVATE]]}, failure)
            with pytest.raises(FetchError) as caught:
                await fetch(f"http://{host}:{inside.port}/", inside, resolver=names)
            said[host] = caught.value
    assert {error.public for error in said.values()} == {NOT_PUBLIC}
    assert {error.code for error in said.values()} == {"download-file-error"}
    assert said["nowhere.example"].reason == reason
    assert said["inside.example"].reason == said[PRIVATE].reason == "an address that is not public"


async def test_no_log_names_an_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(ok(b"picture")) as site, serve(b"") as broken, serve(redirect("http://127.0.0.1/?token")) as away:
        for each in (site, broken, away):
            with contextlib.suppress(FetchError):
                await fetch(f"{each.url}?token=secret", site, broken, away)
    told = [record.getMessage() for record in caplog.records]
    assert "a fetch: the connection ended before the answer did" in told
    assert not any("token" in line or PUBLIC in line for line in told)
