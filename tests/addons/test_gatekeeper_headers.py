"""Which of a client's headers go on to pict-rs, and which of the filter's own show that a request comes back to it."""

from __future__ import annotations

import pytest

from addons.gatekeeper import Forward
from addons.loop import LOOP_HEADER
from addons.pictrs import answers
from tests.addons.desk import SEAL, Desk, sent, status_of

OURS = (LOOP_HEADER, SEAL.instance.encode())
"""What every request for pict-rs carries."""

KEPT = [b"Accept", b"Range", b"If-Range", b"If-Match", b"If-None-Match", b"If-Modified-Since", b"If-Unmodified-Since"]
DROPPED = [
    *[b"Cookie", b"Authorization", b"Proxy-Authorization", b"X-Forwarded-For", b"Forwarded", b"X-Api-Token", b"Host"],
    *[b"Expect", b"Upgrade", b"Connection", b"Keep-Alive", b"TE", b"Trailer", b"Transfer-Encoding", b"Content-Range"],
    *[b"Accept-Encoding", b"User-Agent", b"X-HTTP-Method-Override", b"Content-Disposition", b"Accept\x00", b"Ran ge"],
    LOOP_HEADER,
]


async def test_of_the_client_s_headers_a_table_goes_on() -> None:
    given = [(name, b"value") for name in (*KEPT, *DROPPED, b"Content-Length", b"Content-Type")]
    forward = await Desk().ask("GET", "/image/original/a.png", *given)
    assert isinstance(forward, Forward)
    assert forward.headers == (*((name.lower(), b"value") for name in KEPT), OURS)
    assert forward.body == b""


async def test_an_upload_has_its_own_type_and_length_once() -> None:
    given = ((b"Accept", b"*/*"), (b"content-length", b"0"), (b"Transfer-Encoding", b"chunked"))
    forward = await Desk().upload(b"one", headers=given)
    assert isinstance(forward, Forward)
    assert [name for name, _ in forward.headers] == [b"accept", LOOP_HEADER, b"Content-Type", b"Content-Length"]
    assert sent(forward) == [b"one"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param([b"bytes=0-1", b"bytes=2-3"], b"bytes=0-1", id="the-first-of-two"),
        pytest.param([b"a\r\nX: y", b"bytes=2-3"], b"bytes=2-3", id="the-first-that-is-clean"),
        *[
            pytest.param([b"a" + bytes([byte]) + b"b"], kept, id=f"byte-{byte:02x}")
            for byte, kept in {
                **dict.fromkeys((0x00, 0x08, 0x0A, 0x0B, 0x0D, 0x1F, 0x7F, 0x80, 0xFF)),
                0x09: b"a\tb",
                0x20: b"a b",
                0x7E: b"a~b",
            }.items()
        ],
        pytest.param([b""], b"", id="empty"),
    ],
)
async def test_the_value_of_a_header(values: list[bytes], kept: bytes | None) -> None:
    names = (b"Range", b"rANGE")
    forward = await Desk().ask("GET", "/image/original/a.png", *zip(names, values, strict=False))
    assert isinstance(forward, Forward)
    assert forward.headers == (() if kept is None else ((b"range", kept),)) + (OURS,)


# pict-rs's API key


@pytest.mark.parametrize(
    ("request_line", "passes"),
    [
        ("POST /internal/purge?alias=a.png", True),
        ("POST /internal/delete?proxy=http://h/a.png", True),
        ("GET /image/original/a.png", False),
        ("GET /image/original?proxy=http://h/a.png", False),
        ("GET /image/delete/t/a.png", False),
        ("GET /image/download?url=http://h/a.png", False),
    ],
)
async def test_the_api_key_goes_on_with_internal_routes_alone(request_line: str, passes: bool) -> None:
    method, target = request_line.split()
    forward = await Desk().ask(method, target, (b"X-Api-Token", b"key"), (b"Cookie", b"c"))
    assert isinstance(forward, Forward)
    assert ((b"x-api-token", b"key") in forward.headers) is passes
    assert b"cookie" not in dict(forward.headers)


# Loops

READS = ["GET /image/original/a.png", "GET /healthz", "POST /internal/purge?alias=a.png", "GET /image/delete/t/a.png"]
MEDIA = ["POST /image", "GET /image/download?url=http://h/a.png"]
PROXIED = ["GET /image/original?proxy=http://h/a.png", "GET /image/details/original?proxy=http://h/a.png"]


@pytest.mark.parametrize("request_line", [*READS, *MEDIA, *PROXIED])
async def test_what_it_sent_to_pict_rs_does_not_come_back(request_line: str) -> None:
    """An upstream that is the filter itself would be asked for ever."""
    method, target = request_line.split()
    desk = Desk()
    assert await desk.ask(method, target, (b"X-PICTRS-Filter", SEAL.instance.encode())) == answers.LOOP
    assert (
        await desk.ask(method, target, (LOOP_HEADER, b"other"), (LOOP_HEADER, SEAL.instance.encode())) == answers.LOOP
    )
    assert desk.fetcher.asked == []


@pytest.mark.parametrize("request_line", [*MEDIA, *PROXIED])
async def test_a_fetch_of_its_own_causes_no_other_fetch(request_line: str) -> None:
    method, target = request_line.split()
    desk = Desk()
    assert await desk.ask(method, target, (LOOP_HEADER, f"{SEAL.instance}-fetch".encode())) == answers.LOOP
    assert desk.fetcher.asked == []


@pytest.mark.parametrize("request_line", READS)
async def test_a_fetch_of_its_own_may_read_what_is_stored(request_line: str) -> None:
    """People post links to their own server's pictures."""
    method, target = request_line.split()
    header = (LOOP_HEADER, f"{SEAL.instance}-fetch".encode())
    assert isinstance(await Desk().ask(method, target, header), Forward)


@pytest.mark.parametrize("name", ["", "other", "other-fetch", SEAL.instance[:-1], f"{SEAL.instance}-fetch-fetch"])
async def test_another_filter_is_no_loop(name: str) -> None:
    assert sent(await Desk().upload(b"one", headers=((LOOP_HEADER, name.encode()),))) == [b"one"]


async def test_a_loop_is_told_before_anything_else_but_the_route() -> None:
    header = (LOOP_HEADER, SEAL.instance.encode())
    assert status_of(await Desk().ask("GET", "/unknown", header)) == 404
    assert await Desk().ask("POST", "/image", header, (b"Content-Encoding", b"gzip")) == answers.LOOP
    desk = Desk()
    desk.inspector.judge = None
    assert await desk.ask("POST", "/image", header) == answers.LOOP
