"""The life of the program over real sockets: closed options or none, uploads once the model is warm, an orderly end."""

from __future__ import annotations

import asyncio
import socket

import pytest
from mitmproxy.exceptions import OptionsError

from config.load import Config
from model.verdict import Verdict
from tests.http1 import ask, upload
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, listen, raw_upload, until
from tests.wire import ours

PICTURE = b"an ordinary picture, as far as FakeJudge is concerned"


def test_options_cannot_be_opened_while_it_runs(gate: RunningFilter) -> None:
    options = gate.filter._master.options
    for name, value in {"ignore_hosts": [".*"], "http2": True, "stream_large_bodies": "1"}.items():
        before = getattr(options, name)

        def change(name: str = name, value: object = value) -> None:
            with pytest.raises(OptionsError):
                options.update(**{name: value})

        gate.call(change)
        assert getattr(options, name) == before


def test_until_the_model_is_warm_nothing_comes_in(recorder: Recorder) -> None:
    release = asyncio.Event()

    async def slow(_: Config) -> FakeJudge:
        await release.wait()
        return FakeJudge()

    with RunningFilter(config(recorder.address), start=slow, wait=False) as gate:
        answer = upload(gate.address, PICTURE)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        assert answer.json()["files"] == []
        assert ask(gate.address, "GET", "/healthz").status == 503
        assert ask(gate.address, "GET", "/image/download?url=http://example.com/").status == 503
        assert not any(recorder.raw)
        assert ask(gate.address, "GET", "/image/original/a.jpg").status == 200  # views need no model
        gate.call(release.set)
        until(lambda: gate.filter.device == "fake")
        assert upload(gate.address, PICTURE).status == 201


def test_stopping_lets_a_slow_reader_have_the_rest(judge: FakeJudge) -> None:
    size = 3_000_000
    with (
        Recorder(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size) as upstream,
        RunningFilter(config(upstream.address), judge) as gate,
        socket.socket() as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(gate.address)
        client.sendall(b"GET /image/original/video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        gate._loop.call_soon_threadsafe(gate._stop.set)
        until(lambda: gate.filter._parts.life.stopping)
        heard = 0
        client.settimeout(10)
        while piece := client.recv(65536):
            heard += len(piece)
            if heard > size - 8192:
                break
        assert heard > size - 8192


def test_stopping_finishes_what_is_in_hand(
    recorder: Recorder, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, release = asyncio.Event(), asyncio.Event()
    plain = judge.judge

    async def slow(data: bytes, deadline: float, *_: object) -> Verdict:
        started.set()
        await release.wait()
        return await plain(data, deadline)

    monkeypatch.setattr(judge, "judge", slow)
    with RunningFilter(config(recorder.address), judge) as gate:
        address = gate.address
        with socket.create_connection(address) as connection, socket.create_connection(address) as idle:
            connection.sendall(raw_upload(PICTURE))
            until(started.is_set)
            gate._loop.call_soon_threadsafe(gate._stop.set)
            until(lambda: gate.filter._parts.life.stopping)
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert ours(listen(idle))[0] == 503
            gate._loop.call_soon_threadsafe(release.set)
            assert listen(connection).startswith(b"HTTP/1.1 201 ")
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address):
        pass
