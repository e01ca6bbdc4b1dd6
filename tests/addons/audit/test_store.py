"""The log's file while all is well, when others use it too, and when it is not what it should be."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.audit import store as module
from addons.audit.schema import VERSION
from addons.audit.store import EXPIRED_ROWS, FREE_PAGES, Store, StoreError
from tests.addons.audit.rows import AT, opened, refs, row, sound

PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "log.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path)
    yield made
    made.close()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.01)


def test_it_is_made_for_its_owner_alone(store: Store, path: Path) -> None:
    store.open()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    store.append([row(1)])
    assert {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {
        "log.db": 0o600,
        "log.db-wal": 0o600,
        "log.db-shm": 0o600,
    }
    store.close()
    assert [each.name for each in path.parent.iterdir()] == ["log.db"]


def test_rows_are_added_in_order(store: Store, path: Path) -> None:
    store.append([row(1), row(2)])
    store.append([row(3)])
    store.close()
    store.append([row(4)])
    assert refs(path) == ["00000001", "00000002", "00000003", "00000004"]


def test_all_rows_or_none(store: Store, path: Path) -> None:
    store.append([row(1)])
    with pytest.raises(AttributeError):
        store.append([row(2), None])  # type: ignore[list-item]
    store.append([row(3)])
    assert refs(path) == ["00000001", "00000003"]


def test_two_filters_write_to_one_log(store: Store, path: Path) -> None:
    other = Store(path)
    for number in range(4):
        (store, other)[number % 2].append([row(number)])
    other.close()
    assert len(refs(path)) == 4


# Retention


def test_the_oldest_beyond_the_count_go(store: Store, path: Path) -> None:
    store.append([row(number) for number in range(5)])
    assert not store.expire(None, 5)
    assert len(refs(path)) == 5
    assert not store.expire(None, 3)
    assert refs(path) == ["00000002", "00000003", "00000004"]


def test_ids_go_on_counting_when_all_is_gone(store: Store, path: Path) -> None:
    """Whoever follows the log asks for what came after an id."""
    store.append([row(1), row(2)])
    store.expire(AT + 1, 9)
    store.append([row(3)])
    with opened(path) as connection:
        assert connection.execute("SELECT id, ref FROM verdicts").fetchall() == [(3, "00000003")]


def test_old_ones_go_wherever_they_stand(store: Store, path: Path) -> None:
    """Where the clock was set back, a row may be older than those before it."""
    store.append([row(number, at=at) for number, at in enumerate((AT, AT - 10, AT, AT - 0.5, AT - 1))])
    assert not store.expire(AT - 1, 9)
    assert refs(path) == ["00000000", "00000002", "00000003", "00000004"]
    assert not store.expire(None, 9)
    assert len(refs(path)) == 4


@pytest.mark.parametrize("bounds", [(AT + 1, 10**6), (None, 0)], ids=["age", "count"])
def test_much_goes_in_small_steps_and_the_file_shrinks(
    store: Store, path: Path, bounds: tuple[float | None, int]
) -> None:
    store.append([row(number, detail="x" * 400, note="y" * 400) for number in range(3 * EXPIRED_ROWS + 1)])
    store.close()
    full = path.stat().st_size
    left = []
    while store.expire(*bounds):
        left.append(len(refs(path)))
    assert left[:3] == [2 * EXPIRED_ROWS + 1, EXPIRED_ROWS + 1, 1]
    assert refs(path) == []
    store.close()
    assert full > 3 * FREE_PAGES * PAGE_BYTES
    assert path.stat().st_size < 3 * FREE_PAGES * PAGE_BYTES
    assert sound(path)


def test_what_was_deleted_is_not_in_the_file(store: Store, path: Path) -> None:
    store.append([row(1, note="a very secret note")])
    store.close()
    assert b"a very secret note" in path.read_bytes()
    store.expire(None, 0)
    store.close()
    assert b"secret" not in path.read_bytes()


def test_the_file_has_a_greatest_size(store: Store, path: Path) -> None:
    """Rows come and go many times over."""
    sizes = []
    for start in range(0, 12_000, 250):
        store.append([row(number) for number in range(start, start + 250)])
        store.expire(None, 500)
        sizes.append(path.stat().st_size + Path(f"{path}-wal").stat().st_size)
    assert len(refs(path)) == 500
    assert max(sizes[24:]) <= max(sizes[:24]) + FREE_PAGES * PAGE_BYTES


# What is in its place


def test_a_log_that_was_deleted_is_begun_anew(store: Store, path: Path) -> None:
    store.append([row(1)])
    for each in path.parent.iterdir():
        each.unlink()
    store.append([row(2)])
    assert refs(path) == ["00000002"]


def broken(content: bytes) -> bytes:
    """The database with its tables overwritten; SQLite opens it, and then finds out."""
    return content[:PAGE_BYTES] + b"\xff" * (len(content) - PAGE_BYTES)


@pytest.mark.parametrize(
    "content", [b"no database at all\n" * 999, b"SQLite format 3\0" + b"\xff" * 4080], ids=["text", "head"]
)
def test_what_is_no_database_is_kept_beside_a_new_log(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store.append([row(1)])
    assert refs(path) == ["00000001"]
    (aside,) = (each for each in path.parent.iterdir() if ".broken-" in each.name)
    assert aside.read_bytes() == content
    (said,) = caplog.messages
    assert said.startswith(f"{path} cannot be used as the log: file is not a database. It is {aside} now, and a new")


def test_another_programs_database_is_kept_beside_a_new_log(store: Store, path: Path) -> None:
    path.parent.mkdir()
    with opened(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    store.append([row(1)])
    assert refs(path) == ["00000001"]
    (aside,) = (each for each in path.parent.iterdir() if ".broken-" in each.name)
    with opened(aside) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_log_that_turns_out_to_be_broken_is_kept_beside_a_new_one(store: Store, path: Path) -> None:
    store.append([row(number) for number in range(100)])
    store.close()
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(StoreError, match="malformed"):
        store.append([row(100)])
    store.append([row(101)])
    assert refs(path) == ["00000065"]
    assert [each.name[:13] for each in path.parent.iterdir() if "broken" in each.name] == ["log.db.broken"]


def test_of_two_who_find_it_broken_the_second_takes_the_new_one(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may not set aside what the first has begun."""
    caplog.set_level(logging.WARNING, "pictrs_filter")
    store.append([row(1)])
    other = Store(path)
    other.append([row(2)])
    failure = sqlite3.DatabaseError("malformed")
    failure.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    for each in (store, other):
        with pytest.raises(StoreError), each._told():
            raise failure
        each.append([row(3)])
    other.close()
    assert refs(path) == ["00000003", "00000003"]
    assert len(caplog.messages) == 1


def test_a_newer_log_is_not_written_to(store: Store, path: Path) -> None:
    store.append([row(1)])
    with opened(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    store.close()
    for _ in range(2):
        with pytest.raises(StoreError, match="newer pictrs-filter"):
            store.append([row(2)])
    assert refs(path) == ["00000001"]


@pytest.mark.parametrize("kind", ["folder", "a file for a folder"])
def test_a_place_that_cannot_be(store: Store, path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir(parents=True)
    else:
        path.parent.write_text("")
    words = {"folder": "unable to open database file", "a file for a folder": "File exists"}[kind]
    with pytest.raises(StoreError, match=words):
        store.open()


@pytest.mark.usefixtures("_impatient")
def test_a_locked_log_is_told_and_written_later(store: Store, path: Path) -> None:
    store.append([row(1)])
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        for ask in (lambda: store.append([row(2)]), lambda: store.expire(None, 0)):
            with pytest.raises(StoreError, match="database is locked"):
                ask()
        other.execute("ROLLBACK")
    store.append([row(3)])
    assert refs(path) == ["00000001", "00000003"]


def test_a_database_that_may_not_grow_takes_no_part_of_a_batch(store: Store, path: Path) -> None:
    store.append([row(1)])
    assert store._connection is not None
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(StoreError, match="database or disk is full"):
        store.append([row(number) for number in range(2, 200)])
    assert refs(path) == ["00000001"]
    store.append([row(2)])  # it is opened anew, without that limit
    assert refs(path) == ["00000001", "00000002"]
    assert sound(path)
