"""Reads the log, beside whoever writes it and without holding anything up.

Each question opens the file anew, read-only: a log that is replaced, or not there yet, is no special case, and any
thread may ask. A LogError says in words what the administrator can do.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from addons.audit import questions
from addons.audit.questions import Outcomes, Value
from addons.audit.row import COLUMNS, Row, from_values
from addons.audit.schema import Foreign, Newer, version

WAIT_SECONDS = 5.0
"""How long a locked file is waited for. A log that is being made, or VACUUM, holds it for a moment."""
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM verdicts"  # noqa: S608 -- names of ours


class LogError(Exception):
    """The log cannot be read. The message has the way out."""


class NoLog(LogError):
    """There is none (yet)."""


class Reader:
    """Questions to the log at `path`. Every one raises LogError. Times are in seconds since 1970."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def rows(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        rule: str | None = None,
        ref: str | None = None,
        source: str | None = None,
        outcome: Outcomes | None = None,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> list[Row]:
        """The newest `limit` rows that are as asked, newest first. `before` and `after` are ids beyond the ends."""
        where, given = questions.where(
            since=since, until=until, rule=rule, ref=ref, source=source, outcome=outcome, before=before, after=after
        )
        found = self._ask(f"{_SELECT}{where} ORDER BY id DESC LIMIT ?", (*given, limit))
        return [from_values(each) for each in found]

    def get(self, ref: str) -> Row | None:
        """The row with that ref (eight hex digits; the newest, should there be two), or None."""
        found = self.rows(ref=ref, limit=1)
        return found[0] if found else None

    def count(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        rule: str | None = None,
        ref: str | None = None,
        source: str | None = None,
        outcome: Outcomes | None = None,
    ) -> int:
        """How many rows are as asked."""
        where, given = questions.where(since=since, until=until, rule=rule, ref=ref, source=source, outcome=outcome)
        ((count,),) = self._ask(f"SELECT count(*) FROM verdicts{where}", given)  # noqa: S608
        return int(count or 0)

    def scores(self, since: float) -> dict[str, list[float]]:
        """signal -> the highest score of each file that was judged, over its whole and its parts; oldest first."""
        found: dict[str, list[float]] = defaultdict(list)
        for whole, part in self._ask(questions.SCORES, (since,)):
            scores, in_part = json.loads(str(whole)), json.loads(str(part))
            for signal in scores | in_part:
                found[signal].append(max(scores.get(signal, 0.0), in_part.get(signal, 0.0)))
        return dict(found)

    def by_minute(self, since: float) -> list[tuple[int, int, int, int]]:
        """(the minute's first second, judged, refused, passed without a verdict) of each minute with any, in order."""
        found = self._ask(questions.MINUTES, (since,))
        return [tuple(int(value or 0) for value in row) for row in found]  # type: ignore[misc]

    def _ask(self, question: str, given: tuple[Value, ...]) -> list[tuple[Value, ...]]:
        with self._opened() as connection:
            return connection.execute(question, given).fetchall()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.stat()
            with contextlib.closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)
            ) as connection:
                if version(connection) == 0:
                    raise NoLog(f"{self.path} is empty: no verdict was written yet")
                yield connection
        except FileNotFoundError as error:
            raise NoLog(f"there is no log at {self.path}: the filter writes it with its first verdict") from error
        except (OSError, sqlite3.Error, Foreign, Newer) as error:
            raise LogError(f"{self.path} cannot be read: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        refused = isinstance(error, PermissionError) or not os.access(self.path, os.R_OK)
        if not refused:
            return str(error)
        owner = "the user that runs the filter"
        with contextlib.suppress(OSError, KeyError):
            owner = pwd.getpwuid(self.path.stat().st_uid).pw_name
        return f"this user may not (run the command as {owner}, for example with sudo -u)"
