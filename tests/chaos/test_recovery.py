"""Each kind of death alone: who was in the middle of it is told, and the next request is served."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.chaos.kills import CLASSIFIER_FAULTS, fault
from tests.chaos.leaks import assert_nothing_left, decoders
from tests.chaos.oracle import unjudged
from tests.chaos.pictures import Gallery, Scores
from tests.chaos.scene import DECODERS, Scene, callback_address
from tests.chaos.standin import StandIn
from tests.chaos.storm import OF_ASYNCIO, UPSTREAM_SECONDS, calm
from tests.http1 import Answer, Request, ask, upload, write_answer
from tests.running import raw_upload, until

DEADLINE_SECONDS = 3.0
"""Enough for an ordinary picture on a busy machine; some tests wait for it once."""


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture(scope="module")
def one_scene(standin: StandIn, pictures: Gallery) -> Iterator[Scene]:
    with Scene(standin, pictures, callback_address(), deadline_seconds=DEADLINE_SECONDS) as scene:
        calm(scene)
        yield scene


@pytest.fixture
def scene(one_scene: Scene, pictures: Gallery) -> Iterator[Scene]:
    """Whatever dies in a test: nothing unjudged came, nothing is left, and all works afterwards."""
    before = one_scene.rest()
    yield one_scene
    assert_nothing_left(before, one_scene.held)
    calm(one_scene)
    assert unjudged(one_scene.upstream.raw, one_scene.upstream.taken, pictures) == []


@pytest.fixture
def later() -> Iterator[Callable[..., Future[Answer]]]:
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def assert_told(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json()["code"]) == (status, code), answer.body


def test_killed_decoders(scene: Scene, pictures: Gallery, later: Callable[..., Future[Answer]]) -> None:
    sleepers = decoders()
    assert len(sleepers) == DECODERS
    for pid in sleepers:
        os.kill(pid, signal.SIGSTOP)
    waiting = [later(upload, scene.gate.address, pictures.ordinary[0]) for _ in sleepers]
    until(lambda: scene.in_hand == DECODERS)
    for pid in sleepers:
        os.kill(pid, signal.SIGKILL)
    for each in waiting:
        assert_told(each.result(), 503, "image-check-unavailable")


def test_decoders_that_hang(scene: Scene, pictures: Gallery, later: Callable[..., Future[Answer]]) -> None:
    for pid in decoders():
        os.kill(pid, signal.SIGSTOP)
    for each in [later(upload, scene.gate.address, pictures.ordinary[0]) for _ in range(DECODERS)]:
        assert_told(each.result(), 503, "image-check-unavailable")


@pytest.mark.parametrize("what", CLASSIFIER_FAULTS, ids=[repr(each)[:40] for each in CLASSIFIER_FAULTS])
def test_a_forward_that_fails(scene: Scene, pictures: Gallery, what: Any) -> None:
    scene.model.fault = fault(what)
    assert_told(upload(scene.gate.address, pictures.ordinary[0]), 503, "image-check-unavailable")


def test_a_forward_that_hangs(scene: Scene, pictures: Gallery) -> None:
    gate = threading.Event()

    def hang() -> Scores:
        gate.wait()
        raise ValueError("nobody waits for it any more")

    scene.model.fault = hang
    for _ in range(2):  # the second stands in line behind the first
        assert_told(upload(scene.gate.address, pictures.ordinary[0]), 503, "image-check-unavailable")
    gate.set()


def test_pict_rs_dies_with_a_request_in_hand(
    scene: Scene, standin: StandIn, pictures: Gallery, later: Callable[..., Future[Answer]]
) -> None:
    reached, ends, answer = threading.Semaphore(0), threading.Event(), standin.answer

    def hang(request: Request) -> bytes | None:
        reached.release()
        ends.wait()
        return None

    standin.answer = hang
    waiting = [
        later(upload, scene.gate.address, pictures.ordinary[0]),
        later(ask, scene.gate.address, "GET", "/image/original/a.png"),
    ]
    assert all(reached.acquire(timeout=10) for _ in waiting)
    standin.answer = answer
    standin.kill()
    for each in waiting:
        assert_told(each.result(), 502, "upstream-unavailable")
    assert_told(upload(scene.gate.address, pictures.ordinary[0]), 502, "upstream-unavailable")
    assert_told(upload(scene.gate.address, pictures.forbidden[0]), 400, "failed-external-validation")
    ends.set()
    standin.revive()


def test_pict_rs_dies_as_the_connection_to_it_is_made(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reset before mitmproxy asks whose it is: getpeername() gives nothing then (seen in a storm, rarely)."""
    real, writers = asyncio.open_connection, []

    async def late(*args: Any, **kwargs: Any) -> Any:
        reader, writer = await real(*args, **kwargs)
        writers.append(writer)
        transport: Any = writer.transport
        transport._extra["peername"] = None
        return reader, writer

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "open_connection", late)
        with contextlib.suppress(ConnectionError, http.client.HTTPException):  # told by a close, if not in words
            assert ask(scene.gate.address, "GET", "/image/original/a.png", timeout=2 * UPSTREAM_SECONDS).status == 502
    until(lambda: scene.in_hand == 0)
    for writer in writers:
        scene.gate.call(writer.transport.abort)  # which a reset does by itself


@pytest.mark.filterwarnings(*OF_ASYNCIO)
@pytest.mark.parametrize("cut", [False, True])
def test_the_listener_closes_with_a_call_in_hand(
    scene: Scene, pictures: Gallery, later: Callable[..., Future[Answer]], cut: bool
) -> None:
    reached, go = threading.Event(), threading.Event()

    def slow(_: Request) -> bytes:
        reached.set()
        go.wait()
        return write_answer(200, pictures.ordinary[1])

    url = scene.site.route(f"/slow-{cut}", slow)
    view = scene.asks.proxied(url)
    waiting = later(ask, scene.gate.address, "GET", view.target)
    assert reached.wait(10)
    scene.close_listener(cut=cut)
    if cut:  # its fetch ends with it
        assert_told(waiting.result(), 500, "download-file-error")
        go.set()
    else:
        go.set()
        found = waiting.result()
        assert (found.status, found.body) == (200, pictures.ordinary[1])
    other = ask(scene.gate.address, "GET", scene.asks.proxied(scene.site.put(f"/other-{cut}", b"x")).target)
    assert other.status == 500  # pict-rs reaches nobody
    scene.open_listener()
    assert ask(scene.gate.address, "GET", view.target).status == 200


def test_a_client_leaves_while_its_picture_is_judged(scene: Scene, pictures: Gallery) -> None:
    inside, go = threading.Event(), threading.Event()

    def wait() -> Scores:
        inside.set()
        go.wait()
        raise ValueError("nobody waits for it any more")

    scene.model.fault = wait
    sent = len(scene.upstream.raw)
    with socket.create_connection(scene.gate.address) as connection:
        connection.sendall(raw_upload(pictures.ordinary[0]))
        assert inside.wait(10)
    until(lambda: scene.in_hand == 0)
    go.set()
    assert len(scene.upstream.raw) == sent
