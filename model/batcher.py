"""Dynamic batching: the views of all who wait ride together, one forward at a time on each device.

A batch goes at once where a device is idle: waiting would only add to the time of the one who is there. While a device
is busy, those who come gather, and the next batch is what has gathered. A device of more than one lane is also given a
batch to prepare while it computes another; that one closes when it is full or its first has waited WAIT_SECONDS. The
clock is a parameter (asyncio's own loop, but for tests).

Nobody is ever answered with another's scores: answers are counted and checked, and each caller's rows by themselves. If
a forward fails that several files ride in, each of them is tried alone, so that what is wrong with one is not the
others' failure. A forward that runs out of memory is made in halves, and later batches are no larger than those.

A forward cannot be interrupted, but a caller is free at once, at his deadline or when cancelled, and what nobody waits
for is not begun. All but the forwards happens on the event loop: no locks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.classifier import Enough, Model, checked
from model.errors import ClassifierFailed, DeadlineExceeded, JudgeError, Overloaded
from model.line import Ask, Line, Slice

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.005
"""How long the first of a batch waits for company while its device computes another one, in seconds. A batch on a GPU
takes about that long, so the wait ends with it."""
QUEUE_VIEWS = 4096
"""Views that may wait, all together: 600 MiB at 224 x 224. Far beyond what is let in by expected time (model/judge.py),
this is the bound of last resort on memory."""
CLOSED = "the classifier is closed"
MEMORY = 0.2
"""Weight of the newest batch in the moving average of seconds a view takes."""


class Timer(Protocol):
    """Something that was to happen later."""

    def cancel(self) -> None:
        """Let it not happen."""
        ...


class Clock(Protocol):
    """What is needed of an asyncio loop: the time in seconds, and calls at a later one."""

    def time(self) -> float:
        """Now; the same clock as `time.monotonic()` where it is asyncio's."""
        ...

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call it at `when`."""
        ...


Row = NDArray[np.float32]
Batch = Sequence[Slice["Asked"]]


class Device:
    """One place where models run: `models` by name, `lanes` threads. `prepare` is called first in each thread.

    The Batcher's notes: `flying` batches are in its threads, with `flying_views` of each model; the last one came back
    at `landed`.
    """

    def __init__(self, models: Mapping[str, Model], lanes: int = 1, prepare: Callable[[], None] | None = None) -> None:
        self.models = models
        self.lanes = lanes
        self.flying = 0
        self.landed = 0.0
        self.flying_views: Counter[str] = Counter()
        self._most = {name: model.batch for name, model in models.items()}
        self._prepare = prepare
        self._workers: list[threading.Thread] = []
        self._closing = threading.Event()
        self._threads = self._start()

    def most(self, model: str) -> int:
        """How many views go into one forward: the model's own number, or fewer if memory did not suffice."""
        return self._most[model]

    def submit(self, model: str, batch: Batch) -> Future[list[Row | ClassifierFailed]]:
        """Score a batch in a thread: for each slice its rows, or what is wrong with them. RuntimeError when stopped."""
        self._revive()
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

    def _revive(self) -> None:
        """Start threads in the place of one that has ended, which an executor would never notice."""
        if not self._closing.is_set() and any(not worker.is_alive() for worker in self._workers):
            log.error("a thread of the classifier has ended; another one is started")
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = self._start()

    def _score(self, name: str, batch: Batch) -> list[Row | ClassifierFailed]:
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


@dataclass(eq=False)
class Asked(Ask):
    """An ask with what has come of it: rows of scores, those of the first `so_far` views complete, or an error."""

    labels: int = 0
    error: JudgeError | None = field(default=None, init=False)
    rows: Row = field(init=False)

    def __post_init__(self) -> None:
        self.news = asyncio.Event()
        self.rows = np.zeros((len(self.views), self.labels), np.float32)
        self._known = np.zeros(len(self.views), np.bool_)

    @property
    def so_far(self) -> int:
        """How many of the first views are scored."""
        return len(self._known) if self._known.all() else int(self._known.argmin())

    def fail(self, error: JudgeError) -> None:
        """Nobody needs to wait for it any more."""
        self.gone = True
        self.error = self.error or error
        self.news.set()

    def land(self, part: Slice[Asked], rows: Row) -> None:
        """Take the rows of a part."""
        self.rows[part.start : part.stop] = rows
        self._known[part.start : part.stop] = True
        self.news.set()

    async def scored(self, enough: Enough | None) -> Row:
        """The rows, once all are there, or those that are there are enough. Raises why there will be none."""
        while True:
            await self.news.wait()
            self.news.clear()
            if self.error is not None:
                raise self.error
            rows = self.rows[: self.so_far]
            if len(rows) == len(self.rows) or (len(rows) and enough is not None and enough(rows)):
                return rows


class Batcher:
    """A Backend: the same models on one or several `devices`, which share one line. `clock`: see Clock."""

    def __init__(
        self, devices: Sequence[Device], *, clock: Clock | None = None, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._devices = list(devices)
        models = devices[0].models
        self._labels = {name: len(model.labels) for name, model in models.items()}
        self.device = ", ".join(sorted({model.device for device in devices for model in device.models.values()}))
        self._clock = clock
        self._wait = wait_seconds
        self._line: Line[Asked] = Line()
        self._timer: Timer | None = None
        self._pace = dict.fromkeys(models, 0.0)  # seconds a view takes, 0 before the first batch
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> NDArray[np.float32]:
        """See Backend."""
        if model not in self._labels:
            raise ClassifierFailed(f"there is no model '{model}'")
        if not len(views):
            raise ClassifierFailed("there are no views to judge")
        self._loop = asyncio.get_running_loop()
        clock = self._clock or self._loop
        now = clock.time()
        if self._closed:
            raise ClassifierFailed(CLOSED)
        if now >= deadline:
            raise DeadlineExceeded("there was no time left for the model")
        if self._line.views(now).total() + len(views) > QUEUE_VIEWS:
            raise Overloaded(f"{len(views)} views more than may wait")
        ask = Asked(model, views, deadline, now, labels=self._labels[model])
        late = clock.call_at(deadline, lambda: ask.fail(DeadlineExceeded("the model took too long or was busy")))
        try:
            self._line.add(ask)
            self._pump()
            return await ask.scored(enough)
        finally:
            ask.gone = True
            late.cancel()

    def expects(self, views: int) -> float:
        """See Backend."""
        clock = self._clock or asyncio.get_running_loop()
        waiting = self._line.views(clock.time())
        for device in self._devices:
            waiting.update(device.flying_views)
        return sum(pace * (waiting[model] + views) for model, pace in self._pace.items()) / len(self._devices)

    def close(self) -> None:
        """See Backend."""
        self._closed = True
        for device in self._devices:
            device.stop()
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it has closed meanwhile, and with it all who waited
                self._loop.call_soon_threadsafe(self._send_away)
        for device in self._devices:
            device.join()

    def _send_away(self) -> None:
        for ask in self._line.clear():
            ask.fail(ClassifierFailed(CLOSED))

    def _pump(self) -> None:
        """Give the devices what there is for them."""
        clock = self._clock or asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while not self._closed:
            now = clock.time()
            first = self._line.first(now)
            device = min(self._devices, key=lambda one: one.flying)
            if first is None or device.flying >= device.lanes:
                return
            full = self._line.views(now)[first.model] >= device.most(first.model)
            if device.flying and not full and now < first.arrived + self._wait:
                self._timer = clock.call_at(first.arrived + self._wait, self._pump)
                return
            self._send(device, self._line.take(now, device.most))

    def _send(self, device: Device, batch: Batch) -> None:
        clock = self._clock or asyncio.get_running_loop()
        model, count = batch[0].ask.model, sum(map(len, batch))
        began = clock.time()
        try:
            running = device.submit(model, batch)
        except RuntimeError:  # of an executor that is shut down
            for part in batch:
                part.ask.fail(ClassifierFailed(CLOSED))
            return
        device.flying += 1
        device.flying_views[model] += count
        loop = asyncio.get_running_loop()

        def landed() -> None:
            device.flying -= 1
            device.flying_views[model] -= count
            self._land(device, batch, running)
            now = clock.time()
            self._learn(model, (now - max(began, device.landed)) / count)
            device.landed = now
            self._pump()

        def tell(_: object) -> None:
            with suppress(RuntimeError):  # the loop has closed, and nobody waits
                loop.call_soon_threadsafe(landed)

        running.add_done_callback(tell)

    def _land(self, device: Device, batch: Batch, running: Future[list[Row | ClassifierFailed]]) -> None:
        """Tell each caller what came of his part; the one place where what a model raised becomes ClassifierFailed."""
        error = ClassifierFailed(CLOSED) if self._closed or running.cancelled() else running.exception()
        if error is not None and len(batch) > 1 and not self._closed:
            for part in batch:
                if not part.ask.gone:
                    self._send(device, [part])
            return
        answers = running.result() if error is None else [_failure(error)] * len(batch)
        for part, answer in zip(batch, answers, strict=True):
            if isinstance(answer, JudgeError):
                part.ask.fail(answer)
            else:
                part.ask.land(part, answer)

    def _learn(self, model: str, seconds: float) -> None:
        """Note what a view took."""
        known = self._pace[model]
        self._pace[model] = (1 - MEMORY) * known + MEMORY * seconds if known else seconds


def _each(rows: Row, views: int, labels: int) -> Row | ClassifierFailed:
    """One file's rows, if they are scores."""
    try:
        return checked(rows, views, labels)
    except ClassifierFailed as error:
        return error


def _failure(error: BaseException) -> JudgeError:
    """A JudgeError for whatever a model raised: one that panics, or calls exit(), is not to end the event loop."""
    if isinstance(error, JudgeError):
        return error
    failure = ClassifierFailed(f"the model raised {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure
