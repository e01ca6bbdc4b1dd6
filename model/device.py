"""One device and the threads in which its models run, one forward at a time in each.

What a model answers is checked row by row before it counts. A forward that runs out of memory is made in halves, and
later batches are no larger than those.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.asked import Asked, Row
from model.classifier import Model, checked
from model.errors import ClassifierFailed
from model.line import Slice

log = logging.getLogger(__name__)

CLOSED = "the classifier is closed"

Batch = Sequence[Slice[Asked]]
Answers = list[Row | ClassifierFailed]


@dataclass(frozen=True, eq=False)
class Flight:
    """A batch that a thread has."""

    batch: Batch
    began: float

    @property
    def model(self) -> str:
        """Of all its slices."""
        return self.batch[0].ask.model

    @property
    def views(self) -> int:
        """How many."""
        return sum(map(len, self.batch))


class Device:
    """One place where models run: `models` by name, `lanes` threads. `prepare` is called first in each thread.

    The Batcher's notes, for the event loop alone: `flights` are the batches in its threads, the last one came back at
    `landed`, and after a failure it rests.
    """

    def __init__(self, models: Mapping[str, Model], lanes: int = 1, prepare: Callable[[], None] | None = None) -> None:
        self.models = models
        self.lanes = lanes
        self.flights: set[Flight] = set()
        self.landed = 0.0
        self.rests_until = 0.0
        self._most = {name: model.batch for name, model in models.items()}
        self._prepare = prepare
        self._workers: list[threading.Thread] = []
        self._closing = threading.Event()
        self._threads = self._start()

    def most(self, model: str) -> int:
        """How many views go into one forward: the model's own number, or fewer if memory did not suffice."""
        return self._most[model]

    def submit(self, model: str, batch: Batch) -> Future[Answers]:
        """Score a batch in a thread: for each slice its rows, or what is wrong with them. RuntimeError when stopped."""
        return self._threads.submit(self._score, model, batch)

    def stop(self) -> None:
        """Begin nothing any more."""
        self._closing.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown(wait=True)

    def _start(self) -> ThreadPoolExecutor:
        self._workers = []
        return ThreadPoolExecutor(self.lanes, thread_name_prefix="classifier", initializer=self._begin)

    def _begin(self) -> None:
        self._workers.append(threading.current_thread())
        if self._prepare is not None:
            self._prepare()

    def revive(self) -> bool:
        """Start threads in the place of one that has ended, which an executor would never notice: nor what it held.

        True when there was one: then what is in flight may never come back.
        """
        if self._closing.is_set() or all(worker.is_alive() for worker in self._workers):
            return False
        log.error("a thread of the classifier has ended; another one is started")
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads = self._start()
        return True

    def _score(self, name: str, batch: Batch) -> Answers:
        """In a thread. Raises what the model raises, whatever it is."""
        if self._closing.is_set():
            raise ClassifierFailed(CLOSED)
        model = self.models[name]
        views = batch[0].views if len(batch) == 1 else np.concatenate([part.views for part in batch])
        scores = self._forward(name, views)
        if not isinstance(scores, np.ndarray) or len(scores) != len(views):
            checked(scores, len(views), len(model.labels))  # has the words for it
        ends = np.cumsum([len(part) for part in batch])[:-1]
        return [
            _each(rows, len(part), len(model.labels)) for rows, part in zip(np.split(scores, ends), batch, strict=True)
        ]

    def _forward(self, name: str, views: NDArray[np.uint8]) -> Row:
        model, most = self.models[name], self._most[name]
        if len(views) > most:
            return np.concatenate([self._forward(name, part) for part in np.split(views, [most])])
        try:
            return model.forward(views)
        except MemoryError:
            if len(views) == 1:
                raise
        fewer = (len(views) + 1) // 2
        if fewer < self._most[name]:
            self._most[name] = fewer
            log.warning("model '%s': no memory for %d views at once; %d from now on", name, len(views), fewer)
        return np.concatenate([self._forward(name, part) for part in np.split(views, [fewer])])


def _each(rows: Row, views: int, labels: int) -> Row | ClassifierFailed:
    """One file's rows, if they are scores."""
    try:
        return checked(rows, views, labels)
    except ClassifierFailed as error:
        return error
