"""The log's file, for the one thread that writes it: opened, appended to, and kept small.

SQLite in WAL mode: readers never hold the writer up, and a process that is killed leaves whole rows or none. Several
filters may share a file. Every failure is a StoreError, after which the file is opened anew the next time.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from addons.audit.place import Identity, alone, identity, make, set_aside
from addons.audit.row import COLUMNS, Row, values
from addons.audit.schema import Foreign, Newer, prepare
from addons.state import FOLDER_MODE

log = logging.getLogger("pictrs_filter")

BUSY_SECONDS = 1.0
"""How long a file that another program holds locked is waited for, before the writer tells of it."""
WAL_BYTES = 4 * 1024 * 1024
"""What is left of the WAL after a checkpoint; SQLite checkpoints at 1000 pages, which is as much."""
EXPIRED_ROWS = 1000
"""Rows deleted in one transaction: some 40 ms, in which no other filter can write."""
FREE_PAGES = 256
"""Free pages (1 MiB) that a file may have: new rows soon take them. More is given back to the disk."""

_INSERT = f"INSERT INTO verdicts ({', '.join(COLUMNS[1:])}) VALUES ({', '.join('?' * (len(COLUMNS) - 1))})"  # noqa: S608
_EXPIRE_AGE = "DELETE FROM verdicts WHERE id IN (SELECT id FROM verdicts WHERE at < ? LIMIT ?)"
# By id, which costs two look-ups and not a count of all rows. Where rows are missing in between fewer are kept.
_EXPIRE_COUNT = """DELETE FROM verdicts WHERE id IN
    (SELECT id FROM verdicts WHERE id <= (SELECT max(id) FROM verdicts) - ? ORDER BY id LIMIT ?)"""
_BROKEN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_PRIMARY = 0xFF
"""The primary code within an extended one (sqlite.org/rescode.html)."""


class StoreError(Exception):
    """The log cannot be written now; the message says why."""


class Store:
    """The file at `path`, made with its folder when it is not there. One thread uses it, which is the first to open it.

    Nothing is opened before it is needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._file: Identity | None = None

    def open(self) -> None:
        """Open it, if it is not, or if another file lies in its place. Raises StoreError."""
        with self._told():
            self._opened()

    def append(self, rows: Sequence[Row]) -> None:
        """Write all rows, or none. Raises StoreError."""
        with self._told(), _transaction(self._opened()) as connection:
            connection.executemany(_INSERT, [values(row)[1:] for row in rows])

    def expire(self, before: float | None, keep_rows: int) -> bool:
        """Delete rows from before that time (seconds since 1970; None: of any time) and all but the newest `keep_rows`.

        One small transaction: True when there is more to be done. Raises StoreError.
        """
        with self._told():
            connection = self._opened()
            with _transaction(connection):
                deleted = connection.execute(_EXPIRE_COUNT, (keep_rows, EXPIRED_ROWS)).rowcount
                if before is not None:
                    deleted = max(deleted, connection.execute(_EXPIRE_AGE, (before, EXPIRED_ROWS)).rowcount)
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            if free > FREE_PAGES:  # as a script: each step gives one page back, and `execute` takes one step
                connection.executescript(f"PRAGMA incremental_vacuum({FREE_PAGES})")
            return deleted >= EXPIRED_ROWS or free > 2 * FREE_PAGES

    def close(self) -> None:
        """Close the file, if it is open. Raises nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._file == identity(self.path):
            return self._connection
        self.close()  # where it was open, somebody deleted the log or put another one in its place
        folder = self.path.parent
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with alone(folder):  # filters that start at once neither make it twice nor set aside what is new
            try:
                self._connection = _connected(self.path)
            except Foreign as error:
                self._set_aside(str(error))
                self._connection = _connected(self.path)
            self._file = identity(self.path)
        return self._connection

    def _set_aside(self, why: str) -> None:
        aside = set_aside(self.path)
        log.warning("%s cannot be used as the log: %s. It is %s now, and a new one is begun", self.path, why, aside)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what goes wrong into StoreError, with the file closed; one that turns out to be broken is set aside."""
        try:
            yield
        except (sqlite3.DatabaseError, Foreign, Newer, OSError) as error:
            self.close()
            if _is_broken(error):
                with contextlib.suppress(OSError), alone(self.path.parent):
                    if self._file == identity(self.path):  # else another filter was first
                        self._set_aside(str(error))
            raise StoreError(getattr(error, "strerror", None) or str(error)) from error


def _connected(path: Path) -> sqlite3.Connection:
    """A connection to a log that is ready to be written. Raises Foreign, Newer, OSError, sqlite3.Error."""
    make(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        prepare(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # after a power cut the last rows may be missing
        connection.execute("PRAGMA secure_delete = ON")  # what was deleted is not to be found in the file
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    except BaseException as error:
        connection.close()
        if _is_broken(error):
            raise Foreign(str(error)) from error
        raise
    return connection


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # a full disk may have rolled it back already
            connection.execute("ROLLBACK")


def _is_broken(error: BaseException) -> bool:
    code = error.sqlite_errorcode if isinstance(error, sqlite3.Error) else 0
    return (code or 0) & _PRIMARY in _BROKEN
