"""The closed loop on a clock of the test's own, and the nearest-rank percentiles."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from addons.admin.bench.pace import Pace, measure, percentile


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([15, 20, 35, 40, 50], 5, 15, id="of-five-5"),  # the example that textbooks have
        pytest.param([15, 20, 35, 40, 50], 30, 20, id="of-five-30"),
        pytest.param([15, 20, 35, 40, 50], 40, 20, id="of-five-40"),
        pytest.param([15, 20, 35, 40, 50], 50, 35, id="of-five-50"),
        pytest.param([15, 20, 35, 40, 50], 100, 50, id="of-five-100"),
        pytest.param([7], 1, 7, id="of-one"),
        pytest.param([3, 1, 2], 50, 2, id="in-any-order"),
        pytest.param(range(1, 100), 99, 99, id="of-99-the-largest"),
        pytest.param(range(1, 101), 99, 99, id="of-100-the-last-but-one"),
        pytest.param(range(1, 202), 99, 199, id="of-201"),
    ],
)
def test_nearest_rank(values: Sequence[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1], 0), ([1], 100.1), ([1], -1)])
def test_what_has_no_percentile(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile of"):
        percentile(values, percent)


def test_a_pace() -> None:
    pace = Pace((100.0, 300.0, 200.0), 2, 1.5)
    assert (pace.done, pace.per_second, pace.at(50), pace.at(99)) == (3, 2.0, 200.0, 300.0)
    nothing = Pace((), 4, 1.0)
    assert (nothing.done, nothing.per_second, nothing.at(50)) == (0, 0.0, None)
    assert Pace((), 0, 0.0).per_second == 0.0


class Work:
    """Turns of set lengths, in seconds of its own clock."""

    def __init__(self, *lengths: float, fails: Sequence[int] = ()) -> None:
        self.now = 0.0
        self.turns: list[int] = []
        self._lengths = lengths
        self._fails = fails

    def clock(self) -> float:
        return self.now

    async def __call__(self, turn: int) -> bool:
        self.turns.append(turn)
        self.now += self._lengths[turn % len(self._lengths)]
        return turn not in self._fails


async def test_the_first_turn_is_a_warm_up_and_the_last_is_waited_for() -> None:
    work = Work(100, 1, 2, 3, 4)
    told: list[float] = []
    pace = await measure(work, 5.0, clock=work.clock, tell=told.append)
    assert work.turns == [0, 1, 2, 3]
    assert pace == Pace((1000.0, 2000.0, 3000.0), 0, 6.0)
    assert told == [pytest.approx(0.2), pytest.approx(0.6), 1.0]


async def test_the_end_is_at_the_second_itself() -> None:
    work = Work(1)
    assert (await measure(work, 3.0, clock=work.clock)).done == 3


async def test_one_turn_at_least() -> None:
    work = Work(9)
    assert (await measure(work, 0.001, clock=work.clock)) == Pace((9000.0,), 0, 9.0)


async def test_what_is_not_done_has_no_time() -> None:
    work = Work(1, fails=[1, 3])
    pace = await measure(work, 4.0, clock=work.clock)
    assert (pace.done, pace.failed, pace.per_second) == (2, 2, 0.5)


async def test_several_are_side_by_side() -> None:
    together = asyncio.Event()
    running = 0

    async def do(turn: int) -> bool:
        nonlocal running
        if turn:
            running += 1
            if running == 3:
                together.set()
            await together.wait()
        return True

    async with asyncio.timeout(30):
        pace = await measure(do, 1e-9, at_once=3)
    assert pace.done == 3


async def test_what_a_turn_raises_ends_the_others() -> None:
    cancelled = []

    async def do(turn: int) -> bool:
        if turn == 2:
            raise OSError("the disk")
        try:
            await asyncio.sleep(0 if turn == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(turn)
            raise
        return True

    with pytest.raises(OSError, match="the disk"):
        await measure(do, 60.0, at_once=2)
    assert cancelled == [1]
