"""Dynamic batching: the views of all who wait ride together, one forward at a time on each device.

A batch goes at once where a device is idle: waiting would only add to the time of the one who is there. While a device
is busy, those who come gather, and the next batch is what has gathered. A device of more than one lane is also given a
batch to prepare while it computes another; that one closes when it is full or its first has waited WAIT_SECONDS. The
clock is a parameter (asyncio's own loop, but for tests).

Nobody is ever answered with another's scores: answers are counted and checked, and each caller's rows by themselves. If
a forward fails that several files ride in, each of them is tried alone, before all others, so that what is wrong with
one is not the others' failure. A thread that ends takes its batch with it; the next one who comes notices, and those
are told.

A forward cannot be interrupted, but a caller is free at once, at his deadline or when cancelled, and what nobody waits
for is not begun. All but the forwards happens on the event loop: no locks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from model.asked import Asked
from model.classifier import Enough, Load
from model.clock import Clock, Timer
from model.device import CLOSED, Answers, Batch, Device, Flight
from model.errors import ClassifierFailed, DeadlineExceeded, JudgeError, Overloaded
from model.line import Line, Slice

WAIT_SECONDS = 0.005
"""How long the first of a batch waits for company while its device computes another one, in seconds. A batch on a GPU
takes about that long, so the wait ends with it."""
QUEUE_VIEWS = 4096
"""Views that may wait, all together: 600 MiB at 224 x 224. Far beyond what is let in by expected time (model/judge.py),
this is the bound of last resort on memory."""
REST_SECONDS = 5.0
"""How long a device whose forward failed is only used when there is no other, in seconds: it would fail fastest, and so
get everything."""
MEMORY = 0.2
"""Weight of the newest batch in the moving average of seconds a view takes."""


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
        self._again: deque[Slice[Asked]] = deque()  # of batches that failed, to be tried alone
        self._timer: Timer | None = None
        self._pace = dict.fromkeys(models, 0.0)  # seconds a view takes, 0 before the first batch
        self._files = 0
        self._last = (0, 0.0)  # views and seconds of the last batch
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
        loop = asyncio.get_running_loop()
        self._adopt(loop)
        clock = self._clock or loop
        now = clock.time()
        if self._closed:
            raise ClassifierFailed(CLOSED)
        if now >= deadline:
            raise DeadlineExceeded("there was no time left for the model")
        waiting = self._line.views(now).total()
        if waiting and waiting + len(views) > QUEUE_VIEWS:
            raise Overloaded(f"{len(views)} views more than may wait")
        ask = Asked(model, views, deadline, now, labels=self._labels[model])
        late = clock.call_at(deadline, lambda: ask.fail(DeadlineExceeded("the model took too long or was busy")))
        self._files += 1
        try:
            self._line.add(ask)
            self._pump()
            return await ask.scored(enough)
        finally:
            self._files -= 1
            ask.gone = True
            late.cancel()

    @property
    def load(self) -> Load:
        """What it does now; may be asked from any thread."""
        return Load(self._files, *self._last)

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        """Belong to another loop: what flew for the one before lands nowhere any more."""
        if self._loop is not loop:
            for device in self._devices:
                device.flights.clear()
            self._line.clear()
            self._again.clear()
            self._timer = None
        self._loop = loop

    def expects(self, views: int) -> float:
        """See Backend."""
        clock = self._clock or asyncio.get_running_loop()
        waiting = self._line.ahead(clock.time(), views)
        for part in self._again:
            waiting[part.ask.model] += 0 if part.ask.gone else len(part)
        for device in self._devices:
            for flight in device.flights:
                waiting[flight.model] += flight.views
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
        _fail(self._again, ClassifierFailed(CLOSED))
        for ask in self._line.clear():
            ask.fail(ClassifierFailed(CLOSED))

    def _pump(self) -> None:
        """Give the devices what there is for them."""
        clock = self._clock or asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for device in self._devices:
            if device.revive():
                self._lose(device)
        while not self._closed:
            now = clock.time()
            first = self._line.first(now)
            device = self._next_device(now)
            while self._again and (self._again[0].ask.gone or now >= self._again[0].ask.deadline):
                self._again.popleft()
            if len(device.flights) >= device.lanes or (first is None and not self._again):
                return
            if self._again or first is None:
                self._send(device, [self._again.popleft()])
                continue
            full = self._line.views(now)[first.model] >= device.most(first.model)
            if device.flights and not full and now < first.arrived + self._wait:
                self._timer = clock.call_at(first.arrived + self._wait, self._pump)
                return
            self._send(device, self._line.take(now, device.most))

    def _send(self, device: Device, batch: Batch) -> None:
        clock = self._clock or asyncio.get_running_loop()
        flight = Flight(batch, clock.time())
        try:
            running = device.submit(flight.model, batch)
        except RuntimeError:  # of an executor that is shut down
            _fail(batch, ClassifierFailed(CLOSED))
            return
        device.flights.add(flight)
        loop = asyncio.get_running_loop()

        def tell(done: Future[Answers]) -> None:
            with suppress(RuntimeError):  # the loop has closed, and nobody waits
                loop.call_soon_threadsafe(self._landed, device, flight, done)

        running.add_done_callback(tell)

    def _landed(self, device: Device, flight: Flight, running: Future[Answers]) -> None:
        if flight not in device.flights:
            return  # given up, and its callers know
        device.flights.remove(flight)
        now = self._time()
        self._tell(device, flight, running, (now - max(flight.began, device.landed)) / flight.views)
        device.landed = now
        self._pump()

    def _lose(self, device: Device) -> None:
        """Give up what is in flight: the thread that had it may have ended."""
        for flight in device.flights:
            _fail(flight.batch, ClassifierFailed("the thread that ran the model has ended"))
        device.flights.clear()

    def _tell(self, device: Device, flight: Flight, running: Future[Answers], seconds: float) -> None:
        """Tell each caller what came of his part. `seconds` is what a view took."""
        batch = flight.batch
        if self._closed or running.cancelled():
            _fail(batch, ClassifierFailed(CLOSED))
        elif (error := running.exception()) is None:
            self._learn(flight.model, seconds)
            self._last = flight.views, seconds * flight.views
            for part, answer in zip(batch, running.result(), strict=True):
                if isinstance(answer, JudgeError):
                    part.ask.fail(answer)
                else:
                    part.ask.land(part, answer)
        else:
            self._try_again(device, batch, _failure(error))

    def _try_again(self, device: Device, batch: Batch, error: JudgeError) -> None:
        """Each by itself, to find out whose failure it is; on another device, if there is one, for it may be that."""
        now = self._time()
        device.rests_until = now + REST_SECONDS
        other = self._next_device(now)
        for part in batch:
            if part.ask.gone:
                continue
            if len(batch) == 1 and (other is device or part.ask.failed):
                part.ask.fail(error)
            else:
                part.ask.failed = len(batch) == 1
                self._again.append(part)

    def _next_device(self, now: float) -> Device:
        """The one with the least to do, of those that have not just failed, if there are any."""
        return min(self._devices, key=lambda one: (now < one.rests_until, len(one.flights)))

    def _time(self) -> float:
        return (self._clock or asyncio.get_running_loop()).time()

    def _learn(self, model: str, seconds: float) -> None:
        """Note what a view took."""
        known = self._pace[model]
        self._pace[model] = (1 - MEMORY) * known + MEMORY * seconds if known else seconds


def _fail(batch: Iterable[Slice[Asked]], error: JudgeError) -> None:
    for part in batch:
        part.ask.fail(error)


def _failure(error: BaseException) -> JudgeError:
    """A JudgeError for whatever a model raised: one that panics, or calls exit(), is not to end the event loop."""
    if isinstance(error, JudgeError):
        return error
    failure = ClassifierFailed(f"the model raised {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure
