"""More than fits in hand: refused at once with 503 and Retry-After, and room again as soon as somebody has gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from addons import connections as connections_of
from config.policy import Origin
from model.verdict import Verdict
from tests.addons.test_intercept import PICTURE, assert_ours
from tests.http1 import ask, upload
from tests.recorder import Recorder, Site
from tests.running import FakeJudge, RunningFilter, config, listen, raw_upload, until

VIEW = b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
MIB = 1024 * 1024


class SlowJudge(FakeJudge):
    """Judges when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.release = asyncio.Event()

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        self.seen.append(data)
        await self.release.wait()
        return await super().judge(data, deadline)


@contextlib.contextmanager
def connections(gate: RunningFilter, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(gate.address, timeout=10)) for _ in range(number)]


def test_the_next_upload_is_refused_at_once_and_views_are_not(recorder: Recorder) -> None:
    judge = SlowJudge()
    overload = {"media_requests": 2}
    with RunningFilter(config(recorder.address, overload=overload), judge) as gate, connections(gate, 2) as two:
        for connection in two:
            connection.sendall(raw_upload(PICTURE))
        until(lambda: len(judge.seen) == 2)
        answer = upload(gate.address, PICTURE)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        assert answer.json()["msg"] == "The image check is busy, please try again in a moment"
        assert ask(gate.address, "GET", f"/image/download?url={quote('http://example.com/', safe='')}").status == 503
        assert ask(gate.address, "GET", "/image/original/a.jpg").status == 200
        assert len(judge.seen) == 2
        gate.call(judge.release.set)
        assert [listen(connection)[:12] for connection in two] == [b"HTTP/1.1 201"] * 2
        assert upload(gate.address, PICTURE).status == 201
        until(lambda: gate.filter._parts.admission.requests == 0)


def test_a_client_that_leaves_frees_its_place(recorder: Recorder) -> None:
    judge = SlowJudge()
    with RunningFilter(config(recorder.address, overload={"media_requests": 1}), judge) as gate:
        admission = gate.filter._parts.admission
        with connections(gate, 1) as (one,):
            one.sendall(raw_upload(PICTURE))
            until(lambda: len(judge.seen) == 1)
            assert upload(gate.address, PICTURE).status == 503
        until(lambda: admission.requests == 0)
        with connections(gate, 1) as (one,):  # in the middle of its body, which takes room and no place yet
            one.sendall(raw_upload(PICTURE)[:-20])
            until(lambda: admission.bytes > 0)
            assert admission.requests == 0
        until(lambda: (admission.requests, admission.bytes) == (0, 0))
        gate.call(judge.release.set)
        assert upload(gate.address, PICTURE).status == 201
    assert len(recorder.requests) == 1


def test_who_promises_a_body_and_sends_none_takes_nothing_from_others(recorder: Recorder) -> None:
    form_type = b"multipart/form-data; boundary=x"
    promise = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Type: " + form_type + b"\r\nContent-Length: %d\r\n\r\n"
    overload = {"media_requests": 2}
    with RunningFilter(config(recorder.address, overload=overload), FakeJudge()) as gate, connections(gate, 8) as many:
        for connection in many:
            connection.sendall(promise % (60 * MIB) + b"--x")
        until(lambda: gate.filter._parts.admission.bytes == 8 * 3)
        assert upload(gate.address, PICTURE).status == 201


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_the_bytes_of_all_bodies_are_bounded(recorder: Recorder, chunked: bool) -> None:
    judge = SlowJudge()
    settings = {
        "limits": {"max_file_mib": 1, "max_request_mib": 2},
        "overload": {"media_mib": 2},
    }
    with RunningFilter(config(recorder.address, **settings), judge) as gate, connections(gate, 2) as (first, second):
        first.sendall(raw_upload(b"x" * MIB))
        until(lambda: len(judge.seen) == 1)
        raw = raw_upload(b"y" * MIB)
        if chunked:
            head, _, body = raw.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
            pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
            raw = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
            raw += b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        second.sendall(raw)
        assert_ours(listen(second), 503)
        assert len(judge.seen) == 1
        gate.call(judge.release.set)
        assert listen(first).startswith(b"HTTP/1.1 201 ")
        until(lambda: gate.filter._parts.admission.bytes == 0)
        assert upload(gate.address, b"y" * (MIB // 2)).status == 201


def test_the_bytes_of_a_fetch_are_bounded_too(recorder: Recorder) -> None:
    judge = SlowJudge()
    with Site() as site:
        settings = {
            "limits": {"max_file_mib": 1, "max_request_mib": 2},
            "overload": {"media_mib": 2},
            "fetch": {"allow_networks": ("127.0.0.0/8",), "ports": (site.address[1],)},
        }
        url = site.put("/large.jpg", b"z" * MIB)
        with RunningFilter(config(recorder.address, **settings), judge) as gate, connections(gate, 1) as (first,):
            first.sendall(raw_upload(b"x" * MIB))
            until(lambda: len(judge.seen) == 1)
            answer = ask(gate.address, "GET", f"/image/download?url={quote(url, safe='')}")
            assert (answer.status, answer.json()["msg"][:23]) == (503, "The image check is busy")
            gate.call(judge.release.set)
            assert listen(first).startswith(b"HTTP/1.1 201 ")
            # It says nothing about the picture, so it is not remembered.
            assert ask(gate.address, "GET", f"/image/download?url={quote(url, safe='')}").status == 201


def test_fetches_leave_room_for_uploads(recorder: Recorder) -> None:
    """Three quarters of the bytes are theirs; what lies above is for uploads alone."""
    judge = SlowJudge()
    with Site() as site:
        settings = {
            "limits": {"max_file_mib": 2, "max_request_mib": 3},
            "overload": {"media_mib": 4},
            "fetch": {"allow_networks": ("127.0.0.0/8",), "ports": (site.address[1],)},
        }
        url = site.put("/large.jpg", b"z" * (3 * MIB // 2))
        fetch = f"/image/download?url={quote(url, safe='')}"
        with RunningFilter(config(recorder.address, **settings), judge) as gate, connections(gate, 2) as (one, two):
            one.sendall(raw_upload(b"x" * (7 * MIB // 4)))
            until(lambda: len(judge.seen) == 1)
            assert ask(gate.address, "GET", fetch).status == 503  # 3.25 MiB of 4, and 3 are for fetches
            two.sendall(raw_upload(b"y" * (3 * MIB // 2)))
            until(lambda: len(judge.seen) == 2)
            gate.call(judge.release.set)
            assert [listen(each)[:12] for each in (one, two)] == [b"HTTP/1.1 201"] * 2
            until(lambda: gate.filter._parts.admission.bytes == 0)
            assert ask(gate.address, "GET", fetch).status == 201


def test_requests_of_any_kind_are_bounded_and_pictrs_own_calls_are_not_among_them() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as upstream,  # takes requests, and answers none
        RunningFilter(config(upstream.getsockname(), overload={"requests": 4}), FakeJudge()) as gate,
        connections(gate, 4) as four,
    ):
        for connection in four:
            connection.sendall(VIEW)
        until(lambda: len(gate.filter._parts.intercept._cases) == 4)
        assert ask(gate.address, "GET", "/image/original/a.jpg").status == 503
        assert ask(gate.callback, "GET", "/v/nothing").status == 404
        four[0].close()
        until(lambda: len(gate.filter._parts.intercept._cases) == 3)


def test_connections_are_bounded(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_of, "PER_REQUEST", 1)
    with RunningFilter(config(recorder.address, overload={"requests": 4}), FakeJudge()) as gate:
        with connections(gate, 4) as four:
            for connection in four:
                connection.sendall(VIEW)
                assert listen(connection).startswith(b"HTTP/1.1 200 ")
            with connections(gate, 1) as (fifth,):
                assert fifth.recv(1) == b""
            assert ask(gate.callback, "GET", "/v/nothing").status == 404
        until(lambda: not gate.filter._parts.intercept._connections.clients)
        assert upload(gate.address, PICTURE).status == 201
