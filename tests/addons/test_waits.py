"""One timer of each kind at a time, none that ends a wait too early, and none that is missing."""

from __future__ import annotations

import pytest

from addons import waits
from addons.waits import Wait, Waits


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_wait_ends_at_its_limit_and_not_before(clock: Clock) -> None:
    waiting = Waits(clock)
    assert waiting.begin(Wait.HEAD) == waits.HEAD_SECONDS
    clock.now += waits.HEAD_SECONDS - 0.25
    assert waiting.ring(Wait.HEAD) == 0.25  # a timer that is early is asked for again
    clock.now += 0.25
    assert waiting.ring(Wait.HEAD) == 0.0


def test_to_go_on_waiting_does_not_start_afresh(clock: Clock) -> None:
    waiting = Waits(clock)
    assert waiting.begin(Wait.BODY) is not None
    clock.now += waits.BODY_SECONDS - 1
    assert waiting.begin(Wait.BODY) is None
    clock.now += 1
    assert waiting.ring(Wait.BODY) == 0.0


def test_a_wait_that_is_over_is_forgotten(clock: Clock) -> None:
    waiting = Waits(clock)
    waiting.begin(Wait.BODY)
    assert waiting.begin(None) is None
    clock.now += waits.BODY_SECONDS
    assert waiting.ring(Wait.BODY) is None


def test_a_later_wait_of_the_same_kind_has_its_whole_time(clock: Clock) -> None:
    waiting = Waits(clock)
    waiting.begin(Wait.IDLE)
    clock.now += 70
    waiting.begin(Wait.HEAD)
    assert waiting.begin(Wait.IDLE) is None  # the first timer is still under way
    clock.now += 5
    assert waiting.ring(Wait.IDLE) == 70.0
    clock.now += 70
    assert waiting.ring(Wait.IDLE) == 0.0


def test_many_requests_have_one_timer_of_each_kind(clock: Clock) -> None:
    waiting = Waits(clock)
    asked = []
    for _ in range(1000):
        for wait in (Wait.IDLE, Wait.HEAD, Wait.BODY, None):
            clock.now += 0.001
            asked.append(waiting.begin(wait))
    assert len([seconds for seconds in asked if seconds is not None]) == 3


@pytest.mark.parametrize("wait", Wait)
def test_each_wait_has_its_own_limit(clock: Clock, wait: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, f"{wait.name}_SECONDS", 3.0)
    assert Waits(clock).begin(wait) == 3.0
