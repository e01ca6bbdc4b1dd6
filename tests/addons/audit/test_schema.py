"""The tables of the log: made once, carried from version to version, and never taken for another program's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.audit import schema
from addons.audit.row import COLUMNS
from addons.audit.schema import APPLICATION_ID, FIRST, VERSION, Foreign, Newer, prepare, version
from tests.addons.audit.rows import opened


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with opened(tmp_path / "log.db") as made:
        yield made


def columns(connection: sqlite3.Connection) -> list[str]:
    return [name for _, name, *_ in connection.execute("PRAGMA table_info(verdicts)")]


def test_an_empty_file_becomes_a_log(connection: sqlite3.Connection) -> None:
    assert version(connection) == 0
    prepare(connection)
    assert version(connection) == VERSION == 1
    assert columns(connection) == [*COLUMNS]
    pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "auto_vacuum")]
    assert pragmas == ["wal", 2]  # 2: incremental


def test_a_log_stays_as_it_is(connection: sqlite3.Connection) -> None:
    prepare(connection)
    before = connection.execute("SELECT * FROM sqlite_master").fetchall()
    prepare(connection)
    assert connection.execute("SELECT * FROM sqlite_master").fetchall() == before


def test_an_older_log_is_carried_on(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(connection)
    connection.execute("CREATE TABLE told AS SELECT 1 AS kept")
    monkeypatch.setattr(schema, "STEPS", (FIRST, "ALTER TABLE verdicts ADD COLUMN more TEXT; UPDATE told SET kept = 2"))
    monkeypatch.setattr(schema, "VERSION", 2)
    prepare(connection)
    assert version(connection) == 2
    assert columns(connection)[-1] == "more"
    assert connection.execute("SELECT kept FROM told").fetchall() == [(2,)]


def test_a_step_that_fails_changes_nothing(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(connection)
    monkeypatch.setattr(schema, "STEPS", (FIRST, "ALTER TABLE verdicts ADD COLUMN more TEXT; SELECT nonsense"))
    monkeypatch.setattr(schema, "VERSION", 2)
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        prepare(connection)
    assert not connection.in_transaction
    monkeypatch.undo()
    assert version(connection) == 1
    assert columns(connection) == [*COLUMNS]


def test_a_log_of_a_newer_version_is_left_alone(connection: sqlite3.Connection) -> None:
    prepare(connection)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    for ask in (prepare, version):
        with pytest.raises(Newer, match=r"version 2 of the log, this program knows 1\): upgrade the program, or move"):
            ask(connection)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE bookmarks (url)"],
        ["PRAGMA user_version = 1"],
        ["PRAGMA user_version = 1", f"PRAGMA application_id = {APPLICATION_ID + 1}"],
        [f"PRAGMA application_id = {APPLICATION_ID}"],
    ],
    ids=str,
)
def test_another_programs_database_is_no_log(connection: sqlite3.Connection, statements: list[str]) -> None:
    for statement in statements:
        connection.execute(statement)
    with pytest.raises(Foreign, match="of another program"):
        prepare(connection)


def test_what_is_no_database_is_an_error_of_sqlites(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("verdicts of this week:\n" * 100)
    with opened(tmp_path / "text") as connection, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        version(connection)
