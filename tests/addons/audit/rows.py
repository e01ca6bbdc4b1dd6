"""Decisions and rows to write into a log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from addons.audit.row import Circumstances, Row, row_of
from addons.inspection import Decision
from config.audit import Audit, Hashes
from model.verdict import Outcome, Verdict

PASS, REJECT, UNAVAILABLE = Outcome.PASS, Outcome.REJECT, Outcome.UNAVAILABLE
CIRCUMSTANCES = Circumstances("enforce", "a cpu", "9f" * 32)
ALL = Audit(hashes=Hashes.ALL, remote_host=True)
AT = 1_790_000_000.0
"""Some time in 2026, in seconds since 1970; a whole minute begins 40 seconds later."""


def verdict(**fields: Any) -> Verdict:
    """A pass, with everything that a verdict can have; `fields` change it."""
    given = Verdict(
        PASS,
        PASS,
        "grey",
        None,
        "5a" * 32,
        31_000,
        "jpeg",
        "image/jpeg",
        {"nsfw": 0.25, "gore": 0.125},
        13,
        "32 of 900",
        {"nsfw": 0.5},
        "a codec said no",
        {"decode": 12.5, "classify": 200.1},
        "c3" * 32,
        97,
        "a note",
        cached=True,
    )
    return replace(given, **fields)


def decision(number: int = 0, *, at: float = AT, source: Any = "fetch", **fields: Any) -> Decision:
    """The decision whose ref is `number` in hex."""
    return Decision(f"{number:08x}", source, verdict(**fields), 212.7, at, "origin.example")


def row(number: int = 0, *, keep: Audit = ALL, **more: Any) -> Row:
    """The row of `decision(number, **more)`."""
    return row_of(decision(number, **more), CIRCUMSTANCES, keep)


@contextmanager
def opened(path: Path, timeout: float = 5.0) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the log."""
    with closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as connection:
        yield connection


def refs(path: Path) -> list[str]:
    """What is in the log, in the order of writing."""
    with opened(path) as connection:
        return [ref for (ref,) in connection.execute("SELECT ref FROM verdicts ORDER BY id")]


def sound(path: Path) -> bool:
    """Whether SQLite finds no fault in the file, nor JSON in the rows."""
    with opened(path) as connection:
        (fault,) = connection.execute("PRAGMA integrity_check").fetchone()
        ((torn,),) = connection.execute(
            "SELECT count(*) FROM verdicts "
            "WHERE NOT (json_valid(scores) AND json_valid(in_part) AND json_valid(stage_ms))"
        ).fetchall()
    return bool(fault == "ok" and torn == 0)
