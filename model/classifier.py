"""Views in, scores out: the interface that every place where models run shares, and the one inside this process.

LocalBackend runs the models in one thread of its own: one forward at a time, never on the event loop. A forward cannot
be interrupted, so many views are cut into chunks, and between two chunks the thread looks whether anybody still waits.
The caller is free at once, at the deadline or when cancelled. Work nobody waits for any more is dropped unseen.

What a model answers is checked before it counts: the right number of finite scores in 0..1, row by row. A missing row
or one too many would be a wrong verdict about somebody's picture; it is ClassifierFailed, never a score.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.errors import ClassifierFailed, DeadlineExceeded

log = logging.getLogger(__name__)

CHUNK_VIEWS = 16
"""Views in one forward. 16 take open-nsfw 0.3 s on two idle cores, so the end of a wait is noticed soon; more gain a
CPU nothing per view, and the memory for the network's inner values grows with them."""

SUM_TOLERANCE = 1e-3
"""How far from 1 the scores of a row may add up: float32 rounding over thousands of labels stays below it, and a model
whose scores are not a softmax does not."""

ROUNDING = 1e-6
"""How far beyond 0..1 a score may lie: a softmax in float32 can round to the number after 1."""


class Backend(Protocol):
    """Where models run. `device` is for people: `cpu` or `cuda:0 (name)`."""

    device: str

    async def classify(self, model: str, views: NDArray[np.uint8], deadline: float) -> NDArray[np.float32]:
        """Score `views`, uint8 (N, height, width, 3), with `model`: float32 (N, labels), row i for view i, in 0..1.

        `deadline` is an absolute `time.monotonic()` second. The views must not change until this returns. Raises
        DeadlineExceeded, and ClassifierFailed for everything else that goes wrong.
        """
        ...

    def close(self) -> None:
        """End what runs; calls that wait get ClassifierFailed. May take as long as one forward."""
        ...


class Model(Protocol):
    """What a backend needs of a model (model.weights.LoadedModel is one)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the scores, in the order of the columns."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, for people."""
        ...

    def forward(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score 1 to CHUNK_VIEWS views: (N, height, width, 3) to (N, labels). May raise anything."""
        ...


class LocalBackend:
    """The Backend in this process: `models` by name, one thread for all of them, in which `prepare` is called first."""

    def __init__(self, models: Mapping[str, Model], prepare: Callable[[], None] | None = None) -> None:
        self._models = dict(models)
        self.device = ", ".join(sorted({model.device for model in models.values()}))
        self._closing = threading.Event()
        self._prepare = prepare
        self._worker: threading.Thread | None = None  # once it runs
        self._thread = self._start()

    def _start(self) -> ThreadPoolExecutor:
        self._worker = None
        return ThreadPoolExecutor(1, thread_name_prefix="classifier", initializer=self._begin)

    def _begin(self) -> None:
        self._worker = threading.current_thread()
        if self._prepare is not None:
            self._prepare()

    def _revive(self) -> None:
        """Start another thread in the place of one that has ended, which an executor would never notice."""
        if self._worker is not None and not self._worker.is_alive() and not self._closing.is_set():
            log.error("the classifier's thread has ended; another one is started")
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = self._start()

    async def classify(self, model: str, views: NDArray[np.uint8], deadline: float) -> NDArray[np.float32]:
        """See Backend. Calls are served in the order in which they came."""
        if model not in self._models:
            raise ClassifierFailed(f"there is no model '{model}'")
        if not len(views):
            raise ClassifierFailed("there are no views to judge")
        gone = threading.Event()
        self._revive()
        try:
            job = self._thread.submit(self._score, self._models[model], views, deadline, gone)
        except RuntimeError as error:
            raise ClassifierFailed("the classifier is closed") from error
        answer = asyncio.wrap_future(job)
        try:
            await asyncio.wait({answer}, timeout=deadline - time.monotonic())
            if not answer.done():
                raise DeadlineExceeded("the model took too long or was busy")
            return _result(answer)
        finally:
            gone.set()
            answer.cancel()  # takes a job that has not begun out of the queue

    def close(self) -> None:
        """See Backend."""
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _score(
        self, model: Model, views: NDArray[np.uint8], deadline: float, gone: threading.Event
    ) -> NDArray[np.float32]:
        rows: list[NDArray[np.float32]] = []
        for start in range(0, len(views), CHUNK_VIEWS):
            if self._closing.is_set():
                raise ClassifierFailed("the classifier is closed")
            if gone.is_set() or time.monotonic() >= deadline:
                raise DeadlineExceeded(f"too late after {start} of {len(views)} views")
            chunk = views[start : start + CHUNK_VIEWS]
            rows.append(checked(model.forward(chunk), len(chunk), len(model.labels)))
        return np.concatenate(rows)


def _result(answer: asyncio.Future[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the scores of a finished job; the one place where what a model raised becomes ClassifierFailed."""
    if answer.cancelled():
        raise ClassifierFailed("the classifier is closed")
    error = answer.exception()
    if error is None:
        return answer.result()
    if isinstance(error, DeadlineExceeded | ClassifierFailed):
        raise error
    # BaseException too: an extension that panics, or calls exit(), is not to take the event loop with it
    raise ClassifierFailed(f"the model raised {type(error).__name__}: {error}") from error


def checked(scores: NDArray[np.float32], views: int, labels: int) -> NDArray[np.float32]:
    """Return `scores` if they are float32 (views, labels), finite, in 0..1, and rows of two labels or more add up to 1.

    Raises ClassifierFailed otherwise. What rounding put beyond 0..1 comes back as 0 or 1.
    """
    if not isinstance(scores, np.ndarray) or scores.dtype != np.float32 or scores.shape != (views, labels):
        kind = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
        raise ClassifierFailed(f"the model answered with {kind}, not with float32 ({views}, {labels})")
    if not np.isfinite(scores).all():
        raise ClassifierFailed("the model answered with scores that are not numbers")
    if scores.min() < -ROUNDING or scores.max() > 1 + ROUNDING:
        raise ClassifierFailed("the model answered with scores outside 0..1")
    if labels > 1 and np.abs(scores.sum(axis=1, dtype=np.float64) - 1).max() > SUM_TOLERANCE:
        raise ClassifierFailed("the model answered with scores that do not add up to 1")
    return scores.clip(0, 1)
