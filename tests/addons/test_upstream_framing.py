"""Connections to pict-rs: which are used again, and what a pict-rs gone mad can do."""

from __future__ import annotations

import pytest
from mitmproxy.http import Headers, HTTPFlow, Request

from addons import framing
from addons.chunks import FREE_BYTES, MAX_LINE_BYTES
from addons.pictrs import answers
from addons.upstream_framing import MAX_HEAD_BYTES, REUSE_SECONDS
from tests.wire import Wire, ours

GET = b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def keep(flow: HTTPFlow) -> None:
    """A hook of an interceptor that wants the body."""
    flow.metadata[framing.BODY_LIMIT] = 1000


def stream(flow: HTTPFlow) -> None:
    """A hook of an interceptor that passes an answer on."""
    assert flow.response
    flow.response.stream = True


def asked(sent: bytes = GET, answer: bytes = OK) -> Wire:
    """A client that has asked, and been answered."""
    wire = Wire(requestheaders=keep, responseheaders=stream)
    wire.say(sent)
    wire.upstream.say(answer)
    assert wire.heard.startswith(b"HTTP/1.1 ")
    return wire


# Used again


def test_a_connection_is_used_again_at_once() -> None:
    wire = asked()
    for _ in range(3):
        wire.wait(REUSE_SECONDS - 0.1)
        wire.say(GET)
        wire.upstream.say(OK)
    assert wire.heard == OK * 4
    assert wire.upstream.heard.count(b"GET ") == 4


def test_a_connection_that_pict_rs_is_about_to_close_is_closed_first() -> None:
    wire = asked()
    wire.wait(REUSE_SECONDS + 0.1)
    wire.say(GET)
    first, second = wire.upstreams
    assert first.closed
    assert first.heard.count(b"GET ") == 1
    second.say(OK)
    assert wire.heard == OK * 2


def test_how_long_an_answer_took_to_pass_counts_too() -> None:
    """pict-rs may have written the end of it long ago, where its client takes it slowly."""
    wire = asked(answer=OK[:-1])
    wire.wait(REUSE_SECONDS + 0.1)
    wire.upstream.say(OK[-1:])
    assert wire.heard == OK
    wire.say(GET)
    first, second = wire.upstreams
    assert first.closed
    assert second.heard.startswith(b"GET ")


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        pytest.param(GET, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", id="an error"),
        pytest.param(POST, OK, id="a request with a body"),
        pytest.param(GET, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", id="its last word"),
        pytest.param(GET, OK + b"HTTP/1.1 200 OK\r\n", id="more than was asked for"),
    ],
)
def test_a_connection_is_not_used_again_after(sent: bytes, answer: bytes) -> None:
    """pict-rs answers before it has read a body that it does not want, and closes: the next request would be lost."""
    wire = asked(sent, answer)
    assert wire.upstream.closed
    if b"Connection: close" in answer:
        return  # what pict-rs says of the connection goes on to the client
    assert not wire.client.ended
    wire.client.heard = b""
    wire.say(GET)
    wire.upstreams[1].say(OK)
    assert wire.heard == OK


def test_a_connection_that_pict_rs_has_closed_is_not_used_again() -> None:
    wire = asked()
    wire.upstream.leave()
    wire.say(GET)
    wire.upstreams[1].say(OK)
    assert wire.heard == OK * 2


def test_a_connection_to_another_place_is_not_used() -> None:
    """A flow that names another place would be refused there (Upstream.guard); it must not get round that."""
    wire = asked()

    def elsewhere(flow: HTTPFlow) -> None:
        headers = Headers([(b"Host", b"other")])
        flow.request = Request("other", 81, b"GET", b"http", b"", b"/", b"HTTP/1.1", headers, b"", None, 0.0, 0.0)

    wire._hooks["request"] = elsewhere
    wire.say(GET)
    assert wire.upstreams[1].connection.address == ("other", 81)  # type: ignore[attr-defined]
    assert wire.upstreams[0].heard.count(b"GET ") == 1


def test_what_has_ended_is_forgotten() -> None:
    wire = Wire(requestheaders=keep, responseheaders=stream)
    for number in range(50):
        wire.say(GET)
        wire.upstreams[-1].say(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        assert len(wire.upstreams) == number + 1
        assert len(wire.layer.connections) <= 3  # the client's, the last one, and one that has not ended yet
    assert len(wire.layer.command_sources) == 1  # the timer for the client's next request
    assert not wire.layer.waiting_for_establishment


# Gone mad


@pytest.mark.parametrize("piece", [b"X: y\r\n", b"x" * 1000], ids=["fields", "one line"])
def test_a_head_without_end_is_given_up(piece: bytes) -> None:
    wire = Wire(requestheaders=keep, responseheaders=stream)
    wire.say(GET)
    wire.upstream.say(b"HTTP/1.1 200 OK\r\n")
    said = 0
    while not wire.upstream.closed:
        wire.upstream.say(piece)
        said += len(piece)
        assert said <= MAX_HEAD_BYTES + len(piece)
    assert said > MAX_HEAD_BYTES - 1000
    assert ours(wire.heard) == (502, answers.UPSTREAM.msg)
    assert wire.client.ended
    assert wire.called[-1] == "error"
    assert wire.layer.streams == {}


def test_a_head_that_is_long_enough_for_anything_passes() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVary: " + b"x" * (MAX_HEAD_BYTES - 1000) + b"\r\n\r\n"
    wire = asked(GET, head + b"ok")
    assert wire.heard.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    "mad",
    [
        pytest.param([b"5;" + b"x" * 1000] + [b"x" * 1000] * (MAX_LINE_BYTES // 1000), id="a line without end"),
        pytest.param([b"1\r\nx\r\n" * 1000] * (FREE_BYTES // 4000), id="hardly anything but framing"),
        pytest.param([b"nonsense\r\n"], id="no chunk"),
        pytest.param([b"5\r\nhelloXX0\r\n\r\n"], id="a chunk without its end"),
        pytest.param([b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"], id="trailers"),
    ],
)
def test_broken_chunks_end_the_answer_and_both_connections(mad: list[bytes]) -> None:
    wire = Wire(requestheaders=keep, responseheaders=stream)
    wire.say(GET)
    wire.upstream.say(CHUNKED, *mad)
    assert wire.upstream.closed
    assert wire.client.ended  # in the middle, so that the client knows that something is missing
    assert not wire.heard.endswith(b"0\r\n\r\n")
    assert wire.called[-1] == "error"
    assert wire.layer.streams == {}


def test_whole_chunks_pass() -> None:
    wire = asked(GET, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")
    assert wire.heard == CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    assert not wire.client.ended
