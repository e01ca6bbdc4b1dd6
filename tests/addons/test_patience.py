"""How long the filter waits for pict-rs: until its answer begins, and in the middle of it; what a client hears then."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from addons import upstream as waiting
from tests.addons.test_intercept import PICTURE, assert_ours
from tests.http1 import upload
from tests.ports import closed_address
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, listen, raw_upload, say, until

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nfirst half"
VIEW = b"GET /image/original/video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def judge() -> FakeJudge:
    return FakeJudge()


@contextlib.contextmanager
def half_an_answer(
    judge: FakeJudge, view: bytes = VIEW, half: bytes = HALF
) -> Iterator[tuple[RunningFilter, socket.socket, socket.socket]]:
    """The filter, a client that asked it for something, and pict-rs's end, which said the first half of its answer."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        RunningFilter(config(listening.getsockname()), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        client.sendall(view)
        server, _ = listening.accept()
        with server:
            server.recv(65536)
            server.sendall(half)
            yield gate, client, server


def test_upstream_gone_is_json(judge: FakeJudge) -> None:
    with closed_address() as address, RunningFilter(config(address), judge) as gate:
        assert_ours(say(gate.address, b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"), 502)
        answer = upload(gate.address, PICTURE)
        assert (answer.status, answer.json()["msg"]) == (502, "The image server did not answer")


def test_our_own_answer_to_who_speaks_1_0_is_whole(judge: FakeJudge) -> None:
    with (
        closed_address() as address,
        RunningFilter(config(address), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        client.sendall(VIEW.replace(b"HTTP/1.1", b"HTTP/1.0"))
        heard = b""
        while piece := client.recv(65536):  # and no reset behind it
            heard += piece
        assert_ours(heard, 502)


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
    monkeypatch.setattr(waiting, "BEGIN_SECONDS", 1.0)
    with half_an_answer(judge) as (_, client, server):
        assert listen(client).endswith(b"first half")
        time.sleep(1.5)
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


@contextlib.contextmanager
def a_large_view(judge: FakeJudge, size: int) -> Iterator[tuple[RunningFilter, socket.socket]]:
    """The filter, and a client that has the first bytes of an answer of so many."""
    with (
        Recorder(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size) as upstream,
        RunningFilter(config(upstream.address), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        client.sendall(VIEW)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        yield gate, client


def test_a_client_that_reads_slowly_is_not_pictrs_falling_silent(
    judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 2.0)
    size = 30_000_000
    with a_large_view(judge, size) as (_, client):
        time.sleep(3.0)  # longer than the limit, in which nothing moves
        heard = 0
        while heard < size - 8192 and (piece := client.recv(1 << 20)):
            heard += len(piece)
        assert heard >= size - 8192


def test_a_client_that_reads_a_little_keeps_its_place(judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 1.0)
    with a_large_view(judge, 300_000_000) as (gate, client):
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            assert client.recv(1 << 20)
            time.sleep(0.02)
        assert not gate.filter._parts.intercept.idle.is_set()


def test_a_client_that_stops_reading_does_not_keep_its_place(judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else so many that read nothing as may be served at once would shut everybody else out."""
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 0.3)
    with a_large_view(judge, 30_000_000) as (gate, client):
        until(gate.filter._parts.intercept.idle.is_set)
        until(lambda: not gate.filter._server.connections)
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1 << 20):
                pass  # what the system had, and then the end


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_half_an_answer_does_not_pass_for_a_whole_one(judge: FakeJudge, version: bytes) -> None:
    """Who speaks 1.0 is told no length of what pict-rs sends in chunks: it hears that the connection broke."""
    half = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    with half_an_answer(judge, VIEW.replace(b"HTTP/1.1", b"HTTP/" + version), half) as (_, client, server):
        heard = b""
        while b"hello" not in heard:
            piece = client.recv(65536)
            assert piece, heard
            heard += piece
        server.close()
        broken = False
        try:
            while piece := client.recv(65536):
                heard += piece
        except ConnectionResetError:
            broken = True
        assert heard.endswith(b"5\r\nhello\r\n" if version == b"1.1" else b"\r\n\r\nhello")
        assert broken == (version == b"1.0")


# A pict-rs that takes nothing


@contextlib.contextmanager
def a_stuck_pictrs(judge: FakeJudge) -> Iterator[tuple[RunningFilter, list[socket.socket]]]:
    """The filter before a pict-rs that accepts connections and reads nothing; and those connections."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as stack:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    accepted.append(stack.enter_context(listening.accept()[0]))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        with RunningFilter(config(listening.getsockname()), judge) as gate:
            yield gate, accepted
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


LARGE = PICTURE + bytes(16 * 1024 * 1024)  # more than the system takes


def transports() -> list[asyncio.WriteTransport]:
    """All that there are in this process, those that mitmproxy has forgotten too."""
    gc.collect()
    return [each for each in gc.get_objects() if issubclass(type(each), asyncio.WriteTransport)]


@pytest.fixture
def unsent() -> Callable[[], int]:
    """Bytes that lie in transports made since then."""
    before = {id(each): each for each in transports()}
    return lambda: sum(each.get_write_buffer_size() for each in transports() if id(each) not in before)


def test_an_upload_that_pictrs_does_not_take_is_freed_when_it_is_given_up(
    judge: FakeJudge, unsent: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "BEGIN_SECONDS", 0.5)
    with a_stuck_pictrs(judge) as (gate, _):
        answer = upload(gate.address, LARGE)
        assert (answer.status, answer.json()["msg"]) == (502, "The image server did not answer")
        until(lambda: unsent() == 0)


def test_an_upload_that_pictrs_does_not_take_is_freed_when_its_client_leaves(
    judge: FakeJudge, unsent: Callable[[], int]
) -> None:
    with a_stuck_pictrs(judge) as (gate, accepted):
        with socket.create_connection(gate.address, timeout=10) as client:
            client.sendall(raw_upload(LARGE))
            until(lambda: accepted and unsent() > 0)
        until(lambda: unsent() == 0)
        assert gate.filter._parts.admission.bytes == 0


def test_the_time_for_an_answer_ends_with_it(judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    # A kept-alive connection that is used again after the limit: no timer of the first request may close it.
    monkeypatch.setattr(waiting, "BEGIN_SECONDS", 1.0)
    monkeypatch.setattr(waiting, "IDLE_SECONDS", 1.0)
    with (
        Recorder() as upstream,
        RunningFilter(config(upstream.address), judge) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        for _ in range(2):
            client.sendall(VIEW)
            assert listen(client).endswith(b"recorded")
            time.sleep(1.5)
