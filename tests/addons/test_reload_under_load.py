"""A policy that is changed over and over while pictures come in: none is dropped, none is judged by what nobody wrote.

Marked `once`: what it shows is ours and asyncio's, and the same on every Python.
"""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from config.load import Config, load
from model.classifier import Enough
from model.formats.media import MediaType
from model.judge import Judge
from model.preprocess import Views
from tests.http1 import form
from tests.model.test_judge import LABELS, FakeBackend, FakeDecoder
from tests.recorder import Recorder
from tests.running import RunningFilter, config

pytestmark = pytest.mark.once

UPLOADS = 10_000
CLIENTS = 6
MAGIC = b"\xff\xd8\xff\xe0"  # a JPEG, as far as anyone here looks
LOW, BETWEEN, HIGH = 51, 140, 230
"""Scores in 255ths: below both thresholds, between them, above both."""
THRESHOLDS = (0.5, 0.7)


class Decoder(FakeDecoder):
    """Its picture is one grey, which the file's last byte gives."""

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        return Views(width=8, height=8, frames=1, arrays=(np.full((1, 8, 8, 3), data[-1], np.uint8),))


class Backend(FakeBackend):
    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> NDArray[np.float32]:
        score = views[:, 0, 0, 0].astype(np.float32) / 255
        found: NDArray[np.float32] = np.stack([1 - score, score], axis=1)
        return found


@dataclass
class Written:
    """What the file has said when: (threshold, from, until), from the moment that it was written, as long as it can
    have been in force.
    """

    path: Path
    turns: list[tuple[float, float, float]] = field(default_factory=list)

    def write(self, threshold: float, budget: int = 100, more: str = "") -> None:
        new = self.path.with_suffix(".new")
        new.write_text(
            "models:\n  nsfw: {timm: open-nsfw}\nsignals:\n  nsfw: {model: nsfw, label: nsfw}\n"
            f"rules:\n  - {{name: one, when: {{signal: nsfw, at_least: {threshold}}}, action: reject}}\n"
            f"views: {{budget: {budget}}}\n{more}"
        )
        new.replace(self.path)

    def possible(self, since: float, until: float) -> set[float]:
        """Thresholds that were in force at some time in between."""
        return {threshold for threshold, begin, end in self.turns if begin <= until and end >= since}


@dataclass
class Sent:
    data: bytes
    since: float
    until: float
    status: int


def send(address: tuple[str, int], numbers: Any) -> list[Sent]:
    """Upload until the numbers end, on one connection."""
    sent: list[Sent] = []
    connection = http.client.HTTPConnection(*address, timeout=60)
    for number in numbers:
        score = (LOW, BETWEEN, HIGH)[number % 3]
        data = MAGIC + number.to_bytes(4, "big") + bytes([score])
        headers, body = form(data)
        since = time.monotonic()
        connection.request("POST", "/image", body, headers)
        with connection.getresponse() as response:
            response.read()
            sent.append(Sent(data, since, time.monotonic(), response.status))
    connection.close()
    return sent


class Numbers:
    """Each number to one of several threads."""

    def __init__(self, count: int) -> None:
        self._numbers = itertools.islice(itertools.count(), count)
        self._lock = threading.Lock()

    def __iter__(self) -> Numbers:
        return self

    def __next__(self) -> int:
        with self._lock:
            return next(self._numbers)


def test_nothing_is_dropped_and_nothing_misjudged(tmp_path: Path) -> None:
    written = Written(tmp_path / "filter.yaml")
    written.write(THRESHOLDS[0])

    def read() -> Config:
        fresh = load(written.path, {})
        settings = config(recorder.address, views=fresh.settings.views.model_dump()).settings
        return replace(fresh, settings=settings)

    starts = 0

    async def start(given: Config) -> Judge:
        nonlocal starts
        starts += 1
        return Judge(given, Decoder(), Backend(), LABELS)

    with Recorder() as recorder, RunningFilter(read(), start=start, read=read) as gate:
        reload = gate.filter.reload
        assert reload is not None
        numbers = Numbers(UPLOADS)
        began = time.monotonic()
        turn, bad = 0, 0
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(send, gate.address, numbers) for _ in range(CLIENTS)]
            while not all(client.done() for client in clients):
                turn += 1
                old, new = THRESHOLDS[(turn - 1) % 2], THRESHOLDS[turn % 2]
                wrong = turn % 3 == 0
                if wrong:
                    written.write(0.1, more="mode: shadwo\n")
                    gate.call(reload.ask)
                    until(lambda: not reload.state.success)
                    bad += 1
                written.write(new, budget=100 if turn % 4 else 60 + turn % 40)
                before = time.monotonic()
                policy = read().hash
                gate.call(reload.ask)
                until(lambda policy=policy: reload.state.success and reload.state.config.hash == policy)
                written.turns.append((old, began, time.monotonic()))
                began = before
                time.sleep(0.1)
        written.turns.append((THRESHOLDS[turn % 2], began, time.monotonic()))
        sent = [one for client in clients for one in client.result()]
        stored = [request.body for request in recorder.requests]

    assert len(sent) == UPLOADS
    assert {one.status for one in sent} == {201, 400}
    misjudged = [one for one in sent if not fits(one, written.possible(one.since, one.until))]
    assert misjudged == []
    assert sorted(map(file_in, stored)) == sorted(one.data for one in sent if one.status == 201), "and stored once"
    settled = sum(len(written.possible(one.since, one.until)) == 1 for one in sent if one.data[-1] == BETWEEN)
    assert settled > UPLOADS / 10, "for many there was one right answer"
    assert turn > 10
    assert bad > 3
    assert 3 < starts < turn, "some changes took other models, most did not"


def fits(one: Sent, thresholds: set[float]) -> bool:
    """Whether the answer is what one of these thresholds gives."""
    assert thresholds
    return any((one.status == 400) == (one.data[-1] / 255 >= threshold) for threshold in thresholds)


def file_in(body: bytes) -> bytes:
    """The file in the form that pict-rs was sent."""
    at = body.index(MAGIC)
    return body[at : at + len(MAGIC) + 5]


def until(true: Any) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "the file was not taken up"
        time.sleep(0.002)
