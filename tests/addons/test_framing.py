"""What arrives on a plain listener and is not an HTTP/1.1 request goes nowhere, and is answered in our JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import ssl
import time
import weakref

import pytest
from mitmproxy.proxy.layers.http import _http1

from addons import exchange, framing
from addons.exchange import Exchange
from addons.gatekeeper import Forward, Gatekeeper
from addons.inbound import Hold, Inbound
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Match
from model.verdict import Verdict
from tests.http1 import form, upload
from tests.ports import closed_address
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, listen, raw_upload, say

GET = b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n"


def client_hello() -> bytes:
    """The first flight of a TLS 1.3 client that offers h2, as OpenSSL writes it."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="pictrs")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
FOREIGN = {
    "HTTP/2 preface": H2_PREFACE,
    "HTTP/2 preface and a request": H2_PREFACE + b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\x82\x84\x86\x41\x01",
    "SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "SMTP": b"EHLO x\r\n\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT, then a request": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n"
    b"POST /image HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute form": b"GET http://127.0.0.1/image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute form, https": b"GET https://127.0.0.1/image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n",
    "claims HTTP/2.0": b"GET /image/original/a.jpg HTTP/2.0\r\nHost: x\r\n\r\n",
    "claims HTTP/3.0": b"GET /image/original/a.jpg HTTP/3.0\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /image/original/a.jpg\r\n\r\n",
    "a body to a view after Upgrade": GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths": GET + b"Content-Length: 0\r\nContent-Length: 1\r\n\r\n",
    "length and chunked": GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": GET + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "odd transfer encoding": GET + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "negative length": GET + b"Content-Length: -1\r\n\r\n",
    "signed length": GET + b"Content-Length: +1\r\n\r\n",
    "space before colon": GET + b"Content-Length : 4\r\n\r\nabcd",
    "header without colon": GET + b"nonsense\r\n\r\n",
    "folded first header": b"GET / HTTP/1.1\r\n x: y\r\n\r\n",
    "websocket": b"GET /image/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
}


@pytest.mark.parametrize("sent", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_is_not_a_plain_request_gets_json_and_goes_nowhere(
    gate: RunningFilter, recorder: Recorder, sent: bytes
) -> None:
    heard = say(gate.address, sent)
    assert recorder.raw == []
    assert b"<html" not in heard
    head, _, body = heard.partition(b"\r\n\r\n")
    assert int(head.split()[1]) in (400, 404, 405, 502, 505), head
    answer, _ = json.JSONDecoder().raw_decode(body.decode())  # a second answer may follow the first
    assert answer["files"] == []


def test_tls_on_the_plain_listener_goes_nowhere(gate: RunningFilter, recorder: Recorder) -> None:
    hello = client_hello()
    assert hello[0] == 22  # a TLS handshake record
    heard = say(gate.address, hello, shut=True)
    assert recorder.raw == []
    assert heard[:1] != b"\x16"  # no TLS answer
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(gate.address, timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)
    assert recorder.raw == []


@pytest.mark.parametrize("blank", [b"\r\n", b"\n", b"\r\n\r\n", b"\n\r\n"])
def test_empty_lines_before_a_request_are_ignored(gate: RunningFilter, recorder: Recorder, blank: bytes) -> None:
    assert say(gate.address, blank + GET + b"\r\n").startswith(b"HTTP/1.1 200 ")
    with socket.create_connection(gate.address, timeout=10) as connection:
        for _ in range(2):
            connection.sendall(raw_upload(b"picture") + blank)
            assert listen(connection).startswith(b"HTTP/1.1 201 ")
    assert len(recorder.requests) == 3


def test_a_client_that_expects_100_gets_the_error_too() -> None:
    expecting = raw_upload(b"picture").replace(b"Host: x", b"Host: x\r\nExpect: 100-continue")
    with closed_address() as address, RunningFilter(config(address), FakeJudge()) as gate:
        heard = say(gate.address, expecting)
    assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 ")


def test_an_upgrade_is_dropped_and_the_view_served(gate: RunningFilter, recorder: Recorder) -> None:
    heard = say(
        gate.address,
        GET
        + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    )
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"pgrade" not in recorder.raw[0]


def test_a_request_behind_a_refused_one_is_judged_for_itself(gate: RunningFilter, recorder: Recorder) -> None:
    # Bytes behind a refused request with a body must not become a request that nobody looked at.
    smuggled = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    refused = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    heard = say(gate.address, refused + smuggled)
    assert heard.startswith(b"HTTP/1.1 404 ")
    assert recorder.raw == []


def test_a_head_is_limited(gate: RunningFilter, recorder: Recorder) -> None:
    heard = say(gate.address, b"GET /image/original/a.jpg HTTP/1.1\r\nX: ", b"x" * (framing.MAX_HEAD_BYTES + 1024 * 64))
    assert heard.startswith(b"HTTP/1.1 431 ")
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["files"] == []
    under = say(gate.address, GET + b"X: " + b"x" * (framing.MAX_HEAD_BYTES // 2) + b"\r\n\r\n")
    assert under.startswith(b"HTTP/1.1 200 ")
    assert len(recorder.requests) == 1


def test_trailers_do_not_leave_the_client_hanging(gate: RunningFilter, recorder: Recorder) -> None:
    headers, body = form(b"picture")
    lines = (
        "POST /image HTTP/1.1",
        "Host: x",
        f"Content-Type: {headers['Content-Type']}",
        "Transfer-Encoding: chunked",
    )
    head = "\r\n".join((*lines, "", ""))
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    heard = say(gate.address, head.encode() + chunk + b"0\r\nX-Trailer: y\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert recorder.raw == []


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity, chunked", b"chunked, chunked", b"gzip,chunked"])
def test_a_whole_upload_in_another_coding_goes_nowhere(gate: RunningFilter, recorder: Recorder, coding: bytes) -> None:
    """mitmproxy takes some of them, and would hand the body on as it came."""
    headers, body = form(b"picture")
    head = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Type: " + headers["Content-Type"].encode()
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    heard = say(gate.address, head + b"\r\nTransfer-Encoding: " + coding + b"\r\n\r\n" + chunks)
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert recorder.raw == []
    plain = say(gate.address, head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert plain.startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("missing", [1, 2, 20, 200, 800])
def test_a_body_that_ends_early_goes_nowhere(gate: RunningFilter, recorder: Recorder, missing: int) -> None:
    say(gate.address, raw_upload(b"picture" * 100)[:-missing], shut=True, seconds=2)
    assert recorder.raw == []


def flood(connection: socket.socket, piece: bytes) -> bool:
    """Send up to 640 MB; whether the other side ended the connection meanwhile."""
    try:
        for _ in range(10_000):
            connection.sendall(piece)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_what_waits_behind_a_slow_request_is_limited(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = FakeJudge()

    async def never(*_: object) -> Verdict:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(judge, "judge", never)
    with (
        RunningFilter(config(recorder.address), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as connection,
    ):
        connection.sendall(raw_upload(b"picture"))
        assert flood(connection, b"x" * 65536)  # the filter closes the connection instead of keeping it all
    assert recorder.raw == []


def test_a_body_without_end_is_not_kept(
    gate: RunningFilter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MAX_DRAIN_BYTES", 1024 * 1024)
    with socket.create_connection(gate.address, timeout=10) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert flood(connection, b"10000\r\n" + b"x" * 65536 + b"\r\n")
    assert recorder.raw == []


def test_mitmproxys_page_is_replaced_without_quoting_the_request() -> None:
    framing.answer_errors_in_json()
    page = _http1.make_error_response(400, "Bad HTTP request line: secret")
    assert b"secret" not in page
    assert page == framing.raw_answer(answers.protocol_error(400))


def test_an_early_refusal_can_be_read_by_a_client_that_sends_first(gate: RunningFilter) -> None:
    # Many clients write their whole body before they read: the refusal must survive that.
    with socket.create_connection(gate.address, timeout=10) as connection:
        body = b"x" * 5_000_000
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.sendall(body)
        assert listen(connection).startswith(b"HTTP/1.1 404 ")
        connection.sendall(GET + b"\r\n")  # and the connection goes on
        assert listen(connection).startswith(b"HTTP/1.1 200 ")
    assert upload(gate.address, b"picture").status == 201


def test_bodies_are_freed_without_the_garbage_collector(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    # The collector counts objects and not bytes; what it has to free piles up for hundreds of uploads.
    held: list[weakref.ref[Inbound | Forward]] = []
    plain = Gatekeeper.decide

    async def decide(self: Gatekeeper, found: Match, inbound: Inbound, hold: Hold) -> Forward | Answer:
        decision = await plain(self, found, inbound, hold)
        held.append(weakref.ref(inbound))
        if isinstance(decision, Forward):
            held.append(weakref.ref(decision))
        return decision

    monkeypatch.setattr(Gatekeeper, "decide", decide)
    judge = FakeJudge()
    with RunningFilter(config(recorder.address), judge) as gate:
        gc.collect()
        gc.disable()
        try:
            assert upload(gate.address, b"picture" * 1000).status == 201
            assert upload(gate.address, b"forbidden" * 1000).status == 400
            say(gate.address, raw_upload(b"picture" * 1000)[:-20], shut=True, seconds=1)
            with socket.create_connection(gate.address) as connection:
                connection.sendall(raw_upload(b"picture" * 1000))
            assert len(held) >= 3
            end = time.monotonic() + 10
            while (alive := [ref() for ref in held if ref() is not None] + bodies()) and time.monotonic() < end:
                del alive
                time.sleep(0.02)
            assert alive == []
        finally:
            gc.enable()


def bodies() -> list[object]:
    """What mitmproxy's streams hold of requests' bodies."""
    streams = [found for found in gc.get_objects() if type(found) is Exchange]
    buffered = [bytes(stream.request_body_buf) for stream in streams if len(stream.request_body_buf)]
    return [*buffered, *(stream.flow.request.data.content for stream in streams if stream.flow.request.data.content)]
