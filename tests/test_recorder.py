"""The recorders of tests/recorder.py: they keep every byte, understand or not, and answer as HTTP/1.1 wants it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator

import aiohttp
import pytest

from tests.http1 import Request, ask, upload, write_answer
from tests.ports import closed_address
from tests.recorder import Recorder, Site, Tap

GET = b"GET /image/original/a.png HTTP/1.1\r\nHost: h\r\nX-Odd:  two  words \r\nx-odd: again\r\n\r\n"
POST = b"POST /image?a=%2F HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n\x00\xff\r\n\r"
CHUNKED = (
    b"POST /image HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
)
ANSWERED = b"\r\n\r\nrecorded"  # the end of the answer to GET


@contextlib.contextmanager
def connect(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=10) as client:
        yield client


def until(client: socket.socket, end: bytes) -> bytes:
    """Read until `end` is there."""
    data = b""
    while not data.endswith(end):
        piece = client.recv(65536)
        assert piece, f"ended after {data!r}"
        data += piece
    return data


def to_end(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            GET,
            [("GET", "/image/original/a.png", b"", [("Host", "h"), ("X-Odd", "two  words"), ("x-odd", "again")])],
            id="get",
        ),
        pytest.param(
            POST, [("POST", "/image?a=%2F", b"\x00\xff\r\n\r", [("Host", "h"), ("Content-Length", "5")])], id="length"
        ),
        pytest.param(CHUNKED, [("POST", "/image", b"abc0123456789", [("Transfer-Encoding", "chunked")])], id="chunked"),
    ],
)
def test_a_request_is_recorded_and_read(
    sent: bytes, expected: list[tuple[str, str, bytes, list[tuple[str, str]]]]
) -> None:
    with Recorder() as recorder, connect(recorder.address) as client:
        client.sendall(sent + GET)
        until(client, ANSWERED)
        assert recorder.raw == [sent + GET]
        read = [(each.method, each.target, each.body, each.headers) for each in recorder.requests]
    assert read[:-1] == expected
    assert read[-1][:2] == ("GET", "/image/original/a.png")


def test_a_byte_at_a_time_is_the_same_to_it() -> None:
    with Recorder() as recorder, connect(recorder.address) as client:
        for byte in CHUNKED + GET:
            client.sendall(bytes([byte]))
        until(client, ANSWERED)
        assert recorder.raw == [CHUNKED + GET]
        assert [each.body for each in recorder.requests] == [b"abc0123456789", b""]


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\r\n", id="TLS"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", id="absurd length"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="not a chunk size"),
    ],
)
def test_what_cannot_be_understood_is_recorded_all_the_same(nonsense: bytes) -> None:
    with Recorder() as recorder, connect(recorder.address) as client:
        client.sendall(nonsense)
        assert to_end(client).startswith(b"HTTP/1.1 400 ")
        client.sendall(b"and what follows")
        client.shutdown(socket.SHUT_WR)
        assert ask(recorder.address, "GET", "/").status == 200  # the next connection is served
    assert recorder.raw[0] == nonsense + b"and what follows"
    assert [each.target for each in recorder.requests] == ["/"]


@pytest.mark.parametrize(
    "part",
    [GET[:10], GET[:-2], POST[:-1], CHUNKED[:-2], CHUNKED[:-20]],
    ids=["line", "head", "body", "trailer", "chunk"],
)
def test_a_request_that_ends_early_is_recorded_and_not_taken_for_one(part: bytes) -> None:
    with Recorder() as recorder, connect(recorder.address) as client:
        client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        assert to_end(client).startswith(b"HTTP/1.1 400 ")
        assert recorder.raw == [part]
        assert recorder.requests == []


def test_a_connection_without_a_byte_shows() -> None:
    with Recorder() as recorder, connect(recorder.address):
        ask(recorder.address, "GET", "/")  # accepted after the silent one, so that is known by now
        assert [bool(record) for record in recorder.raw] == [False, True]


def test_it_answers_like_pictrs_and_keeps_the_connection() -> None:
    with Recorder() as recorder:
        with contextlib.closing(http.client.HTTPConnection(*recorder.address, timeout=10)) as client:
            seen: dict[str, tuple[int, bytes]] = {}
            for method in ("POST", "HEAD", "DELETE", "GET"):
                client.request(method, "/image", b"x" if method == "POST" else None)
                with client.getresponse() as response:
                    seen[method] = response.status, response.read()
        assert len(recorder.raw) == 1
    assert {method: status for method, (status, _) in seen.items()} == {
        "POST": 201,
        "HEAD": 200,
        "DELETE": 204,
        "GET": 200,
    }
    assert json.loads(seen["POST"][1])["files"][0]["delete_token"]
    assert seen["GET"][1] == b"recorded"


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"], ids=["close", "HTTP/1.0"]
)
def test_the_connection_ends_where_the_client_says_so(head: bytes) -> None:
    with Recorder() as recorder, connect(recorder.address) as client:
        client.sendall(head)
        assert to_end(client).endswith(ANSWERED)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (write_answer(200, b"ab", {"X": "y"}), b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nab"),
        (write_answer(204), b"HTTP/1.1 204 No Content\r\n\r\n"),
        (write_answer(304), b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        (write_answer(200, b"a", {"content-length": "9"}), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na"),
    ],
    ids=["body", "204", "304", "own length"],
)
def test_an_answer_as_it_is_written(written: bytes, expected: bytes) -> None:
    assert written == expected


def test_another_answer_can_be_set() -> None:
    def teapot(request: Request) -> bytes | None:
        return write_answer(418, request.target.encode()) if request.method == "GET" else None

    with Recorder(teapot) as recorder:
        answer = ask(recorder.address, "GET", "/x?y")
        assert (answer.status, answer.body) == (418, b"/x?y")
        with pytest.raises(http.client.RemoteDisconnected):
            upload(recorder.address, b"data")
        assert b"data" in recorder.raw[1]


def test_reset_forgets_what_was_but_not_an_open_connection() -> None:
    with Recorder() as recorder, connect(recorder.address) as client:
        client.sendall(GET)
        until(client, ANSWERED)
        recorder.reset()
        assert recorder.raw == []
        client.sendall(POST + GET)
        until(client, ANSWERED)
        assert recorder.raw == [POST + GET]


def test_at_the_end_every_connection_is_over() -> None:
    with contextlib.ExitStack() as clients:
        with Recorder() as recorder, Tap(recorder.address) as tap:
            open_ones = [clients.enter_context(connect(server.address)) for server in (recorder, tap)]
            for client in open_ones:
                client.sendall(GET + GET[:10])  # one to be answered, one that never comes whole
                until(client, ANSWERED)
        for client in open_ones:
            assert b" 200 " not in to_end(client)
    for server in (recorder, tap):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address, timeout=10)


def test_the_tap_passes_every_byte_both_ways_and_keeps_the_clients() -> None:
    big = bytes(range(256)) * 20_000

    def echo(request: Request) -> bytes:
        return write_answer(200, request.body[::-1])

    with Recorder(echo) as recorder, Tap(recorder.address) as tap:
        assert ask(tap.address, "PUT", "/a", big).body == big[::-1]
        assert ask(tap.address, "GET", "/b").status == 200
        assert tap.raw == recorder.raw
        assert [(each.method, each.target, each.body) for each in tap.requests] == [
            ("PUT", "/a", big),
            ("GET", "/b", b""),
        ]


def test_the_tap_passes_on_the_end_of_either_side() -> None:
    with Recorder(lambda request: None) as recorder, Tap(recorder.address) as tap:
        with connect(tap.address) as client:
            client.sendall(GET)
            assert to_end(client) == b""  # the server hung up
        with connect(tap.address) as client:
            client.sendall(POST[:-1])
            client.shutdown(socket.SHUT_WR)
            assert to_end(client).startswith(b"HTTP/1.1 400 ")  # the server saw the end, and its answer came through
        assert tap.raw == recorder.raw == [GET, POST[:-1]]


def test_the_tap_before_a_dead_server_hangs_up() -> None:
    with closed_address() as gone, Tap(gone) as tap, connect(tap.address) as client:
        assert to_end(client) == b""
        assert tap.raw == [b""]


def test_the_tap_before_a_server_that_never_speaks_ends_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as connections:
        with Tap(silent.getsockname()) as tap:
            client = connections.enter_context(connect(tap.address))
            client.sendall(GET)
            client.shutdown(socket.SHUT_WR)
            accepted, _ = silent.accept()
            connections.enter_context(accepted)
            assert to_end(accepted) == GET
        assert to_end(client) == b""


def test_nothing_asked_is_nothing_seen() -> None:
    with Recorder() as recorder, Tap(recorder.address) as tap:
        assert tap.raw == recorder.raw == []


def test_a_site_serves_other_bytes_the_second_time_and_counts() -> None:
    with Site() as site:
        url = site.put("/a.jpg?size=1", b"first", b"second", headers={"ETag": '"1"'})
        answers = [ask(site.address, "GET", "/a.jpg?size=1", headers={"Accept": "image/*"}) for _ in range(3)]
        missing = ask(site.address, "GET", "/a.jpg")
        fetches, requests = dict(site.fetches), site.requests
    assert url == f"{site.url}/a.jpg?size=1"
    assert [each.body for each in answers] == [b"first", b"second", b"second"]
    assert {(each.status, each.headers["Content-Type"], each.headers["ETag"]) for each in answers} == {
        (200, "image/jpeg", '"1"')
    }
    assert (missing.status, fetches) == (404, {"/a.jpg?size=1": 3, "/a.jpg": 1})
    assert [each.header("accept") for each in requests] == [["image/*"], ["image/*"], ["image/*"], []]


def test_a_site_redirects_and_breaks_off() -> None:
    with Site() as site:
        site.put("/here", status=302, headers={"Location": "/there"})
        site.route(
            "/short",
            lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nab",
            lambda request: None,
        )
        moved = ask(site.address, "GET", "/here")
        assert (moved.status, moved.headers["Location"], moved.body) == (302, "/there", b"")
        with connect(site.address) as client:
            client.sendall(b"GET /short HTTP/1.0\r\n\r\n")
            assert to_end(client).endswith(b"\r\n\r\nab")
        with pytest.raises(http.client.RemoteDisconnected):
            ask(site.address, "GET", "/short")


def test_a_head_is_answered_without_the_body() -> None:
    with Site() as site, connect(site.address) as client:
        site.put("/a", b"body")
        client.sendall(b"HEAD /a HTTP/1.0\r\n\r\n")
        head = to_end(client)
    assert b"Content-Length: 4\r\n" in head
    assert head.endswith(b"\r\n\r\n")


async def test_it_serves_async_tests_in_the_same_thread() -> None:
    with Site() as site:
        url = site.put("/a.jpg", b"bytes")
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert await response.read() == b"bytes"
        assert site.fetches == {"/a.jpg": 1}
