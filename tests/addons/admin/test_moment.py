"""Moments as people type them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from addons.admin.moment import moment

NOW = 1_790_000_000.0


@pytest.fixture(autouse=True)
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_so_long_ago(typed: str, seconds: float) -> None:
    assert moment(typed, NOW) == NOW - seconds


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("2026-11-01", (2026, 11, 1, 4)),  # summer time ends two hours later
        ("2026-11-02", (2026, 11, 2, 5)),
        ("2026-11-02 18:30", (2026, 11, 2, 23, 30)),
        ("2026-11-02T18:30:15", (2026, 11, 2, 23, 30, 15)),
        ("2026-11-02T18:30Z", (2026, 11, 2, 18, 30)),
        ("2026-11-02 18:30+02:00", (2026, 11, 2, 16, 30)),
    ],
)
def test_a_day_and_a_time_of_this_machines_clock(typed: str, utc: tuple[int, ...]) -> None:
    assert moment(typed) == datetime(*utc, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    "typed", ["", "2", "h", "-2h", "2 h", "2y", "1.5h", "tomorrow", "2026-13-01", "9999999h", "²h"]
)
def test_what_is_no_moment(typed: str) -> None:
    with pytest.raises(ValueError, match="must be like 30m, 2h, 7d"):
        moment(typed)


def test_now_is_this_machines() -> None:
    assert abs(moment("0s") - time.time()) < 60
