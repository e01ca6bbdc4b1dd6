"""How long the filter waits for pict-rs: until its answer begins, and in the middle of it; what a client hears then."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from addons import upstream as waiting
from tests.addons.test_intercept import PICTURE, assert_ours
from tests.http1 import upload
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, listen, say, until

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nfirst half"
VIEW = b"GET /image/original/video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def judge() -> FakeJudge:
    return FakeJudge()


@contextlib.contextmanager
def half_an_answer(judge: FakeJudge) -> Iterator[tuple[RunningFilter, socket.socket, socket.socket]]:
    """The filter, a client that asked it for something, and pict-rs's end, which said the first half of its answer."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        RunningFilter(config(listening.getsockname()), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        client.sendall(VIEW)
        server, _ = listening.accept()
        with server:
            server.recv(65536)
            server.sendall(HALF)
            yield gate, client, server


def test_upstream_gone_is_json(judge: FakeJudge) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    with RunningFilter(config(address), judge) as gate:
        assert_ours(say(gate.address, b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"), 502)
        answer = upload(gate.address, PICTURE)
        assert (answer.status, answer.json()["msg"]) == (502, "The image server did not answer")


def test_an_upstream_that_never_answers_is_given_up(judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BEGIN_SECONDS", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        RunningFilter(config(silent.getsockname()), judge) as gate,
    ):
        answer = upload(gate.address, PICTURE)
        assert (answer.status, answer.json()["msg"]) == (502, "The image server did not answer")
        assert gate.filter._parts.intercept.idle.is_set()


def test_an_upstream_that_answers_in_time_is_not_cut_off(judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BEGIN_SECONDS", 0.3)
    with half_an_answer(judge) as (_, client, server):
        assert listen(client).endswith(b"first half")
        time.sleep(0.6)
        server.sendall(b"second hal")
        assert listen(client) == b"second hal"


def test_an_answer_is_streamed_and_not_held(judge: FakeJudge) -> None:
    # The first half must reach the client while the second half is not sent yet.
    with half_an_answer(judge) as (_, client, server):
        assert listen(client).endswith(b"first half")
        server.sendall(b"second hal")
        assert listen(client) == b"second hal"


def test_an_upstream_that_falls_silent_in_its_answer_is_given_up(
    judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 0.3)
    with half_an_answer(judge) as (gate, client, _):
        heard = b""
        while piece := client.recv(65536):
            heard += piece
        assert heard.endswith(b"first half")  # and then the end: what is missing is not made up
        until(gate.filter._parts.intercept.idle.is_set)


def test_a_client_that_reads_slowly_is_not_pictrs_falling_silent(
    judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 0.2)
    size = 30_000_000
    with (
        Recorder(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size) as upstream,
        RunningFilter(config(upstream.address), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        client.sendall(VIEW)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        time.sleep(1.0)  # five times the limit, in which nothing moves
        heard = 0
        while heard < size - 8192 and (piece := client.recv(1 << 20)):
            heard += len(piece)
        assert heard >= size - 8192


def test_the_time_for_an_answer_ends_with_it(judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    # A kept-alive connection that is used again after the limit: no timer of the first request may close it.
    monkeypatch.setattr(waiting, "BEGIN_SECONDS", 0.3)
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 0.3)
    with (
        Recorder() as upstream,
        RunningFilter(config(upstream.address), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        for _ in range(2):
            client.sendall(VIEW)
            assert listen(client).endswith(b"recorded")
            time.sleep(0.6)
