"""Said once in a while, and the first time."""

from __future__ import annotations

from addons.seldom import Seldom


def test_it_is_said_at_first_and_then_once_in_a_while() -> None:
    time = [0.0]
    seldom = Seldom(60, lambda: time[0])
    said = []
    for time[0] in (0.0, 1.0, 59.9, 60.0, 61.0, 300.0, 300.0):
        said.append(seldom.now())
    assert said == [True, False, False, True, False, True, False]
