"""How old a row may be, by a clock that may jump.

A machine that starts without a clock of its own, or a mistyped date, can be years off for a while. By such a clock all
rows are old. So age counts only when the clock has gone steadily for a while, as a monotonic one tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable

DAY_SECONDS = 86_400
STEADY_SECONDS = 600.0
"""How long a clock goes steadily before it is believed: time servers set a wrong one within minutes of a start."""
JUMP_SECONDS = 60.0
"""What is a jump: time servers correct drift by far less (0.5 ms a second), leap seconds and all."""

Clock = Callable[[], float]


class Retention:
    """`wall` is in seconds since 1970, `steady` in seconds since any moment and never jumps."""

    def __init__(self, keep_days: int, wall: Clock = time.time, steady: Clock = time.monotonic) -> None:
        self._keep_seconds = keep_days * DAY_SECONDS
        self._wall = wall
        self._steady = steady
        self._since = steady()
        self._offset = wall() - self._since

    def before(self) -> float | None:
        """Rows from before this time (seconds since 1970) have had their days; None while nobody can tell."""
        wall, steady = self._wall(), self._steady()
        if abs(wall - steady - self._offset) > JUMP_SECONDS:
            self._since, self._offset = steady, wall - steady
        if steady - self._since < STEADY_SECONDS:
            return None
        return wall - self._keep_seconds
