"""Who is told of a decision, and that none of them can harm another."""

from __future__ import annotations

import pytest

from addons.inspection import Decision
from addons.observers import Observers
from tests.addons.audit.rows import decision


def test_all_are_told_in_order() -> None:
    told: list[tuple[str, Decision]] = []
    observers = Observers(lambda each: told.append(("first", each)))
    observers.add(lambda each: told.append(("second", each)))
    given = decision(1)
    observers(given)
    assert told == [("first", given), ("second", given)]


def test_one_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Decision] = []

    def fail(_: Decision) -> None:
        raise RuntimeError("a fault of ours")

    observers = Observers(fail, told.append)
    for number in range(3):
        observers(decision(number))
    assert len(told) == 3
    assert caplog.messages == ["a fault of the filter's own: an observer did not take ref=00000000"]  # once a minute
    assert "RuntimeError: a fault of ours" in caplog.text


def test_what_ends_the_program_goes_through() -> None:
    def stop(_: Decision) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observers(stop)(decision(1))
