"""Reads the log, beside whoever writes it and without holding anything up.

Each question opens the file anew, read-only: a log that is replaced, or not there yet, is no special case, and any
thread may ask. A LogError says in words what the administrator can do.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
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

    def scores(self, since: float) -> dict[str, dict[int, int]]:
        """signal -> hundredths (0..100, rounded down) -> how many judged files have that as their highest score.

        The highest is that over the whole and its parts. SQLite counts, and Python sees the counts alone: a week may
        have a million rows, and Python is shared with the proxy.
        """
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for signal, hundredths, count in self._ask(questions.SCORES, {"since": since}):
            found[str(signal)][int(hundredths or 0)] = int(count or 0)
        return dict(found)

    def by_minute(self, since: float) -> list[tuple[int, int, int, int]]:
        """(the minute's first second, judged, refused, passed without a verdict) of each minute with any, in order."""
        found = self._ask(questions.MINUTES, (since,))
        return [tuple(int(value or 0) for value in row) for row in found]  # type: ignore[misc]

    def _ask(self, question: str, given: tuple[Value, ...] | Mapping[str, Value]) -> list[tuple[Value, ...]]:
        with self._opened() as connection:
            return connection.execute(question, given).fetchall()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.stat()
            with contextlib.closing(self._connected()) as connection:
                if version(connection) == 0:
                    raise NoLog(f"{self.path} is empty: no verdict was written yet")
                yield connection
        except FileNotFoundError as error:
            raise NoLog(f"there is no log at {self.path}: the filter writes it with its first verdict") from error
        except (OSError, sqlite3.Error, Foreign, Newer) as error:
            raise LogError(f"{self.path} cannot be read: {self._reason(error)}") from error

    def _connected(self) -> sqlite3.Connection:
        """On a disk that may only be read there is no room for what SQLite puts beside a file, and no writer either."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS)
        try:
            connection.execute("PRAGMA user_version")
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or Path(f"{self.path}-wal").exists():
                raise
            return sqlite3.connect(f"{uri}&immutable=1", uri=True)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _reason(self, error: Exception) -> str:
        refused = isinstance(error, PermissionError) or not os.access(self.path, os.R_OK)
        if not refused:
            return str(error)
        owner = "the user that runs the filter"
        with contextlib.suppress(OSError, KeyError):
            owner = pwd.getpwuid(self.path.stat().st_uid).pw_name
        return f"this user may not (run the command as {owner}, for example with sudo -u)"
