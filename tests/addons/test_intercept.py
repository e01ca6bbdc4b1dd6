"""The gate as a whole, over real sockets: what goes on is rebuilt, what is refused never leaves, a fault refuses."""

from __future__ import annotations

import _posixsubprocess
import _socket
import asyncio
import hashlib
import json
import os
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from types import BuiltinFunctionType, FrameType
from typing import Any

import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.test import tflow, tutils

from addons import framing, wiring
from addons.cases import Case
from addons.fetch.remote import RemoteFetcher
from addons.gatekeeper import Forward, Gatekeeper
from addons.intercept import Intercept
from addons.pictrs import multipart
from model.verdict import Outcome, Verdict
from tests.http1 import ask, form, upload, write_answer
from tests.recorder import Recorder, Site
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config, listen, raw_upload, say, until

PICTURE = b"an ordinary picture, as far as FakeJudge is concerned"


def assert_ours(raw: bytes, status: int) -> None:
    """A raw answer is one of ours: that status, and JSON that every Lemmy reads."""
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), raw[:200]
    assert b"application/json" in head
    assert set(json.loads(body)) == {"msg", "code", "files"}


# What goes on


def test_an_upload_goes_on_rebuilt(gate: RunningFilter, recorder: Recorder) -> None:
    headers, body = form(PICTURE, filename="../../secret \u00e9.jpg")
    sent = {**headers, "Cookie": "jwt=secret", "Authorization": "Bearer secret", "X-Forwarded-For": "1.2.3.4",
            "Accept": "application/json", "User-Agent": "x", "X-Api-Token": "secret",
            "Expect": "100-continue"}  # fmt: skip
    answer = ask(gate.address, "POST", "/im%61ge?resize=100", body, sent)
    assert answer.status == 201
    assert answer.json()["files"][0]["file"] == "recorded.png"
    (request,) = recorder.requests
    assert (request.method, request.target) == ("POST", "/image?resize=100")
    assert {name.lower() for name, _ in request.headers} == {
        "host",
        "accept",
        "content-type",
        "content-length",
        "x-pictrs-filter",
    }
    assert b"secret" not in recorder.raw[0]
    boundary = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{48})", request.header("content-type")[0])
    assert boundary
    assert request.body.count(PICTURE) == 1
    assert request.body.startswith(b"--" + boundary[1].encode())
    assert b'form-data; name="images[]"; filename="upload"\r\n' in request.body
    assert b"Content-Type: image/jpeg\r\n" in request.body  # what the judge saw, not what the client said


def test_several_files_go_on_in_one_request(gate: RunningFilter, recorder: Recorder, judge: FakeJudge) -> None:
    assert upload(gate.address, PICTURE + b"1", PICTURE + b"2").status == 201
    (request,) = recorder.requests
    assert request.body.count(PICTURE) == 2
    assert judge.passed == {hashlib.sha256(PICTURE + tail).hexdigest() for tail in (b"1", b"2")}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/image/original/a.jpg"),
        ("HEAD", "/image/original/a.jpg"),
        ("GET", "/image/process.webp?src=a.jpg&thumbnail=96"),
        ("DELETE", "/image/delete/token/a.jpg"),
        ("GET", "/healthz"),
    ],
)
def test_a_view_goes_on_without_cookies_and_without_a_body(
    gate: RunningFilter, recorder: Recorder, method: str, target: str
) -> None:
    headers = {"Cookie": "jwt=secret", "Range": "bytes=0-1", "If-None-Match": '"x"', "Upgrade": "websocket",
               "Connection": "Upgrade", "Content-Type": "text/plain"}  # fmt: skip
    answer = ask(gate.address, method, target, None, headers)
    assert answer.status in (200, 204)
    (request,) = recorder.requests
    assert (request.method, request.target, request.body) == (method, target, b"")
    assert {name.lower() for name, _ in request.headers} <= {"host", "range", "if-none-match", "x-pictrs-filter"}


def test_only_the_bytes_that_were_judged_go_on(
    gate: RunningFilter, recorder: Recorder, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = judge.judge

    async def shorter(data: bytes, deadline: float, *_: object) -> Verdict:
        return replace(await plain(data, deadline), size=len(PICTURE))

    monkeypatch.setattr(judge, "judge", shorter)
    assert upload(gate.address, PICTURE + b"trailer").status == 201
    assert PICTURE + b"\r\n--" in recorder.requests[0].body
    assert b"trailer" not in recorder.raw[0]


def test_of_pict_rs_answer_goes_back_what_it_is_known_to_send(judge: FakeJudge) -> None:
    known = {"Content-Type": "image/png", "ETag": '"x"', "Cache-Control": "max-age=5", "Accept-Ranges": "bytes"}
    odd = {"Set-Cookie": "a=b", "Server": "x", "X-Odd": "y", "Access-Control-Allow-Origin": "*", "Trailer": "Z"}
    with (
        Recorder(lambda _: write_answer(200, b"picture", known | odd)) as upstream,
        RunningFilter(config(upstream.address), judge) as gate,
    ):
        answer = ask(gate.address, "GET", "/image/original/a.png")
    assert answer.body == b"picture"
    assert dict(answer.headers) == known | {"Content-Length": "7"}


def test_of_an_upload_that_is_over_a_connection_keeps_no_body(
    gate: RunningFilter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The connection keeps the client's request until the next one, and pict-rs's stands in the flow in its place.
    taken, plain = [], Intercept.requestheaders

    def noted(self: Intercept, flow: HTTPFlow) -> None:
        taken.append(flow.request)
        plain(self, flow)

    monkeypatch.setattr(Intercept, "requestheaders", noted)
    with socket.create_connection(gate.address, timeout=10) as connection:
        connection.sendall(raw_upload(PICTURE))
        assert listen(connection).startswith(b"HTTP/1.1 201 ")
        assert [request.raw_content for request in taken] == [None]
    assert PICTURE in recorder.requests[0].body


BLOCKING = frozenset(
    {time.sleep, open, os.open, select.select, socket.getaddrinfo, _socket.getaddrinfo, _posixsubprocess.fork_exec}
)
"""Functions written in C that can keep the event loop from everybody else."""


def test_neither_a_view_nor_an_upload_calls_what_blocks_the_event_loop(gate: RunningFilter) -> None:
    called: set[Any] = set()

    def note(_: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and isinstance(function, BuiltinFunctionType):
            called.add(function)

    upload(gate.address, PICTURE)  # once before, for what is done once
    gate.call(lambda: sys.setprofile(note))  # in the event loop's thread alone
    try:
        assert ask(gate.address, "GET", "/image/original/a.jpg").status == 200
        assert upload(gate.address, PICTURE).status == 201
        gate.call(lambda: os.getpid())
    finally:
        gate.call(lambda: sys.setprofile(None))
    assert os.getpid in called, "nothing was noted"
    assert called & BLOCKING == set()


# What is refused


def test_a_forbidden_file_is_refused_and_nothing_is_sent(gate: RunningFilter, recorder: Recorder) -> None:
    answer = upload(gate.address, PICTURE + FORBIDDEN)
    assert answer.status == 400
    found = answer.json()
    assert re.fullmatch(r"Image rejected by this server's content filter \(ref [0-9a-f]{8}\)", found["msg"])
    assert (found["code"], found["files"]) == ("failed-external-validation", [])
    assert not any(recorder.raw)
    assert gate.decisions[0].ref in found["msg"]


def test_one_forbidden_part_refuses_the_request(gate: RunningFilter, recorder: Recorder) -> None:
    assert upload(gate.address, PICTURE, FORBIDDEN, PICTURE).status == 400
    assert not any(recorder.raw)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "/internal/import", 404),
        ("POST", "//internal/purge?alias=a.jpg", 404),
        ("GET", "/image/original?proxy=http://10.0.0.1:8080/a.jpg", 400),
        ("GET", "/image/process.webp?src=a.jpg&proxy=http://example.com/a.jpg", 400),
        ("PUT", "/image", 405),
        ("GET", "/", 404),
        ("GET", "/image/original/a.jpg?x=1", 400),
        ("OPTIONS", "*", 404),
    ],
)
def test_what_is_not_in_the_table_is_refused(
    gate: RunningFilter, recorder: Recorder, method: str, target: str, status: int
) -> None:
    headers, body = form(PICTURE) if method in ("POST", "PUT") else ({}, None)
    answer = ask(gate.address, method, target, body, headers)
    assert answer.status == status
    assert answer.json()["files"] == []
    assert not any(recorder.raw)


def test_a_body_where_none_belongs_is_refused(gate: RunningFilter, recorder: Recorder) -> None:
    assert ask(gate.address, "GET", "/image/original/a.jpg", b"smuggled").status == 400
    chunked = (
        b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
    )
    assert_ours(say(gate.address, chunked), 400)
    assert not any(recorder.raw)


@pytest.mark.parametrize("encoding", ["gzip", "identity", "zzz"])
def test_an_encoded_body_is_refused(gate: RunningFilter, recorder: Recorder, encoding: str) -> None:
    headers, body = form(PICTURE)
    assert ask(gate.address, "POST", "/image", body, {**headers, "Content-Encoding": encoding}).status == 415
    assert not any(recorder.raw)


def test_a_body_is_taken_up_to_the_limit_and_not_beyond(recorder: Recorder, judge: FakeJudge) -> None:
    limits = {"max_file_mib": 1, "max_request_mib": 1}
    with RunningFilter(config(recorder.address, limits=limits), judge) as gate:
        headers, empty = form(b"")
        room = 1024 * 1024 - len(empty)
        headers, body = form(b"x" * room)
        assert ask(gate.address, "POST", "/image", body, headers).status == 201
        headers, body = form(b"x" * (room + 1))
        answer = ask(gate.address, "POST", "/image", body, headers)
        assert (answer.status, "larger than is allowed" in answer.json()["msg"]) == (400, True)
        chunked = [b"%x\r\n%s\r\n" % (len(body), body), b"0\r\n\r\n"]
        head = (
            f"POST /image HTTP/1.1\r\nHost: x\r\nContent-Type: {headers['Content-Type']}\r\nTransfer-Encoding: chunked"
        )
        raw = say(gate.address, head.encode() + b"\r\n\r\n", *chunked)
        assert_ours(raw, 400)
        assert b"larger than is allowed" in raw
    assert len(recorder.requests) == 1


# Downloads


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def test_a_download_is_fetched_once_by_the_filter_and_sent_as_an_upload(
    recorder: Recorder, judge: FakeJudge, site: Site
) -> None:
    url = site.put("/a.jpg?w=1", PICTURE, FORBIDDEN)
    fetch = {"allow_networks": ("127.0.0.0/8",), "ports": (site.address[1],)}
    with RunningFilter(config(recorder.address, fetch=fetch), judge) as gate:
        answer = ask(gate.address, "GET", "/image/download?resize=512&url=" + url.replace("?", "%3F"))
        assert answer.status == 201
        (request,) = recorder.requests
        assert (request.method, request.target) == ("POST", "/image?resize=512")
        assert PICTURE in request.body
        assert site.fetches == {"/a.jpg?w=1": 1}
        recorder.reset()
        # The site serves other bytes the second time; each fetch is judged for itself.
        assert ask(gate.address, "GET", "/image/download?url=" + url.replace("?", "%3F")).status == 400
        assert recorder.requests == []


def test_a_download_that_fails_is_answered_in_pictrs_shape(recorder: Recorder, judge: FakeJudge, site: Site) -> None:
    fetch = {"allow_networks": ("127.0.0.0/8",), "ports": (site.address[1],)}
    with RunningFilter(config(recorder.address, fetch=fetch), judge) as gate:
        answer = ask(gate.address, "GET", f"/image/download?url={site.url}/missing.jpg")
        assert (answer.status, answer.json()["code"]) == (400, "download-file-error")
        private = ask(gate.address, "GET", "/image/download?url=http://10.0.0.1/a.jpg")
        assert (private.status, private.json()["code"]) == (400, "download-file-error")
    assert not any(recorder.raw)
    assert judge.seen == []


# Fail closed


FAULTS = [ValueError("x"), TimeoutError("x"), MemoryError(), asyncio.CancelledError(), KeyError("x"), OSError("x"),
          RecursionError(), UnicodeDecodeError("utf-8", b"x", 0, 1, "x"), AssertionError(),
          StopAsyncIteration()]  # fmt: skip
STAGES = ["screen", "parse", "fetch", "judge", "build", "send", "answer"]


def break_stage(stage: str, fault: BaseException, judge: FakeJudge, patch: pytest.MonkeyPatch) -> None:
    """Make one stage raise."""

    def broken(*_: object, **__: object) -> None:
        raise fault

    async def broken_async(*_: object, **__: object) -> None:
        raise fault

    match stage:
        case "screen":
            patch.setattr(Gatekeeper, "screen", broken)
        case "parse":
            patch.setattr(multipart, "parse", broken)
        case "fetch":
            patch.setattr(RemoteFetcher, "fetch", broken_async)
        case "judge":
            patch.setattr(judge, "judge", broken_async)
        case "build":
            patch.setattr(multipart, "serialise", broken)
        case "send":
            patch.setattr(Intercept, "_send_on", broken)
        case "answer":
            patch.setattr(framing, "response", broken)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_at_any_stage_refuses(
    gate: RunningFilter,
    recorder: Recorder,
    judge: FakeJudge,
    stage: str,
    fault: BaseException,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = raw_upload(PICTURE)
    raw = whole
    if stage == "fetch":
        raw = b"GET /image/download?url=http://example.com/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
    if stage == "answer":
        raw = raw.replace(PICTURE, FORBIDDEN.ljust(len(PICTURE)))
    with socket.create_connection(gate.address, timeout=10) as connection:
        # An allowed request first, so that a connection to pict-rs stands open.
        connection.sendall(whole)
        assert listen(connection).startswith(b"HTTP/1.1 201 ")
        recorder.reset()
        with monkeypatch.context() as patch:
            break_stage(stage, fault, judge, patch)
            connection.sendall(raw)
            heard = listen(connection)
    # Without even a refusal to set, the dead upstream is what refuses.
    assert_ours(heard, 502 if stage == "answer" else 503)
    assert not any(recorder.raw)
    # And the filter is whole afterwards.
    assert upload(gate.address, PICTURE).status == 201


@pytest.mark.parametrize("kind", ["odd verdict", "none", "no size", "too much"])
def test_whatever_is_not_plainly_a_pass_is_refused(
    gate: RunningFilter, recorder: Recorder, judge: FakeJudge, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def odd(data: bytes, *_: object) -> object:
        if kind == "none":
            return None
        if kind == "no size":
            return Verdict(Outcome.PASS, Outcome.PASS, None, None, "0" * 64, 0)
        if kind == "too much":
            return Verdict(Outcome.PASS, Outcome.PASS, None, None, "0" * 64, len(data) + 1)
        return Verdict("passes", "pass", None, None, "0" * 64, len(data))  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "judge", odd)
    assert upload(gate.address, PICTURE).status == 503
    assert not any(recorder.raw)


def test_an_odd_decision_is_not_sent_on(
    gate: RunningFilter, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def odd(data: bytes, *_: object) -> object:
        return {"method": "POST"}

    monkeypatch.setattr(Gatekeeper, "decide", odd)
    answer = upload(gate.address, PICTURE)
    assert answer.status == 503
    assert not any(recorder.raw)


def test_every_other_address_is_refused(gate: RunningFilter, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    with Recorder() as elsewhere:

        def astray(self: Intercept, flow: HTTPFlow, case: Case, forward: Forward) -> None:
            self._upstream.address, kept = elsewhere.address, self._upstream.address
            original(self, flow, case, forward)
            self._upstream.address = kept

        original = Intercept._send_on  # the fault that is injected: a flow that names another server
        monkeypatch.setattr(Intercept, "_send_on", astray)
        assert upload(gate.address, PICTURE).status == 502
        assert elsewhere.raw == []


@pytest.mark.parametrize("astray", ["port", "host", "via", "tls", "none"])
async def test_the_guard_of_connections(astray: str) -> None:
    class Server:
        address: tuple[str, int] | None = ("pictrs", 8080)
        via: object = None
        tls = False
        error: str | None = None

    class Data:
        server = Server()

    guarding = wiring.build(config(("pictrs", 8080))).intercept
    guarding.server_connect(Data())  # type: ignore[arg-type]
    assert Data.server.error is None
    match astray:
        case "port":
            Data.server.address = ("pictrs", 8081)
        case "host":
            Data.server.address = ("elsewhere", 8080)
        case "via":
            Data.server.via = ("http", ("proxy", 3128))
        case "tls":
            Data.server.tls = True
        case "none":
            Data.server.address = None
    guarding.server_connect(Data())  # type: ignore[arg-type]
    assert Data.server.error


def test_a_length_over_the_limit_is_refused_before_the_body(gate: RunningFilter) -> None:
    flow = tflow.tflow(req=tutils.treq(method=b"POST", path=b"/image", authority=b"", content=b""))
    flow.request.headers["content-length"] = str(65 * 1024 * 1024)
    gate.call(lambda: gate.filter._parts.intercept.requestheaders(flow))
    assert flow.response is not None
    assert (flow.response.status_code, b"larger" in (flow.response.raw_content or b"")) == (400, True)
    gate.call(lambda: gate.filter._parts.intercept.response(flow))


# What goes wrong on the way


def test_a_client_that_leaves_stops_the_work(
    recorder: Recorder, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ended = asyncio.Event(), []

    async def slow(data: bytes, deadline: float, *_: object) -> Verdict:
        started.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        raise AssertionError

    monkeypatch.setattr(judge, "judge", slow)
    with RunningFilter(config(recorder.address), judge) as gate:
        with socket.create_connection(gate.address) as connection:
            connection.sendall(raw_upload(PICTURE))
            until(started.is_set)
        until(lambda: ended == ["cancelled"])
        until(lambda: gate.filter._parts.intercept.idle.is_set())
    assert not any(recorder.raw)


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw", b"nonsense\r\n\r\n", b""],
    ids=["101", "nonsense", "closed"],
)
def test_a_nonsense_answer_of_the_upstream_is_not_passed_on(judge: FakeJudge, reply: bytes) -> None:
    with Recorder(lambda _: reply or None) as odd, RunningFilter(config(odd.address), judge) as gate:
        heard = say(gate.address, b"GET /image/original/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"101" not in heard
        assert b"raw" not in heard
        assert b"<html" not in heard
        if heard:
            assert_ours(heard, 502)
