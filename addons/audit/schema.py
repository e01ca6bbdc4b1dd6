"""The log's tables, and what is done with a file that has others.

Rules: a file's version is in `PRAGMA user_version`, and each step of STEPS leads from one to the next, so an old log
goes on being used. A log of a newer version is left alone. What is no log of ours is for store.py to set aside.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x70664C67
"""`PRAGMA application_id` of our files, "pfLg" in ASCII: file(1) shows it, and no other program's file has it."""

FIRST = """
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    ref TEXT NOT NULL,
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    strict TEXT NOT NULL,
    rule TEXT,
    cause TEXT,
    type TEXT,
    size INTEGER NOT NULL,
    views INTEGER NOT NULL,
    sampled TEXT NOT NULL,
    scores TEXT NOT NULL,
    in_part TEXT NOT NULL,
    mode TEXT NOT NULL,
    backend TEXT NOT NULL,
    ms REAL NOT NULL,
    stage_ms TEXT NOT NULL,
    policy TEXT NOT NULL,
    sha256 TEXT,
    pdq TEXT,
    host TEXT,
    note TEXT NOT NULL,
    cached INTEGER NOT NULL,
    detail TEXT NOT NULL,
    pdq_quality INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_at ON verdicts (at);
CREATE INDEX verdicts_ref ON verdicts (ref);
CREATE INDEX verdicts_rule ON verdicts (rule) WHERE rule IS NOT NULL;
"""

STEPS = (FIRST,)
"""STEPS[n] leads from version n to n + 1. Published ones are never changed."""
VERSION = len(STEPS)


class Foreign(Exception):
    """The file is no log of ours."""


class Newer(Exception):
    """The file was written by a newer pictrs-filter. The message has the way out."""


def version(connection: sqlite3.Connection) -> int:
    """The version of a log; 0 of an empty file. Raises Foreign, Newer, sqlite3.Error."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, found) == (0, 0) and not tables:
        return 0
    if application != APPLICATION_ID or found < 1:
        raise Foreign("it is a database of another program")
    if found > VERSION:
        raise Newer(
            f"it is of a newer pictrs-filter (version {found} of the log, this program knows {VERSION}): upgrade the "
            "program, or move the file away"
        )
    return int(found)


def prepare(connection: sqlite3.Connection) -> None:
    """Bring an empty file, or an older log, to VERSION: all of it or nothing. Raises as `version` does.

    The connection is in autocommit mode (isolation_level None).
    """
    if version(connection) == 0:  # both only hold when they come before the first table
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    if version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[version(connection) :]:  # looked at again: nobody else writes from here on
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
