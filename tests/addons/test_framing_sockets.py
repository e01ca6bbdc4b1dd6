"""Over real sockets: what is slow or broken ends, its client hears why, and the filter is free again."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest

from addons import waits
from addons.pictrs import answers
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, listen, raw_upload, say, until

GET = b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n"


SLOW = {
    "head": ("HEAD_SECONDS", b"GET /image/original/a.jpg HTTP/1.1\r\nX: y", b"HTTP/1.1 408 "),
    "body": ("BODY_SECONDS", raw_upload(b"picture")[:-20], b"HTTP/1.1 408 "),
    "drained body": ("BODY_SECONDS", b"POST /x HTTP/1.1\r\nContent-Length: 99\r\n\r\nx", b"HTTP/1.1 408 "),
    "drained body in 1.0": ("BODY_SECONDS", b"POST /x HTTP/1.0\r\nContent-Length: 99\r\n\r\nx", b"HTTP/1.1 408 "),
    "silence": ("IDLE_SECONDS", b"", b""),
    "silence after an answer": ("IDLE_SECONDS", GET + b"\r\n", b"HTTP/1.1 200 "),
}


@pytest.mark.parametrize(("limit", "sent", "heard"), SLOW.values(), ids=SLOW.keys())
def test_a_slow_client_is_not_waited_for(
    gate: RunningFilter, recorder: Recorder, limit: str, sent: bytes, heard: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, limit, 0.2)
    with socket.create_connection(gate.address, timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(65536):  # to the end of the connection; a TimeoutError where it has none
            answer += piece
    assert answer.startswith(heard)
    assert answer.count(b"HTTP/1.1 ") == bool(heard)
    assert len(recorder.requests) == (sent == GET + b"\r\n")
    assert b"POST" not in b"".join(recorder.raw)
    until(lambda: gate.filter._parts.intercept.idle.is_set())


@pytest.mark.parametrize("status", ["100 Continue", "101 Switching Protocols", "103 Early Hints"])
def test_an_interim_answer_of_the_upstream_is_our_502(status: str) -> None:
    said = f"HTTP/1.1 {status}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"
    with Recorder(lambda _: said.encode()) as odd, RunningFilter(config(odd.address), FakeJudge()) as gate:
        heard = say(gate.address, GET + b"\r\n")
        until(lambda: gate.filter._parts.intercept.idle.is_set())
    assert heard.startswith(b"HTTP/1.1 502 ")
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["msg"] == answers.UPSTREAM.msg


def test_a_broken_chunk_is_answered_while_the_client_still_sends(gate: RunningFilter, recorder: Recorder) -> None:
    with socket.create_connection(gate.address, timeout=10) as connection:
        connection.sendall(b"POST /image HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
        connection.sendall(b"x" * 8_000_000)  # a reset would end this
        assert listen(connection).startswith(b"HTTP/1.1 400 ")
    assert recorder.raw == []


def test_refused_head_requests_do_not_garble_the_connection(gate: RunningFilter, recorder: Recorder) -> None:
    connection = http.client.HTTPConnection(*gate.address, timeout=10)
    with contextlib.closing(connection):
        for path, status in (("/nowhere", 404), ("/image/original/a.jpg", 200)) * 2:
            connection.request("HEAD", path)
            with connection.getresponse() as answer:
                assert (answer.status, answer.read()) == (status, b"")
    assert len(recorder.requests) == 2
