"""`pictrs-filter log`: reads the filter's log of verdicts, while it is written or not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from addons.admin import entry
from addons.audit.place import LOG_NAME
from addons.audit.questions import Outcomes
from addons.audit.reader import LogError, NoLog, Reader
from addons.audit.row import Row
from config.settings import Settings

PAGE_ROWS = 1000
"""Rows read at once: however many are shown, no more are in memory."""
FOLLOW_SECONDS = 0.5
"""How often --follow looks for new ones."""


@dataclass(frozen=True)
class Asked:
    """Which verdicts: as Reader.rows takes it."""

    since: float | None = None
    until: float | None = None
    rule: str | None = None
    ref: str | None = None
    source: str | None = None
    outcome: Outcomes | None = None
    limit: int = 50


def show(settings: Settings, ref: str, *, as_json: bool) -> int:
    """Print everything about one verdict. Gives the exit code."""
    reader = _reader(settings)
    try:
        row = reader.get(ref)
    except LogError as error:
        return _failed(error, settings)
    if row is None:
        print(f"pictrs-filter: no verdict with ref {ref} is in {reader.path}", file=sys.stderr)
        return 1
    print(entry.as_json(row) if as_json else entry.in_full(row))
    return 0


def listed(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """Print the newest verdicts that are as asked, newest first. Gives the exit code."""
    shown = 0
    try:
        for row in _paged(_reader(settings), asked):
            print(entry.as_json(row) if as_json else entry.in_one_line(row))
            shown += 1
    except LogError as error:
        return _failed(error, settings)
    if not shown:
        print("pictrs-filter: the log has no such verdict", file=sys.stderr)
    return 0


def follow(settings: Settings, asked: Asked, *, as_json: bool, wait: Callable[[float], object] = time.sleep) -> int:
    """Print the newest verdicts, oldest first, and then each new one.

    Gives an exit code when the log cannot be read; else only KeyboardInterrupt ends it, or what `wait` raises.
    """
    reader = _reader(settings)
    last = 0
    try:
        rows = list(_paged(reader, asked))
        while True:
            for row in reversed(rows):
                print(entry.as_json(row) if as_json else entry.in_one_line(row), flush=True)
                last = row.id
            wait(FOLLOW_SECONDS)
            rows = _after(reader, asked, last)
    except LogError as error:
        return _failed(error, settings)


def _reader(settings: Settings) -> Reader:
    return Reader(Path(settings.state_folder).expanduser() / LOG_NAME)


def _paged(reader: Reader, asked: Asked) -> Iterator[Row]:
    left, before = asked.limit, None
    while left:
        rows = _rows(reader, asked, before=before, limit=min(left, PAGE_ROWS))
        yield from rows
        if len(rows) < min(left, PAGE_ROWS):
            return
        left, before = left - len(rows), rows[-1].id


def _after(reader: Reader, asked: Asked, last: int) -> list[Row]:
    """All that came after the row with that id, newest first."""
    rows: list[Row] = []
    before = None
    while page := _rows(reader, asked, before=before, after=last, limit=PAGE_ROWS):
        rows += page
        before = page[-1].id
    return rows


def _rows(reader: Reader, asked: Asked, *, before: int | None, limit: int, after: int | None = None) -> list[Row]:
    return reader.rows(
        since=asked.since,
        until=asked.until,
        rule=asked.rule,
        ref=asked.ref,
        source=asked.source,
        outcome=asked.outcome,
        before=before,
        after=after,
        limit=limit,
    )


def _failed(error: LogError, settings: Settings) -> int:
    hint = (
        " (audit.keep_rows is 0: no log is written)"
        if isinstance(error, NoLog) and not settings.audit.keep_rows
        else ""
    )
    print(f"pictrs-filter: {error}{hint}", file=sys.stderr)
    return 1
