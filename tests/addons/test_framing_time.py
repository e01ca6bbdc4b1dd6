"""Each thing that a client may take long over has its limit, and nothing else has one."""

from __future__ import annotations

import pytest
from mitmproxy.http import HTTPFlow

from addons import framing, waits
from addons.pictrs import answers
from tests.wire import Wire, ours

GET = b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"POST /image HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def refuse(flow: HTTPFlow) -> None:
    """A hook of an interceptor that has its answer."""
    flow.response = framing.response(answers.no_route(404, "x"))


def keep(flow: HTTPFlow) -> None:
    """A hook of an interceptor that wants the body."""
    flow.metadata[framing.BODY_LIMIT] = 1000


def trickle(wire: Wire, data: bytes, seconds: float) -> None:
    """Send byte by byte, evenly, over so many seconds."""
    for value in data:
        wire.say(bytes([value]))
        wire.wait(seconds / len(data))


def test_a_head_must_be_complete_in_time() -> None:
    wire = Wire()
    trickle(wire, GET[:-4], waits.HEAD_SECONDS - 0.01)
    assert (wire.heard, wire.client.ended) == (b"", False)
    wire.wait(0.02)
    assert ours(wire.heard) == (408, "This request is not accepted: its head did not come in time")
    assert wire.client.ended
    wire.say(GET[-4:])
    assert wire.called == []


def test_a_later_head_has_its_own_time() -> None:
    wire = Wire(requestheaders=refuse)
    for _ in range(3):
        trickle(wire, GET, waits.HEAD_SECONDS - 0.01)
        wire.wait(waits.HEAD_SECONDS - 1)
    assert wire.heard.count(b"HTTP/1.1 404 ") == 3
    wire.client.heard = b""
    wire.say(GET[:5])
    wire.wait(waits.HEAD_SECONDS + 0.01)
    assert ours(wire.heard)[0] == 408


def test_the_beginning_of_a_head_that_waited_counts_from_its_turn() -> None:
    wire = Wire(held="request", request=refuse)
    wire.say(GET + GET[:10])
    wire.wait(waits.HEAD_SECONDS * 5)
    wire.release()
    assert wire.heard.count(b"HTTP/1.1 404 ") == 1
    wire.wait(waits.HEAD_SECONDS - 0.01)
    assert not wire.client.ended
    wire.wait(0.02)
    assert b"HTTP/1.1 408 " in wire.heard


@pytest.mark.parametrize("hook", [keep, refuse], ids=["kept", "drained"])
@pytest.mark.parametrize("start", [POST, CHUNKED + b"3e8\r\n"], ids=["length", "chunked"])
def test_a_body_must_be_complete_in_time(start: bytes, hook: object) -> None:
    wire = Wire(requestheaders=hook)  # type: ignore[arg-type]
    wire.say(start)
    trickle(wire, b"x" * 900, waits.BODY_SECONDS - 0.01)
    assert (wire.heard, wire.client.ended) == (b"", False)
    wire.wait(0.02)
    assert ours(wire.heard) == (408, "This request is not accepted: its body did not come in time")
    assert wire.client.ended
    assert wire.called == ["requestheaders", "error"]  # the flow has ended
    assert wire.upstreams == []
    assert wire.flows[0].request.data.content is None
    assert wire.layer.streams == {}
    wire.say(b"x" * 100)
    assert wire.called == ["requestheaders", "error"]


def test_chunks_without_end_do_not_win_time() -> None:
    wire = Wire(requestheaders=keep)
    wire.say(CHUNKED)
    for _ in range(100):
        wire.say(b"1\r\nx\r\n")
        wire.wait(waits.BODY_SECONDS / 99)
    assert ours(wire.heard)[0] == 408


def test_a_body_that_comes_in_time_is_taken() -> None:
    bodies = []

    def take(flow: HTTPFlow) -> None:
        bodies.append(flow.request.raw_content)
        refuse(flow)

    wire = Wire(requestheaders=keep, request=take)
    for _ in range(3):
        wire.say(POST)
        trickle(wire, b"x" * 1000, waits.BODY_SECONDS - 0.01)
    assert bodies == [b"x" * 1000] * 3
    assert wire.heard.count(b"HTTP/1.1 404 ") == 3
    assert not wire.client.ended


def test_an_expiry_while_the_head_is_looked_at_ends_the_flow() -> None:
    wire = Wire(held="requestheaders", requestheaders=keep)
    wire.say(POST)
    wire.wait(waits.BODY_SECONDS)
    assert ours(wire.heard)[0] == 408
    wire.release()
    assert wire.called == ["requestheaders", "error"]
    assert wire.layer.streams == {}


@pytest.mark.parametrize("first", [b"", GET, b"\r\n"], ids=["never spoke", "after an answer", "empty lines"])
def test_an_idle_connection_is_closed_without_a_word(first: bytes) -> None:
    wire = Wire(requestheaders=refuse)
    wire.say(first)
    heard = wire.heard
    for _ in range(75):
        wire.wait(waits.IDLE_SECONDS / 75 - 0.001)
        wire.say(b"\r\n" if first != GET else b"")
    assert not wire.client.ended
    wire.wait(0.1)
    assert wire.client.closed
    assert wire.heard == heard


def test_idleness_counts_from_the_last_answer() -> None:
    wire = Wire(requestheaders=refuse)
    for _ in range(10):
        wire.say(GET)
        wire.wait(waits.IDLE_SECONDS - 0.01)
    assert not wire.client.ended
    wire.wait(0.02)
    assert wire.client.closed


def test_a_client_that_waits_for_its_answer_is_not_hurried() -> None:
    wire = Wire(held="request", requestheaders=keep, request=refuse)
    wire.say(POST + b"x" * 1000)
    wire.wait(1000)
    assert not wire.client.ended
    wire.release()
    assert ours(wire.heard)[0] == 404


def test_a_long_answer_is_not_cut_off() -> None:
    def stream(flow: HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = True

    wire = Wire(responseheaders=stream)
    wire.say(GET)
    wire.upstream.say(ANSWER[:-1])
    wire.wait(1000)
    wire.upstream.say(ANSWER[-1:])
    assert wire.heard == ANSWER
    assert not wire.client.ended


def test_timers_do_not_pile_up() -> None:
    wire = Wire(requestheaders=refuse)
    for _ in range(1000):
        wire.say(POST[:10], POST[10:], b"x" * 500, b"x" * 500)
    assert wire.heard.count(b"HTTP/1.1 404 ") == 1000
    assert wire.timers <= 3


def test_the_last_word_can_be_read_and_then_the_connection_ends() -> None:
    wire = Wire()
    wire.say(GET[:5])
    wire.wait(waits.HEAD_SECONDS)
    assert wire.client.ended
    assert not wire.client.closed  # a reset would take the answer away
    wire.say(b"x" * 100_000)
    wire.wait(waits.LINGER_SECONDS - 0.01)
    assert not wire.client.closed
    wire.wait(0.02)
    assert wire.client.closed


def test_a_client_that_does_not_stop_sending_is_cut_off() -> None:
    wire = Wire()
    wire.say(GET[:5])
    wire.wait(waits.HEAD_SECONDS)
    for _ in range(framing.MAX_LINGER_BYTES // 65536):
        wire.say(b"x" * 65536)
    assert not wire.client.closed
    wire.say(b"x")
    assert wire.client.closed
