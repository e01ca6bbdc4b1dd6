"""What is the batcher's own, beside the contract in test_classifier.py: batches, lanes, devices, memory, and the clock.

Where time matters the clock is a fake one, which moves when the test says so. Forwards run in real threads.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from model.batcher import QUEUE_VIEWS, REST_SECONDS, WAIT_SECONDS, Batcher
from model.classifier import Load
from model.clock import Timer
from model.device import Device
from model.errors import ClassifierFailed, DeadlineExceeded, Overloaded
from model.line import FAIR_VIEWS
from tests.chaos.kills import end_thread
from tests.fakemodels import BATCH, Answers, Echo, Gated, Scores, entered, scores_of, soon, views

LATER = 1000.0
"""A deadline that the fake clock never reaches by itself."""


class FakeTimer:
    """One call at a later time; `cancelled` once nobody wants it."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when, self.callback, self.cancelled = when, callback, False

    def cancel(self) -> None:
        self.cancelled, self.callback = True, lambda: None  # asyncio's forget what they were to call, too


@dataclass
class FakeClock:
    """Time that passes when a test says so; then what was to happen until then happens, in its order."""

    now: float = 0.0
    timers: list[FakeTimer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        self.timers.append(FakeTimer(when, callback))
        return self.timers[-1]

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [timer for timer in self.timers if not timer.cancelled and timer.when <= until]:
            first = min(due, key=lambda timer: timer.when)
            self.timers.remove(first)
            self.now = max(self.now, first.when)
            first.callback()
        self.now = until


Make = Callable[..., Batcher]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def batcher(clock: FakeClock) -> AsyncIterator[Make]:
    """Makes batchers of one device with the model `m`, on the fake clock unless told otherwise."""
    made: list[Batcher] = []

    def make(*models: Echo, lanes: int = 1, real_time: bool = False) -> Batcher:
        devices = [Device({"m": model}, lanes) for model in models]
        made.append(Batcher(devices, clock=None if real_time else clock))
        return made[-1]

    yield make
    for backend in made:
        await asyncio.to_thread(backend.close)


def ask(backend: Batcher, *values: int, deadline: float = LATER) -> asyncio.Task[Scores]:
    return asyncio.create_task(backend.classify("m", views(*values), deadline))


async def asked(*tasks: asyncio.Task[Scores]) -> None:
    """Return when all of them wait in the line or fly."""
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


# Batches


async def test_on_an_idle_device_nobody_waits(batcher: Make, clock: FakeClock) -> None:
    model = Echo()
    np.testing.assert_allclose(await ask(batcher(model), 7), scores_of(7), atol=1e-6)
    assert (model.sizes, clock.now) == ([1], 0.0)


async def test_those_who_come_while_it_computes_ride_together(batcher: Make) -> None:
    model = Gated()
    backend = batcher(model)
    first = ask(backend, 1)
    await entered(model)
    others = [ask(backend, *[value] * 3) for value in (20, 30, 40)]
    await asked(*others)
    model.gate.set()
    for task, value in zip(others, (20, 30, 40), strict=True):
        np.testing.assert_allclose(await task, scores_of(*[value] * 3), atol=1e-6)
    await first
    assert model.sizes == [1, 9]


async def test_a_batch_is_never_larger_than_the_model_wants(batcher: Make) -> None:
    model = Gated()
    backend = batcher(model)
    first = ask(backend, 1)
    await entered(model)
    others = [ask(backend, *range(10)) for _ in range(4)]
    await asked(*others)
    model.gate.set()
    for task in others:
        np.testing.assert_allclose(await task, scores_of(*range(10)), atol=1e-6)
    await first
    assert model.sizes == [1, BATCH, BATCH, 40 - 2 * BATCH]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        pytest.param(BATCH, [BATCH], id="a full batch"),
        pytest.param(BATCH + 1, [BATCH, 1], id="one more"),
        pytest.param(3 * BATCH, [BATCH] * 3, id="three full batches"),
    ],
)
async def test_many_views_of_one_file_go_in_batches(batcher: Make, count: int, sizes: list[int]) -> None:
    model = Echo()
    values = [value * 5 for value in range(count)]
    scores = await ask(batcher(model), *values)
    assert model.sizes == sizes
    np.testing.assert_allclose(scores, scores_of(*values), atol=1e-6)


async def test_a_small_file_does_not_starve_behind_a_large_one(batcher: Make) -> None:
    model = Gated()
    backend = batcher(model)
    order: list[str] = []
    large = ask(backend, *[1] * (10 * FAIR_VIEWS))
    large.add_done_callback(lambda _: order.append("large"))
    await entered(model)
    small = ask(backend, 2)
    small.add_done_callback(lambda _: order.append("small"))
    await asked(small)
    model.gate.set()
    await asyncio.gather(large, small)
    assert order == ["small", "large"]
    assert sum(model.sizes[:-1]) > FAIR_VIEWS


# A second lane: the next batch is prepared while one is computed


async def test_a_second_batch_waits_for_company_and_no_longer_than_it_should(batcher: Make, clock: FakeClock) -> None:
    model = Counted()
    backend = batcher(model, lanes=2)
    first = ask(backend, 1)
    await model.until(1)
    second, third = ask(backend, 2), ask(backend, 3)
    await asked(second, third)
    clock.advance(WAIT_SECONDS * 0.9)
    assert model.begun == [1], "it is given time to fill"
    clock.advance(WAIT_SECONDS * 0.2)
    await model.until(2)
    assert model.begun == [1, 2]
    model.gate.set()
    await asyncio.gather(first, second, third)


async def test_a_full_batch_does_not_wait(batcher: Make, clock: FakeClock) -> None:
    model = Counted()
    backend = batcher(model, lanes=2)
    tasks = [ask(backend, 1)]
    await model.until(1)
    tasks += [ask(backend, *[5] * BATCH)]
    await model.until(2)
    tasks += [ask(backend, *[6] * BATCH)]
    await asked(*tasks)
    assert (model.begun, clock.now) == ([1, BATCH], 0.0), "and no more than two fly"
    model.gate.set()
    await asyncio.gather(*tasks)


async def test_a_device_that_falls_idle_takes_what_there_is(batcher: Make, clock: FakeClock) -> None:
    model = Counted()
    backend = batcher(model, lanes=2)
    first = ask(backend, 1)
    await model.until(1)
    second = ask(backend, 2)
    await asked(second)
    model.gate.set()
    await asyncio.gather(first, second)
    assert (model.begun, clock.now) == ([1, 1], 0.0)


async def test_batches_that_overlap_take_the_time_of_one_after_the_other(batcher: Make, clock: FakeClock) -> None:
    model = Stepped()
    backend = batcher(model, lanes=2)
    tasks = {ask(backend, *[1] * BATCH), ask(backend, *[2] * BATCH)}
    await model.until(2)
    while tasks:
        clock.now += 4.0
        model.step.release()
        _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert backend.expects(0) == pytest.approx(len(tasks) * 4.0), "two began at once, and the second took no longer"
    clock.now += 100.0
    last = ask(backend, *[3] * BATCH)
    await model.until(3)
    clock.now += 4.0
    model.step.release()
    await last
    assert backend.expects(BATCH) == pytest.approx(4.0), "nor does it count when there is nothing to do"


class Counted(Echo):
    """Waits for the gate in each forward, of which several may run; `begun` has the size of each."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []
        self.gate = threading.Event()
        self._came = threading.Condition()

    def forward(self, views: NDArray[np.uint8]) -> Scores:
        with self._came:
            self.begun.append(len(views))
            self._came.notify_all()
        assert self.gate.wait(30)
        return self.answer(views)

    async def until(self, count: int) -> None:
        """Return when so many have begun."""

        def wait() -> bool:
            with self._came:
                return self._came.wait_for(lambda: len(self.begun) >= count, 30)

        assert await asyncio.to_thread(wait)


class Stepped(Counted):
    """Ends one forward for each release of `step`."""

    def __init__(self) -> None:
        super().__init__()
        self.gate.set()
        self.step = threading.Semaphore(0)

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        assert self.step.acquire(timeout=30)
        return super().answer(views)


# Several devices


async def test_devices_take_turns(batcher: Make) -> None:
    models = [Gated(), Gated(), Gated()]
    backend = batcher(*models)
    tasks = [ask(backend, value) for value in (1, 2, 3)]
    for model in models:
        await entered(model)
    for model in models:
        model.gate.set()
    for value, task in zip((1, 2, 3), tasks, strict=True):
        np.testing.assert_allclose(await task, scores_of(value), atol=1e-6)
    assert [model.sizes for model in models] == [[1], [1], [1]]


async def test_a_device_that_hangs_takes_only_its_own_batch(batcher: Make) -> None:
    stuck, well = Gated(), Echo()
    backend = batcher(stuck, well)
    lost = ask(backend, 1)
    await entered(stuck)
    for value in (2, 3, 4):
        np.testing.assert_allclose(await ask(backend, value), scores_of(value), atol=1e-6)
    assert not lost.done()
    stuck.gate.set()
    await lost


class Broken(Echo):
    """Fails at once."""

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        self.at_once -= 1
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


async def test_a_broken_device_does_not_get_everything(batcher: Make, clock: FakeClock) -> None:
    broken, well = Broken(), Echo()
    backend = batcher(broken, well)
    for value in range(1, 20):
        np.testing.assert_allclose(await ask(backend, value), scores_of(value), atol=1e-6)
    assert len(broken.sizes) == 1, "it is left alone for a while"
    clock.advance(REST_SECONDS)
    np.testing.assert_allclose(await ask(backend, 30), scores_of(30), atol=1e-6)
    assert len(broken.sizes) == 2


async def test_where_all_are_broken_it_fails(batcher: Make) -> None:
    first, second = Broken(), Broken()
    with pytest.raises(ClassifierFailed, match="illegal memory"):
        await ask(batcher(first, second), 1)
    assert (first.sizes, second.sizes) == ([1], [1])


def test_another_loop_is_not_held_up_by_what_flew_for_the_first() -> None:
    model = Gated()
    backend = Batcher([Device({"m": model})])

    async def left_behind() -> None:
        task = asyncio.create_task(backend.classify("m", views(1), soon()))
        await entered(model)
        task.cancel()

    asyncio.run(left_behind())
    model.gate.set()

    async def again() -> Scores:
        return await backend.classify("m", views(2), soon())

    np.testing.assert_allclose(asyncio.run(again()), scores_of(2), atol=1e-6)
    backend.close()


async def test_pictures_are_gone_once_they_are_judged(batcher: Make) -> None:
    backend = batcher(Echo())
    gc.collect()
    gc.disable()
    try:
        views_ = views(1, 2, 3)
        gone = weakref.ref(views_)
        await backend.classify("m", views_, LATER)
        del views_
        await asyncio.sleep(0)
        assert gone() is None, "without the collector"
    finally:
        gc.enable()


async def test_a_file_of_more_views_than_may_wait_is_judged_when_nobody_waits(batcher: Make) -> None:
    assert len(await ask(batcher(Echo()), *[1] * (QUEUE_VIEWS + 1))) == QUEUE_VIEWS + 1


def test_the_device_is_named() -> None:
    devices = [Device({"m": Echo(device=name)}) for name in ("cuda:1 (T4)", "cuda:0 (T4)")]
    assert Batcher(devices).device == "cuda:0 (T4), cuda:1 (T4)"


# Time


async def test_the_deadline_is_the_clocks(batcher: Make, clock: FakeClock) -> None:
    model = Gated()
    backend = batcher(model)
    flying, waiting = ask(backend, 1, deadline=5), ask(backend, 2, deadline=5)
    await entered(model)
    await asked(flying, waiting)
    clock.advance(4.9)
    await asked(flying, waiting)
    clock.advance(0.1)
    for task in (flying, waiting):
        with pytest.raises(DeadlineExceeded):
            await task
    model.gate.set()
    await ask(backend, 3)
    assert model.sizes == [1, 1], "the one that waited was never run"


async def test_it_says_when_more_views_would_be_scored(batcher: Make, clock: FakeClock) -> None:
    class Slow(Echo):
        def answer(self, views: NDArray[np.uint8]) -> Scores:
            clock.now += 0.25 * len(views)
            return super().answer(views)

    model = Slow()
    backend = batcher(model, Gated())
    assert backend.expects(100) == 0, "nothing is known yet"
    await ask(backend, *[1] * 8)
    assert backend.expects(4) == pytest.approx(4 * 0.25 / 2), "on two devices"


async def test_views_in_line_and_in_flight_count(batcher: Make, clock: FakeClock) -> None:
    model = Gated()
    backend = batcher(model)
    first = ask(backend, *[1] * 4)
    await entered(model)
    clock.now = 2.0
    model.gate.set()
    await first
    assert backend.expects(1) == pytest.approx(0.5)
    model.gate.clear()
    model.entered.clear()
    tasks = [ask(backend, *[1] * 16), ask(backend, *[1] * 3)]
    await entered(model)
    await asked(*tasks)
    assert backend.expects(1) == pytest.approx((16 + 3 + 1) * 0.5)
    model.gate.set()
    await asyncio.gather(*tasks)


# Too many


async def test_a_line_that_is_full_is_told_at_once(batcher: Make) -> None:
    model = Gated()
    backend = batcher(model)
    first = ask(backend, 1)
    await entered(model)
    many = [ask(backend, *[2] * (QUEUE_VIEWS // 4)) for _ in range(4)]
    await asked(*many)
    with pytest.raises(Overloaded):
        await ask(backend, 3)
    many[0].cancel()
    await asyncio.sleep(0)
    last = ask(backend, 4)
    await asked(last)
    model.gate.set()
    await asyncio.gather(first, *many[1:], last)


# What goes wrong


class NoMemory(Echo):
    """Has memory for so many views."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        if len(views) > self.room:
            self.at_once -= 1
            raise MemoryError(f"{len(views)} views")
        return super().answer(views)


async def test_a_batch_without_memory_is_made_in_halves_and_later_ones_are_smaller(
    batcher: Make, caplog: pytest.LogCaptureFixture
) -> None:
    model = NoMemory(5)
    backend = batcher(model)
    np.testing.assert_allclose(await ask(backend, *range(16)), scores_of(*range(16)), atol=1e-6)
    assert model.sizes == [16, 8, 4, 4, 4, 4]
    np.testing.assert_allclose(await ask(backend, *range(8)), scores_of(*range(8)), atol=1e-6)
    assert model.sizes[6:] == [4, 4]
    assert [record.getMessage() for record in caplog.records] == [
        "model 'm': no memory for 16 views at once; 8 from now on",
        "model 'm': no memory for 8 views at once; 4 from now on",
    ]


async def test_without_memory_for_one_view_it_fails(batcher: Make) -> None:
    with pytest.raises(ClassifierFailed, match="MemoryError"):
        await ask(batcher(NoMemory(0)), 1, 2, 3)


class Picky(Gated):
    """Cannot bear one value: `raises` there, or gives no number for it."""

    def __init__(self, raises: bool) -> None:
        super().__init__()
        self.raises = raises

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        scores = super().answer(views)
        bad = views[:, 0, 0, 0] == 13
        if bad.any() and self.raises:
            self.at_once -= 1
            raise SystemExit(13)
        scores[bad] = np.nan
        return scores


@pytest.mark.parametrize("raises", [False, True])
async def test_what_is_wrong_with_one_file_is_not_the_others_failure(batcher: Make, raises: bool) -> None:
    model = Picky(raises)
    backend = batcher(model)
    first = ask(backend, 1)
    await entered(model)
    before, bad, behind = ask(backend, 2, 2), ask(backend, 3, 13), ask(backend, 4)
    await asked(before, bad, behind)
    model.gate.set()
    np.testing.assert_allclose(await before, scores_of(2, 2), atol=1e-6)
    np.testing.assert_allclose(await behind, scores_of(4), atol=1e-6)
    with pytest.raises(ClassifierFailed, match="SystemExit" if raises else "not numbers"):
        await bad
    await first
    assert model.sizes[:2] == [1, 5], "they rode together"


async def test_a_row_too_few_is_nobodys(batcher: Make) -> None:
    class Short(Gated):
        def answer(self, views: NDArray[np.uint8]) -> Scores:
            scores = super().answer(views)
            return scores[:-1] if len(scores) > 1 else scores

    model = Short()
    backend = batcher(model)
    first = ask(backend, 1)
    await entered(model)
    both = [ask(backend, 2), ask(backend, 3)]
    await asked(*both)
    model.gate.set()
    await first
    # together they get one row, which is neither's; alone each gets its own
    np.testing.assert_allclose(await both[0], scores_of(2), atol=1e-6)
    np.testing.assert_allclose(await both[1], scores_of(3), atol=1e-6)
    assert model.sizes == [1, 2, 1, 1]


class Together(Gated):
    """Fails for several views at once, and stops in the third forward, the first of one of them alone."""

    def __init__(self) -> None:
        super().__init__()
        self.third, self.go_on = threading.Event(), threading.Event()

    def answer(self, views: NDArray[np.uint8]) -> Scores:
        if len(views) > 1:
            self.at_once -= 1
            raise RuntimeError("too many")
        if len(self.sizes) == 3:
            self.third.set()
            assert self.go_on.wait(30)
        return super().answer(views)

    async def fail(self, backend: Batcher, *deadlines: float) -> list[asyncio.Task[Scores]]:
        """Those who ride in a batch that fails, the first of them alone in its forward: the values are 2, 3, ..."""
        first = ask(backend, 1)
        await entered(self)
        riders = [ask(backend, value, deadline=deadline) for value, deadline in enumerate(deadlines, 2)]
        await asked(*riders)
        self.gate.set()
        await first
        assert await asyncio.to_thread(self.third.wait, 30)
        assert self.sizes == [1, len(riders), 1], "one at a time"
        return riders


@pytest.mark.parametrize("busy", [False, True], ids=["told in time", "the loop was busy"])
async def test_what_is_tried_again_waits_for_its_turn_and_not_when_nobody_waits(
    busy: bool, batcher: Make, clock: FakeClock
) -> None:
    model = Together()
    backend = batcher(model)
    *late, leaving, patient = await model.fail(backend, 5.0, 5.0, LATER, LATER)
    leaving.cancel()
    if busy:
        clock.now = 6.0  # the timers have yet to ring
        await asyncio.sleep(0)
    else:
        clock.advance(6.0)
        for task in late:
            with pytest.raises(DeadlineExceeded):
                await task
        backend._pace["m"] = 1.0
        assert backend.expects(0) == pytest.approx(2), "the one that flies and the one that waits"
    model.go_on.set()
    np.testing.assert_allclose(await patient, scores_of(5), atol=1e-6)
    assert model.sizes == [1, 4, 1, 1]
    clock.advance(0)
    _, waited = await asyncio.gather(*late, return_exceptions=True)  # the first one of them flew
    assert isinstance(waited, DeadlineExceeded)


async def test_what_is_to_be_tried_again_counts_as_waiting_and_is_told_of_the_end(batcher: Make) -> None:
    model = Together()
    backend = batcher(model)
    backend._pace["m"] = 1.0
    flying, waiting = await model.fail(backend, LATER, LATER)
    assert backend.expects(0) == pytest.approx(2 * backend._pace["m"])
    closing = asyncio.create_task(asyncio.to_thread(backend.close))
    with pytest.raises(ClassifierFailed, match="closed"):
        await asyncio.wait_for(waiting, 30)
    model.go_on.set()
    await closing
    with pytest.raises(ClassifierFailed, match="closed"):
        await flying


# Enough


async def test_the_first_views_may_be_enough(batcher: Make) -> None:
    model = Echo()
    seen: list[int] = []

    def enough(rows: Scores) -> bool:
        seen.append(len(rows))
        return bool(rows[:, 0].max() > 0.9)

    many = [1] * 3 * BATCH
    many[BATCH + 2] = 255
    rows = await batcher(model).classify("m", views(*many), LATER, enough)
    np.testing.assert_allclose(rows, scores_of(*many[: 2 * BATCH]), atol=1e-6)
    assert seen == [BATCH, 2 * BATCH]
    assert sum(model.sizes) <= 3 * BATCH


async def test_what_enough_raises_is_the_callers(batcher: Make) -> None:
    def enough(rows: Scores) -> bool:
        raise KeyError(len(rows))

    backend = batcher(Echo())
    with pytest.raises(KeyError):
        await backend.classify("m", views(*[1] * 2 * BATCH), LATER, enough)
    np.testing.assert_allclose(await ask(backend, 5), scores_of(5), atol=1e-6)


async def test_rows_that_land_out_of_order_are_given_in_order(batcher: Make) -> None:
    """Of two devices the second is done first: what is there is not the first views, and is not shown."""
    slow, quick = Gated(), Echo()
    backend = batcher(slow, quick)
    shown: list[int] = []

    def enough(rows: Scores) -> bool:
        shown.append(len(rows))
        return True

    values = list(range(2 * BATCH))
    task = asyncio.create_task(backend.classify("m", views(*values), LATER, enough))
    await entered(slow)
    await ask(backend, 1)  # by the second device, which has its part of the other's behind it then
    assert (shown, task.done()) == ([], False)
    slow.gate.set()
    np.testing.assert_allclose(await task, scores_of(*values), atol=1e-6)


# Threads


async def test_forwards_run_one_by_one_in_one_other_thread() -> None:
    first, second = Echo(), Echo()
    prepared: list[int] = []
    backend = Batcher([Device({"a": first, "b": second}, prepare=lambda: prepared.append(threading.get_ident()))])
    await asyncio.gather(*(backend.classify(name, views(1), soon()) for name in ["a", "b"] * 8))
    assert first.threads == second.threads == set(prepared)
    assert len(prepared) == 1
    assert threading.get_ident() not in first.threads
    await asyncio.to_thread(backend.close)


async def test_the_loop_runs_on_while_a_model_computes(batcher: Make) -> None:
    model = Gated()
    task = ask(batcher(model), 1)
    await entered(model)
    model.gate.set()  # reached only because the forward does not hold the loop
    np.testing.assert_allclose(await task, scores_of(1), atol=1e-6)


async def test_closing_ends_the_threads() -> None:
    model = Echo()
    backend = Batcher([Device({"m": model})])
    await backend.classify("m", views(1), soon())
    assert model.threads <= {thread.ident for thread in threading.enumerate()}
    backend.close()
    assert not model.threads & {thread.ident for thread in threading.enumerate()}
    backend.close()


async def test_a_thread_that_has_ended_is_replaced(
    batcher: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = Echo()
    backend = batcher(model)
    await ask(backend, 1)

    class Gone(threading.Thread):
        def is_alive(self) -> bool:
            return False

    backend._devices[0]._workers[:] = [Gone()]
    np.testing.assert_allclose(await ask(backend, 2), scores_of(2), atol=1e-6)
    assert len(model.threads) == 2
    assert "a thread of the classifier has ended" in caplog.text


async def test_a_thread_that_ends_with_a_batch_in_hand_is_noticed(batcher: Make) -> None:
    model = Echo()
    backend = batcher(model)
    await ask(backend, 1)
    (thread,) = (each for each in threading.enumerate() if each.ident in model.threads)
    end_thread(thread)  # when it wakes up, which is for the next batch
    lost = ask(backend, 2)
    await asyncio.to_thread(thread.join, 30)
    assert not lost.done()
    np.testing.assert_allclose(await ask(backend, 3), scores_of(3), atol=1e-6)
    with pytest.raises(ClassifierFailed, match="has ended"):
        await lost
    assert model.sizes == [1, 1], "the lost one was never run"


async def test_answers_are_counted_against_views(batcher: Make) -> None:
    with pytest.raises(ClassifierFailed, match=r"not with float32 \(3, 2\)"):
        await ask(batcher(Answers(np.array([[0, 1]] * 2, np.float32))), 1, 2, 3)


# What it does, for metrics


async def test_its_load_is_told_while_it_works_and_after(batcher: Make) -> None:
    model = Gated()
    backend = batcher(model)
    assert backend.load == Load()
    first = ask(backend, 1)
    await entered(model)
    others = [ask(backend, 1, 2, 3) for _ in range(2)]
    gone = ask(backend, 4)
    await asked(*others, gone)
    assert backend.load.files == 4
    gone.cancel()
    await asyncio.wait([gone])
    assert backend.load.files == 3
    model.gate.set()
    await asyncio.gather(first, *others)
    assert (backend.load.files, backend.load.views) == (0, 6)
    assert backend.load.seconds >= 0
