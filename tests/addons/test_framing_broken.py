"""Whatever breaks, the client hears JSON of ours before the connection ends, and a broken request goes nowhere."""

from __future__ import annotations

import pytest
from mitmproxy.http import HTTPFlow

from addons import framing
from addons.chunks import MAX_LINE_BYTES
from addons.pictrs import answers
from tests.wire import Wire, ours

HOST = b"Host: x\r\n"
GET = b"GET /image/original/a.jpg HTTP/1.1\r\n" + HOST
POST = b"POST /image HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSAL = answers.no_route(404, "x")


def refuse(flow: HTTPFlow) -> None:
    """A hook of an interceptor that has its answer."""
    flow.response = framing.response(REFUSAL)


def keep(flow: HTTPFlow) -> None:
    """A hook of an interceptor that wants the body."""
    flow.metadata[framing.BODY_LIMIT] = 1 << 30


def stream(flow: HTTPFlow) -> None:
    """A hook of an interceptor that passes an answer on."""
    assert flow.response
    flow.response.stream = True


BROKEN = {
    "chunk without a size": (CHUNKED, b"x\r\nhello\r\n0\r\n\r\n"),
    "chunk of a negative size": (CHUNKED, b"-5\r\nhello\r\n0\r\n\r\n"),
    "second chunk broken": (CHUNKED, b"5\r\nhello\r\nhello\r\n0\r\n\r\n"),
    "chunk longer than it says": (CHUNKED, b"2\r\nhello\r\n0\r\n\r\n"),
    "chunk without its end": (CHUNKED, b"5\r\nhelloXX0\r\n\r\n"),
    "trailers": (CHUNKED, b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    "trailers that are none": (CHUNKED, b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
    "endless line of a chunk": (CHUNKED, b"5;" + b"x" * (MAX_LINE_BYTES + 1)),
    "endless trailers": (CHUNKED, b"0\r\n" + b"X: y\r\n" * MAX_LINE_BYTES),
    "hardly anything but framing": (CHUNKED, b"1\r\nx\r\n" * 100_000),
    "no request line": (b"\r\nhello there\r\n\r\n",),
    "binary": (b"\x16\x03\x01\x02\x00\x01",),
    "no version": (b"GET /\r\n\r\n",),
    "odd version": (b"GET / HTTP/x.y\r\n\r\n",),
    "header without a colon": (GET + b"nonsense\r\n\r\n",),
    "header without a name": (GET + b": x\r\n\r\n",),
    "space before the colon": (POST + b"Content-Length : 5\r\n\r\nhello",),
    "length that is no number": (POST + b"Content-Length: five\r\n\r\nhello",),
    "length with a sign": (POST + b"Content-Length: +5\r\n\r\nhello",),
    "negative length": (POST + b"Content-Length: -5\r\n\r\nhello",),
    "length in hexadecimal": (POST + b"Content-Length: 0x5\r\n\r\nhello",),
    "length of 5000 digits": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello",),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",),
    "list of lengths": (POST + b"Content-Length: 5, 5\r\n\r\nhello",),
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
    "unknown coding": (POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",),
    "coding without chunks": (POST + b"Transfer-Encoding: gzip\r\n\r\nhello",),
    "chunks in HTTP/1.0": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"), b"0\r\n\r\n"),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\n" + HOST + b"\r\n",),
    "head without end": (GET + b"X: " + b"x" * framing.MAX_HEAD_BYTES,),
}


@pytest.mark.parametrize("hook", [keep, refuse], ids=["kept", "drained"])
@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_request_is_answered_in_json(sent: tuple[bytes, ...], hook: object) -> None:
    wire = Wire(requestheaders=hook)  # type: ignore[arg-type]
    wire.say(*sent)
    status, words = ours(wire.heard)
    assert status in (400, 431)
    assert words.startswith("This ")
    assert wire.client.ended
    assert wire.upstreams == []
    assert "request" not in wire.called
    if wire.called:
        assert wire.called[-1] == "error"  # what was begun has ended
        assert not wire.flows[0].live


ENDS = {
    "in the head": GET,
    "in the first line": b"GET /",
    "before the body": POST + b"Content-Length: 5\r\n\r\n",
    "in the body": POST + b"Content-Length: 5\r\n\r\nhell",
    "before a chunk": CHUNKED,
    "in a chunk": CHUNKED + b"5\r\nhell",
    "before the last chunk": CHUNKED + b"5\r\nhello\r\n",
    "in the last chunk": CHUNKED + b"5\r\nhello\r\n0\r\n",
}


@pytest.mark.parametrize("sent", ENDS.values(), ids=ENDS.keys())
def test_an_early_end_is_answered_in_json(sent: bytes) -> None:
    wire = Wire(requestheaders=keep)
    wire.say(sent)
    wire.client.leave()
    status, words = ours(wire.heard)
    assert (status, "ends early" in words) == (400, True)
    assert wire.client.closed
    assert wire.upstreams == []
    assert wire.called in ([], ["requestheaders", "error"])
    assert wire.layer.streams == {}


def test_a_client_that_ends_without_a_request_gets_no_answer() -> None:
    wire = Wire()
    wire.client.leave()
    assert wire.client.closed
    assert wire.heard == b""


def test_what_waits_behind_a_request_is_limited() -> None:
    wire = Wire(held="request", request=refuse)
    wire.say(GET + b"\r\n" + b"x" * framing.MAX_HEAD_BYTES)
    assert wire.heard == b""
    wire.say(b"x")
    status, words = ours(wire.heard)
    assert (status, "wait" in words) == (400, True)
    assert wire.client.ended
    wire.release()
    assert wire.called == ["requestheaders", "request", "error"]


def test_an_answer_that_is_under_way_is_not_mixed_with_another() -> None:
    wire = Wire(responseheaders=stream)
    wire.say(GET + b"\r\n")
    wire.upstream.say(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nfirst half")
    wire.say(b"x" * (framing.MAX_HEAD_BYTES + 1))
    assert wire.heard.endswith(b"\r\n\r\nfirst half")
    assert wire.client.closed


# What pict-rs says


REAL = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer"
INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "100 and an answer": b"HTTP/1.1 100 Continue\r\n\r\n" + REAL,
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "101 and bytes": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nanswer",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n" + REAL,
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: answer\r\n\r\n" + REAL,
    "199": b"HTTP/1.1 199 x\r\n\r\n",
    "99": b"HTTP/1.1 99 x\r\n\r\n",
}


@pytest.mark.parametrize("held", ["", "error"], ids=["", "slowly"])
@pytest.mark.parametrize("said", INTERIM.values(), ids=INTERIM.keys())
def test_an_interim_answer_ends_in_our_502(said: bytes, held: str) -> None:
    wire = Wire(held=held, requestheaders=keep, responseheaders=stream)
    wire.say(POST + b"Content-Length: 5\r\n\r\nhello")
    wire.upstream.say(said, REAL)
    wire.release()
    assert ours(wire.heard) == (502, answers.UPSTREAM.msg)
    assert wire.client.ended
    assert wire.upstream.closed
    assert wire.called == ["requestheaders", "request", "error"]
    assert wire.layer.streams == {}


NONSENSE = {
    "nonsense": b"nonsense\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nanswer",
    "length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nanswer",
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_ends_in_our_502(said: bytes) -> None:
    wire = Wire(responseheaders=stream)
    wire.say(GET + b"\r\n")
    wire.upstream.say(said)
    wire.upstream.leave()
    assert ours(wire.heard) == (502, answers.UPSTREAM.msg)
    assert wire.client.ended
    assert wire.called == ["requestheaders", "request", "error"]


def test_trailers_behind_an_answer_do_not_leave_the_client_hanging() -> None:
    wire = Wire(responseheaders=stream)
    wire.say(GET + b"\r\n")
    wire.upstream.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
    wire.upstream.say(b"0\r\nX: y\r\n\r\n")
    assert wire.heard.endswith(b"2\r\nok\r\n")  # no end: the client sees that it is cut off
    assert wire.client.closed
    assert wire.called[-1] == "error"


# HEAD


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
def test_an_answer_to_head_has_no_body(hook: str) -> None:
    wire = Wire(**{hook: refuse})  # type: ignore[arg-type]
    wire.say(GET.replace(b"GET", b"HEAD") + b"\r\n")
    head, end, body = wire.heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"content-length: %d" % len(REFUSAL.body) in head.lower()
    assert (end, body) == (b"\r\n\r\n", b"")
    assert not wire.client.ended
    wire.client.heard = b""
    wire.say(GET + b"\r\n")
    assert ours(wire.heard)[0] == 404


def test_an_answer_to_head_of_pictrs_has_no_body() -> None:
    wire = Wire(responseheaders=stream)
    wire.say(GET.replace(b"GET", b"HEAD") + b"\r\n")
    wire.upstream.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
    assert wire.heard == b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
    assert not wire.client.ended


# Older clients, and odd spellings


@pytest.mark.parametrize("more", ["", "Connection: Keep-Alive\r\n"])
def test_a_client_of_http_1_0_gets_no_chunks(more: str) -> None:
    wire = Wire(responseheaders=stream)
    wire.say(b"GET /image/original/a.jpg HTTP/1.0\r\n" + more.encode() + b"\r\n")
    wire.upstream.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert wire.heard == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello"
    assert wire.client.ended


def test_a_client_of_http_1_0_may_keep_its_connection() -> None:
    wire = Wire(responseheaders=stream)
    for number in range(2):
        wire.say(b"GET /image/original/a.jpg HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        wire.upstream.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        assert wire.heard.count(b"\r\n\r\nhello") == number + 1
    assert not wire.client.ended


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_only_who_knows_interim_answers_gets_one(version: bytes) -> None:
    wire = Wire(requestheaders=keep)
    wire.say(b"POST /image HTTP/" + version + b"\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert wire.heard == (b"HTTP/1.1 100 Continue\r\n\r\n" if version == b"1.1" else b"")


@pytest.mark.parametrize("spelled", [b"close", b"Close", b"CLOSE", b"keep-alive, Close"])
def test_a_connection_ends_however_that_is_spelled(spelled: bytes) -> None:
    wire = Wire(requestheaders=refuse)
    wire.say(GET + b"Connection: " + spelled + b"\r\n\r\n")
    assert ours(wire.heard)[0] == 404
    assert wire.client.ended
