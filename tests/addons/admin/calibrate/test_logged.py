"""Scores out of the log, page by page, and what must be said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from addons.admin.calibrate import logged
from addons.admin.calibrate.calibration import CalibrateError
from addons.admin.calibrate.logged import ANYBODY, CHANGED, HASTY, OfTheFilter, read
from addons.admin.calibrate.scores import Scored
from addons.audit.place import LOG_NAME
from addons.audit.store import Store
from tests.addons.admin.calibrate.pictures import NOWHERE
from tests.addons.audit.rows import row
from tests.running import config


@dataclass(frozen=True)
class Row:
    id: int
    ref: str = "0000000a"
    strict: str = "pass"
    mode: str = "shadow"
    policy: str = "p"
    cached: bool = False
    cause: str | None = None
    scores: Mapping[str, float] = field(default_factory=lambda: {"nsfw": 0.1})
    in_part: Mapping[str, float] = field(default_factory=dict)


class Log:
    """Newest first, as many as are asked for."""

    def __init__(self, *rows: Row) -> None:
        self._rows = sorted(rows, key=lambda row: -row.id)
        self.since: set[float | None] = set()

    def rows(self, *, since: float | None, before: int | None, limit: int) -> list[Row]:
        self.since.add(since)
        return [row for row in self._rows if before is None or row.id < before][:limit]


def test_every_page_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logged, "PAGE", 3)
    log = Log(*[Row(number, ref=str(number), in_part={"nsfw": number / 10}) for number in range(1, 8)])
    found = read(log, 5.0)
    assert found.scored == [Scored(str(n), {"nsfw": 0.1}, {"nsfw": n / 10}) for n in range(7, 0, -1)]
    assert (found.rows, found.notes, log.since) == (7, (ANYBODY,), {5.0})


def test_what_has_no_scores_of_its_own_is_counted() -> None:
    rows = [Row(1, cached=True), Row(2, cause="undecodable"), Row(3, scores={}), Row(4)]
    found = read(Log(*rows), 0.0)
    assert found.skipped == {"cached": 1, "undecodable": 1, "settled": 1}
    assert (found.rows, len(found.scored)) == (4, 1)


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ([Row(1, strict="reject")], (ANYBODY,)),
        ([Row(1, mode="enforce")], (ANYBODY,)),
        ([Row(1, mode="enforce", strict="reject")], (ANYBODY, HASTY)),
        ([Row(1), Row(2, policy="q")], (ANYBODY, CHANGED)),
    ],
)
def test_what_must_be_said(rows: list[Row], notes: tuple[str, ...]) -> None:
    assert read(Log(*rows), 0.0).notes == notes


def test_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CalibrateError, match="there is no log"):
        read(OfTheFilter(config(NOWHERE, state_dir=str(tmp_path)).settings), 0.0)


def test_the_log_of_a_filter(tmp_path: Path) -> None:
    store = Store(tmp_path / LOG_NAME)
    store.open()
    store.append([row(number, at=float(number), cached=number == 3) for number in range(1, 5)])
    store.close()
    found = read(OfTheFilter(config(NOWHERE, state_dir=str(tmp_path)).settings), 2.0)
    assert found.rows == 3, "since then"
    assert found.skipped["cached"] == 1
