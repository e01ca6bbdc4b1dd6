"""Faults behind the judge's door, through the whole gate: the recorder sees zero bytes, and the client gets JSON."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.errors import DecoderFailed
from model.formats.media import MediaType
from model.judge import Judge
from model.sandbox import Views
from tests.http1 import upload
from tests.model.test_judge import JPEG, LABELS, FakeBackend, FakeDecoder
from tests.recorder import Recorder
from tests.running import RunningFilter, config, listen, raw_upload, until

FAULTS = [ValueError("x"), TimeoutError("x"), MemoryError(), asyncio.CancelledError(), KeyError("x"), OSError("x")]


class Hanging(FakeDecoder):
    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        await asyncio.Event().wait()
        raise AssertionError


NONSENSE: dict[str, NDArray[np.float32]] = {
    "NaN": np.array([[np.nan, np.nan]], np.float32),
    "infinite": np.array([[0.5, np.inf]], np.float32),
    "no rows": np.zeros((0, 2), np.float32),
    "two rows for one view": np.full((2, 2), 0.5, np.float32),
    "three labels for two": np.full((1, 3), 0.3, np.float32),
}
BROKEN: dict[str, tuple[FakeDecoder, FakeBackend]] = {
    **{f"decode {type(fault).__name__}": (FakeDecoder(fault=fault), FakeBackend()) for fault in FAULTS},
    **{f"classify {type(fault).__name__}": (FakeDecoder(), FakeBackend(fault=fault)) for fault in FAULTS},
    **{f"scores: {name}": (FakeDecoder(), FakeBackend(scores)) for name, scores in NONSENSE.items()},
    "a killed decoder": (FakeDecoder(fault=DecoderFailed("killed")), FakeBackend()),
    "a hanging decoder": (Hanging(), FakeBackend()),
    "no views": (FakeDecoder(views=0), FakeBackend()),
}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with Recorder() as running:
        yield running


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_behind_the_judge_refuses(recorder: Recorder, name: str) -> None:
    settings = config(recorder.address, deadline_seconds=1.5)
    judge = Judge(settings, FakeDecoder(), FakeBackend(), LABELS)
    with RunningFilter(settings, judge) as gate, socket.create_connection(gate.address, timeout=10) as connection:
        # An allowed request first: a connection to pict-rs stands open, and the same parts let pass.
        connection.sendall(raw_upload(JPEG))
        assert listen(connection).startswith(b"HTTP/1.1 201 ")
        recorder.reset()
        vars(judge).update(vars(Judge(settings, *BROKEN[name], LABELS)))
        connection.sendall(raw_upload(JPEG))
        heard = listen(connection)
    assert heard.startswith(b"HTTP/1.1 503 ")
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["files"] == []
    assert not any(recorder.raw)


def runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_real_decoders_that_are_killed_refuse_and_come_back(recorder: Recorder) -> None:
    slow = io.BytesIO()
    Image.linear_gradient("L").resize((6000, 6000)).convert("RGBA").save(slow, "PNG")  # a second to decode
    recorder.reset()
    with RunningFilter(config(recorder.address, deadline_seconds=60.0)) as gate, ThreadPoolExecutor(1) as pool:
        before = psutil.Process().children(recursive=True)
        decoders = [child for child in before if "model.decoder" in " ".join(child.cmdline())]
        assert len(decoders) == 2
        waiting = pool.submit(upload, gate.address, slow.getvalue())
        busy_from = sum(child.cpu_times().user for child in decoders)
        end = time.monotonic() + 30
        while sum(child.cpu_times().user for child in decoders) < busy_from + 0.1 and time.monotonic() < end:
            time.sleep(0.01)
        for child in decoders:
            child.kill()
        until(lambda: not any(runs(child) for child in decoders))
        assert waiting.result(60).status == 503
        assert not any(recorder.raw)
        assert upload(gate.address, JPEG).status == 201
