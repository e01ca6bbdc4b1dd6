"""How old a row may be, by clocks that jump."""

from __future__ import annotations

import pytest

from addons.audit.retention import DAY_SECONDS, JUMP_SECONDS, STEADY_SECONDS, Retention

NOW = 1_790_000_000.0
YEAR = 365 * DAY_SECONDS


class Clocks:
    """One that is set, and one that only goes on."""

    def __init__(self) -> None:
        self.wall, self.steady = NOW, 1000.0
        self.retention = Retention(90, lambda: self.wall, lambda: self.steady)

    def go(self, seconds: float) -> float | None:
        self.wall += seconds
        self.steady += seconds
        return self.retention.before()


def test_age_counts_once_the_clock_went_steadily_for_a_while() -> None:
    clocks = Clocks()
    assert clocks.go(0) is None
    assert clocks.go(STEADY_SECONDS - 1) is None
    assert clocks.go(1) == NOW + STEADY_SECONDS - 90 * DAY_SECONDS
    assert clocks.go(YEAR) == clocks.wall - 90 * DAY_SECONDS  # nobody asked for a year


@pytest.mark.parametrize("jump", [YEAR, -YEAR, JUMP_SECONDS + 1, -JUMP_SECONDS - 1])
def test_after_a_jump_nothing_is_old_for_a_while(jump: float) -> None:
    clocks = Clocks()
    assert clocks.go(STEADY_SECONDS) is not None
    clocks.wall += jump
    assert clocks.go(1) is None
    assert clocks.go(STEADY_SECONDS - 1) is None
    assert clocks.go(1) == clocks.wall - 90 * DAY_SECONDS


def test_a_clock_that_is_set_back_right_begins_anew() -> None:
    clocks = Clocks()
    clocks.go(STEADY_SECONDS)
    clocks.wall += YEAR
    assert clocks.go(STEADY_SECONDS / 2) is None
    clocks.wall -= YEAR
    assert clocks.go(STEADY_SECONDS / 2) is None
    assert clocks.go(STEADY_SECONDS) is not None


def test_drift_is_no_jump() -> None:
    clocks = Clocks()
    clocks.go(STEADY_SECONDS)
    clocks.wall += JUMP_SECONDS
    assert clocks.go(1) is not None
