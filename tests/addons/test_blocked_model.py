"""A model that is stuck keeps uploads waiting, and nobody else: views are answered as long as it lasts."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from model.batcher import Batcher
from model.device import Device
from model.judge import Judge
from tests.fakemodels import Gated
from tests.http1 import ask
from tests.model.test_judge import JPEG, LABELS, FakeDecoder
from tests.recorder import Recorder
from tests.running import RunningFilter, config, listen, raw_upload, until

UPLOADS, VIEWS = 8, 50
ALL_SAFE = np.array([[1.0, 0.0]], np.float32)


class Stuck(Gated):
    """Holds its thread until the gate is opened; then every view is an ordinary one."""

    labels = LABELS["nsfw"]

    def answer(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        super().answer(views)
        return ALL_SAFE.repeat(len(views), axis=0)


def test_views_do_not_wait_for_a_model_that_is_stuck() -> None:
    model, decoder = Stuck(), FakeDecoder()
    with Recorder() as recorder, ExitStack() as stack:
        settings = config(recorder.address, deadline_seconds=120)
        judge = Judge(settings, decoder, Batcher([Device({"nsfw": model})]), LABELS)
        gate = stack.enter_context(RunningFilter(settings, judge))
        stack.callback(model.gate.set)  # whatever happens, the model's thread comes to its end
        waiting = [stack.enter_context(socket.create_connection(gate.address, timeout=30)) for _ in range(UPLOADS)]
        for number, connection in enumerate(waiting):
            connection.sendall(raw_upload(JPEG + bytes([number])))
        assert model.entered.wait(30)
        until(lambda: decoder.seen == UPLOADS, 30)
        for _ in range(VIEWS):
            assert ask(gate.address, "GET", "/image/original/a.jpg").status == 200
        # every view was answered before any upload was: the model is still in its first forward
        assert not model.gate.is_set()
        assert not gate.decisions
        assert {request.method for request in recorder.requests} == {"GET"}
        model.gate.set()
        assert [listen(connection, 30)[:12] for connection in waiting] == [b"HTTP/1.1 201"] * UPLOADS
