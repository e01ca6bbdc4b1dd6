"""What is held of bodies is limited, for one request and for all, and what is not kept is thrown away as it comes."""

from __future__ import annotations

import tracemalloc

import pytest
from mitmproxy.http import HTTPFlow

from addons import exchange, framing
from addons.pictrs import answers
from tests.wire import Wire, ours

GET = b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
CHUNKED = b"POST /image HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSAL = answers.no_route(404, "x")
OTHER = answers.rejected("7f3a9c")
ERROR = b"HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


class Keeper:
    """An interceptor that takes bodies up to `limit`, as long as `room` bytes may be held. Notes what it sees."""

    def __init__(self, limit: int = 1 << 30, room: int = 1 << 30) -> None:
        self.limit, self.room = limit, room
        self.asked: list[int] = []
        self.bodies: list[bytes | None] = []

    def hold(self, total: int) -> bool:
        self.asked.append(total)
        return total <= self.room

    def requestheaders(self, flow: HTTPFlow) -> None:
        flow.metadata[framing.BODY_LIMIT] = self.limit
        flow.metadata[framing.HOLD] = self.hold

    def request(self, flow: HTTPFlow) -> None:
        self.bodies.append(flow.request.raw_content)
        flow.response = framing.response(REFUSAL)

    def wire(self, held: str = "") -> Wire:
        return Wire(held=held, requestheaders=self.requestheaders, request=self.request)


def held(wire: Wire) -> int:
    """Bytes that the layer holds of the body that comes."""
    return sum(len(stream.request_body_buf) for stream in wire.layer.streams.values())


def test_a_body_is_kept_and_accounted_for() -> None:
    keeper = Keeper(limit=1000, room=1000)
    wire = keeper.wire()
    wire.say(POST, b"a" * 400, b"b" * 600)
    assert keeper.bodies == [b"a" * 400 + b"b" * 600]
    assert keeper.asked == [400, 1000]
    assert not wire.flows[0].metadata.keys() & {framing.OVERFLOWED, framing.OVERLOADED}


@pytest.mark.parametrize("start", [POST, CHUNKED + b"3e8\r\n"], ids=["length", "chunked"])
@pytest.mark.parametrize(
    ("keeper", "mark", "asked"),
    [
        (Keeper(room=999), framing.OVERLOADED, [400, 800, 1000, 0]),
        (Keeper(limit=999), framing.OVERFLOWED, [400, 800, 0]),
    ],
    ids=["no room", "too large"],
)
def test_a_body_is_dropped_and_drained(start: bytes, keeper: Keeper, mark: str, asked: list[int]) -> None:
    wire = keeper.wire()
    keeper.asked.clear()
    keeper.bodies.clear()
    wire.say(start, b"x" * 400, b"x" * 400)
    assert held(wire) == 800
    wire.say(b"x" * 200)
    assert keeper.asked == asked
    wire.say(*([] if start == POST else [b"\r\n3e8\r\n", b"x" * 1000, b"\r\n0\r\n\r\n"]))
    assert keeper.asked == asked  # and not again
    assert wire.flows[0].metadata[mark] is True
    assert keeper.bodies == [b""]
    assert ours(wire.heard)[0] == 404
    assert not wire.client.ended  # the connection goes on


def test_nothing_is_kept_without_a_limit_or_behind_an_answer() -> None:
    def refuse(flow: HTTPFlow) -> None:
        keeper.requestheaders(flow)
        flow.response = framing.response(REFUSAL)

    keeper = Keeper()
    for wire in (Wire(), Wire(requestheaders=refuse)):
        wire.say(POST, b"x" * 999)
        assert held(wire) == 0
    assert keeper.asked == []


@pytest.mark.parametrize("held", ["", "error"], ids=["", "slowly"])
def test_what_is_drained_is_limited(held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_DRAIN_BYTES", 500)
    keeper = Keeper(room=99)
    wire = keeper.wire(held)
    wire.say(POST, b"x" * 500)
    assert (wire.heard, wire.client.ended) == (b"", False)
    wire.say(b"x" * 500)
    wire.release()
    assert ours(wire.heard)[0] == 400
    assert wire.client.ended
    assert wire.called == ["requestheaders", "error"]
    assert wire.layer.streams == {}


def test_small_pieces_cost_no_more_than_large_ones() -> None:
    def keep(flow: HTTPFlow) -> None:
        flow.metadata[framing.BODY_LIMIT] = 20_000

    wire = Wire(requestheaders=keep)
    wire.say(POST.replace(b"1000", b"20000"), b"xx")
    tracemalloc.start()
    try:
        for _ in range(9_000):
            wire.say(b"xx")
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held(wire) == 18_002
    assert used < 100_000  # a list of the pieces would be 400,000


# Answers that are replaced


def replacing(wire_hooks: dict[str, object]) -> Wire:
    """An interceptor that puts OTHER in the place of what pict-rs says."""

    def responseheaders(flow: HTTPFlow) -> None:
        flow.metadata[framing.REPLACED] = True

    def response(flow: HTTPFlow) -> None:
        flow.response = framing.response(OTHER)

    return Wire(responseheaders=responseheaders, response=response, **wire_hooks)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_replaced_answer_is_not_held(method: bytes) -> None:
    wire = replacing({})
    wire.say(GET.replace(b"GET", method))
    wire.upstream.say(ERROR)
    if method == b"GET":
        wire.upstream.say(b"x" * 900)
        (stream,) = wire.layer.streams.values()
        assert len(stream.response_body_buf) == 0
        assert wire.heard == b""
        wire.upstream.say(b"x" * 100)
        assert ours(wire.heard) == (OTHER.status, OTHER.msg)
    else:
        assert wire.heard.startswith(b"HTTP/1.1 400 ")
        assert wire.heard.endswith(b"\r\n\r\n")
    assert wire.called[-2:] == ["responseheaders", "response"]
    assert not wire.client.ended
    wire.client.heard = b""
    wire.say(GET)  # and the client's connection goes on
    wire.upstreams[-1].say(ERROR + b"x" * 1000)
    assert ours(wire.heard)[0] == 400


@pytest.mark.parametrize("held", ["", "responseheaders", "error"])
@pytest.mark.parametrize("start", [ERROR, ERROR.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked")])
def test_a_replaced_answer_that_does_not_end_is_given_up(
    start: bytes, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MAX_REPLACED_BYTES", 500)
    wire = replacing({"held": held})
    wire.say(GET)
    piece = b"x" * 250 if start == ERROR else b"fa\r\n" + b"x" * 250 + b"\r\n"
    wire.upstream.say(start, piece, piece)
    assert (wire.heard, wire.upstream.closed) == (b"", False)
    wire.upstream.say(piece, piece)
    wire.release()
    assert ours(wire.heard) == (502, answers.UPSTREAM.msg)
    assert wire.upstream.closed
    assert wire.client.ended
    assert wire.called[-2:] == ["responseheaders", "error"]
    assert wire.layer.streams == {}


@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_that_is_not_replaced_is_passed_on_whole(streamed: bool) -> None:
    def stream(flow: HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = streamed

    wire = Wire(responseheaders=stream)
    wire.say(GET)
    wire.upstream.say(ERROR, b"x" * 500, b"x" * 500)
    assert wire.heard == ERROR + b"x" * 1000


def test_an_answer_of_ours_is_freed_once_it_is_sent() -> None:
    # What pict-rs is given may be 40 MB, on a connection that stays open.
    wire = Keeper().wire()
    wire.say(GET)
    assert ours(wire.heard)[0] == 404
    response = wire.flows[0].response
    assert response is not None
    assert response.data.content is None
