"""Bytes: how many may come, how many are held, and who decides. Refused by count, never by the deadline."""

from __future__ import annotations

import contextlib
import gzip
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from addons.fetch.errors import FetchBusy, FetchError, FetchFailed, FetchTooLarge
from addons.fetch.reading import MAX_OVERHEAD_BYTES, Fetched, NotModified
from addons.fetch.remote import MAX_HEAD_BYTES, Validators
from tests.addons.fetch.fetching import LONG, MAX_BYTES, ask, data, fetch, fetcher
from tests.addons.fetch.sites import (
    CHUNKED,
    PUBLIC,
    Names,
    Script,
    Site,
    drip,
    endless,
    hold,
    ok,
    redirect,
    send,
    serve,
)
from tests.ports import closed_address

MOST_MEMORY_BYTES = 2_500_000
"""What a refused fetch may take at its peak, and the site in the same process: 1.4 MB were seen (interim answers)."""

OK = b"HTTP/1.1 200 OK\r\n\r\n"
CLAIMED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"

TOO_LARGE: dict[str, Script | bytes] = {
    "ten gigabytes claimed": hold(CLAIMED % 10_000_000_000),
    "ten gigabytes claimed and sent": endless(CLAIMED % 10_000_000_000, b"x" * 10_000),
    "one byte beyond, claimed": hold(CLAIMED % (MAX_BYTES + 1)),
    "one byte beyond, chunked": CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (MAX_BYTES + 1, b"x" * (MAX_BYTES + 1)),
    "one byte beyond, until the end": OK + b"x" * (MAX_BYTES + 1),
    "endless chunks": endless(CHUNKED, b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
    "one endless chunk": endless(CHUNKED + b"2540be400\r\n", b"x" * 10_000),
    "endless small chunks": endless(CHUNKED, b"1\r\nx\r\n" * 1000),
    "endless": endless(OK, b"x" * 10_000),
    # what is no byte of the body, and swallowed by the parser: only the Door counts it
    "endless chunk extension": endless(CHUNKED + b"3;a=", b"x" * 10_000),
    "endless chunk extensions": endless(CHUNKED, (b"1;a=" + b"x" * 8_000 + b"\r\nx\r\n") * 2),
    "endless chunk size": endless(CHUNKED, b"0" * 10_000),
    "endless space after a chunk size": endless(CHUNKED + b"3", b" " * 10_000),
    "endless space in a trailer": endless(CHUNKED + b"3\r\npic\r\n0\r\nA:", b" " * 10_000),
}

ENDLESS_HEADS: dict[str, Script] = {
    "header": endless(b"HTTP/1.1 200 OK\r\nA: ", b"x" * 10_000),
    "header name": endless(b"HTTP/1.1 200 OK\r\n", b"x" * 10_000),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"A: x\r\n" * 1000),
    "folded header": endless(b"HTTP/1.1 200 OK\r\nA: x\r\n", b" x\r\n" * 1000),
    "status line": endless(b"HTTP/1.1 200 ", b"x" * 10_000),
    "trailers": endless(CHUNKED + b"3\r\npic\r\n0\r\n", b"A: x\r\n" * 1000),
    "trailer": endless(CHUNKED + b"3\r\npic\r\n0\r\nA: ", b"x" * 10_000),
    # swallowed by the parser
    "empty lines": endless(b"", b"\r\n" * 5000),
    "space before a header": endless(b"HTTP/1.1 200 OK\r\nA:", b" " * 10_000),
    "100": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 400),
    "103": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 400),
    "103 with headers": endless(b"", (b"HTTP/1.1 103 Early Hints\r\n" + b"Link: <x>\r\n" * 100 + b"\r\n") * 10),
}


@contextlib.contextmanager
def memory(most: float = MOST_MEMORY_BYTES) -> Iterator[None]:
    """Fails when what is done in it takes more memory at its peak."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("script", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_too_large(script: Script | bytes) -> None:
    async with serve(script) as site:
        with memory(), pytest.raises(FetchTooLarge) as caught:
            await fetch(site.url, site)
        assert caught.value.public == "The file is too large."
        assert len(site.requests) == site.connects == 1


@pytest.mark.parametrize("script", ENDLESS_HEADS.values(), ids=ENDLESS_HEADS)
async def test_a_head_without_end(script: Script) -> None:
    async with serve(script) as site:
        with memory(), pytest.raises(FetchFailed) as caught:
            await fetch(site.url, site)
        assert caught.value.public == "The address could not be fetched."
        await site.left.wait()
        assert len(site.requests) == site.connects == 1


async def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000), 1)
    assert len(bomb) > MAX_BYTES
    small = gzip.compress(bytes(10_000_000))
    assert len(small) < MAX_BYTES
    for body in (bomb, small):
        async with serve(ok(body, b"Content-Encoding: gzip")) as site:
            with memory(), pytest.raises(FetchFailed, match="compressed body"):
                await fetch(site.url, site)
    async with serve(ok(small, b"Content-Type: image/png")) as site:  # as it came: what it is, the judge will see
        assert await fetch(site.url, site) == small


async def test_no_byte_is_unpacked_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[bytes] = []

    def unpack(_self: object, packed: bytes, *_more: object, **_still_more: object) -> bytes:
        unpacked.append(packed)
        raise ValueError

    monkeypatch.setattr("aiohttp.compression_utils.ZLibDecompressor.decompress_sync", unpack)
    async with serve(ok(gzip.compress(b"picture"), b"Content-Encoding: gzip")) as site:
        with pytest.raises(FetchFailed):
            await fetch(site.url, site)
    assert unpacked == []


@pytest.mark.parametrize("status", [b"404 Not Found", b"500 Internal Server Error", b"204 No Content"])
async def test_the_body_of_an_error_is_not_read(status: bytes) -> None:
    async with serve(endless(b"HTTP/1.1 %s\r\n\r\n" % status, b"x" * 10_000)) as site:
        with pytest.raises(FetchFailed):
            await fetch(site.url, site)
        await site.left.wait()


async def test_a_body_is_held_once() -> None:
    most = 8_000_000
    piece = b"%x\r\n%s\r\n" % (10_000, b"x" * 10_000)
    async with serve(send(CHUNKED, *[piece] * (most // 10_000), b"0\r\n\r\n")) as site:
        with memory(1.5 * most):
            assert len(data(await ask(site.url, site, max_bytes=most))) == most


def coded(wire: int) -> bytes:
    """A chunked body of one byte whose chunk extension makes it so many bytes on the wire."""
    return b"1;%s\r\nx\r\n0\r\n\r\n" % (b"x" * (wire - 12))


@pytest.mark.parametrize(("wire", "may"), [(MAX_OVERHEAD_BYTES - 1000, True), (MAX_OVERHEAD_BYTES + 70_000, False)])
async def test_the_limit_of_what_is_no_body(wire: int, may: bool) -> None:
    # What comes in together with the head is not counted: one read, 64 KiB.
    assert len(coded(wire)) == wire
    async with serve(send(CHUNKED + coded(wire))) as site:
        if may:
            assert await fetch(site.url, site) == b"x"
        else:
            with pytest.raises(FetchTooLarge, match="most of what came is not the body"):
                await fetch(site.url, site)


async def test_a_body_in_tiny_chunks_ends_soon() -> None:
    size = 2_000_000  # each chunk is work for the event loop: 12 MB on the wire
    async with serve(send(CHUNKED, *[b"1\r\nx\r\n" * 10_000] * (size // 10_000), b"0\r\n\r\n")) as site:
        with pytest.raises(FetchTooLarge, match="most of what came is not the body"):
            await ask(site.url, site, max_bytes=size)
    async with serve(send(CHUNKED, *[b"64\r\n%s\r\n" % (b"x" * 100)] * (size // 100), b"0\r\n\r\n")) as site:
        assert len(data(await ask(site.url, site, max_bytes=size))) == size


@pytest.mark.parametrize(("size", "may"), [(MAX_HEAD_BYTES, True), (MAX_HEAD_BYTES + 2, False)])
async def test_the_limit_of_what_comes_before_the_body(size: int, may: bool) -> None:
    answer = ok(b"picture")
    async with serve(b"\r\n" * ((size - len(answer)) // 2) + b"\r\n"[: size % 2] + answer) as site:
        if may:
            assert await fetch(site.url, site) == b"picture"
        else:
            with pytest.raises(FetchFailed, match=f"no answer within {MAX_HEAD_BYTES} bytes"):
                await fetch(site.url, site)


async def test_each_hop_may_have_a_head_of_its_own() -> None:
    lines = b"\r\n" * (MAX_HEAD_BYTES // 4)
    async with (
        serve(lines + ok(b"picture")) as there,
        serve(lines + redirect(there.url)) as here,
        serve(lines + redirect(here.url)) as first,
    ):
        assert await fetch(first.url, first, here, there) == b"picture"


# --- hold ---


@pytest.mark.parametrize("answer", [ok(b"x" * MAX_BYTES), OK + b"x" * MAX_BYTES], ids=["claimed", "until the end"])
async def test_hold_is_told_of_every_byte_before_it_is_kept(answer: bytes) -> None:
    told: list[int] = []

    def hold_all(size: int) -> bool:
        told.append(size)
        return True

    async with serve(answer) as site:
        assert len(data(await ask(site.url, site, hold=hold_all))) == MAX_BYTES
    assert told == sorted(set(told))
    assert told[-1] == MAX_BYTES
    assert len(told) > 1


async def test_hold_counts_what_came_and_not_what_was_claimed() -> None:
    told: list[int] = []
    script = hold(CLAIMED % MAX_BYTES, b"x" * 10)
    async with serve(script) as site:
        with pytest.raises(FetchError):
            await ask(site.url, site, idle_seconds=0.2, hold=lambda size: not told.append(size))  # type: ignore[func-returns-value]
    assert told[-1] == 10


@pytest.mark.parametrize("script", [endless(OK, b"x" * 10_000), drip(OK, b"x"), ok(b"x" * MAX_BYTES)])
async def test_no_room_ends_it_at_once(script: Script | bytes) -> None:
    told: list[int] = []

    def room(size: int) -> bool:
        told.append(size)
        return size <= 5

    async with serve(script) as site:
        with memory(), pytest.raises(FetchBusy) as caught:
            await ask(site.url, site, hold=room)
        assert len(site.requests) == site.connects == 1
    assert caught.value.public == "The image check is busy, please try later"
    assert told[-1] > 5
    assert all(size <= 5 for size in told[:-1])


@pytest.mark.parametrize("answer", [ok(b""), b"HTTP/1.1 304 Not Modified\r\n\r\n", redirect("/", 404), redirect("")])
async def test_nothing_is_held_for_an_answer_without_a_picture(answer: bytes) -> None:
    def never(_size: int) -> bool:
        raise AssertionError

    async with serve(answer) as site:
        try:
            found: Fetched | NotModified | FetchError = await ask(
                site.url, site, hold=never, known=Validators(etag='"1"')
            )
        except FetchError as error:
            found = error
    assert not isinstance(found, Fetched | FetchBusy)


# --- a network's part ---


async def test_a_network_that_has_its_part_already_is_not_asked() -> None:
    claimed: list[str] = []

    def full(network: str) -> bool:
        claimed.append(network)
        return False

    async with serve(ok(b"picture")) as site, fetcher(site) as made:
        with pytest.raises(FetchBusy):
            await made.fetch(site.url, time.monotonic() + LONG, claim=full)
        assert (claimed, site.connects) == (["127.0.0.0/24"], 0)


def elsewhere(network: str) -> bool:
    """Whether a network has room: all but one."""
    return network != "127.0.3.0/24"


async def test_another_address_of_the_name_may_have_room() -> None:
    names = Names({"site.example": [["127.0.3.1", PUBLIC]]})
    async with serve(ok(b"picture")) as site, fetcher(site, resolver=names, allow=("127.0.0.0/8",)) as made:
        url = f"http://site.example:{site.port}/"
        found = await made.fetch(url, time.monotonic() + LONG, claim=elsewhere)
        assert data(found) == b"picture"


async def test_an_address_that_had_room_and_answers_nonsense_is_no_busy_filter() -> None:
    """Else it would be fetched again at each view: only what failed is remembered."""
    names = Names({"site.example": [["127.0.3.1", PUBLIC]]})
    async with serve(b"nonsense\r\n\r\n") as site, fetcher(site, resolver=names, allow=("127.0.0.0/8",)) as made:
        with pytest.raises(FetchFailed):
            await made.fetch(f"http://site.example:{site.port}/", time.monotonic() + LONG, claim=elsewhere)
        assert site.connects == 1


async def test_a_redirect_from_where_an_address_was_busy_is_asked_all_the_same() -> None:
    """And when nobody answers there, that is why, and no busy filter."""
    names = Names({"site.example": [["127.0.3.1", PUBLIC]]})
    nobody = Site(hold())
    with closed_address() as (nobody.host, nobody.port):
        async with (
            serve(redirect(nobody.url)) as site,
            fetcher(site, nobody, resolver=names, allow=("127.0.0.0/8",)) as made,
        ):
            with pytest.raises(FetchFailed):
                await made.fetch(f"http://site.example:{site.port}/", time.monotonic() + LONG, claim=elsewhere)
            assert site.connects == 1


async def test_each_network_that_a_fetch_is_sent_to_counts() -> None:
    claimed: list[str] = []

    def note(network: str) -> bool:
        claimed.append(network)
        return True

    async with (
        serve(ok(b"picture"), "127.0.3.1") as there,
        serve(redirect(there.url)) as here,
        fetcher(here, there, allow=("127.0.0.0/8",)) as made,
    ):
        assert data(await made.fetch(here.url, time.monotonic() + LONG, claim=note)) == b"picture"
    assert claimed == ["127.0.0.0/24", "127.0.3.0/24"]
