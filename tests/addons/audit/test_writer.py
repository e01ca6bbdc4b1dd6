"""The thread that writes the log: nobody waits for it, and whatever happens to the disk, it goes on and tells."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.audit import store as store_module
from addons.audit import writer as module
from addons.audit.reader import Reader
from addons.audit.retention import Retention
from addons.audit.row import Circumstances, Row
from addons.audit.store import StoreError
from addons.audit.writer import BATCH_ROWS, QUEUE_ROWS, Writer
from config.audit import Audit
from tests.addons.audit.rows import CIRCUMSTANCES, decision, opened, refs, sound
from tests.running import until

SECONDS = 10.0


class FakeStore:
    """Keeps rows in a list. `append` waits until `free` is set, and raises what `faults` has next."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.batches: list[int] = []
        self.expired: list[tuple[float | None, int]] = []
        self.more: list[bool] = []
        self.faults: list[Exception] = []
        self.broken: Exception | None = None
        self.free = threading.Event()
        self.free.set()
        self.waiting = threading.Event()
        self.closed = threading.Event()

    def open(self) -> None:
        if self.broken:
            raise self.broken

    def append(self, rows: list[Row]) -> None:
        self.waiting.set()
        assert self.free.wait(SECONDS)
        if self.broken or self.faults:
            raise self.broken or self.faults.pop(0)
        self.rows += rows
        self.batches.append(len(rows))

    def expire(self, before: float | None, keep_rows: int) -> bool:
        if self.broken:
            raise self.broken
        self.expired.append((before, keep_rows))
        return self.more.pop(0) if self.more else False

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "MAX_RETRY_SECONDS", 0.04)
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.01)


@pytest.fixture
def writer(tmp_path: Path, store: FakeStore) -> Iterator[Writer]:
    made = writing(tmp_path / "log.db", store)
    yield made
    store.free.set()
    made.close(SECONDS)
    assert store.closed.is_set() or made._thread is None


def writing(path: Path, store: FakeStore | None = None, **given: Any) -> Writer:
    return Writer(path, Audit(), CIRCUMSTANCES, store=store, **given)


def note(writer: Writer, *numbers: int) -> None:
    for number in numbers:
        writer.note(decision(number))


def written(store: FakeStore) -> list[int]:
    return [int(row.ref, 16) for row in store.rows]


def test_what_is_noted_is_in_the_file(tmp_path: Path) -> None:
    writer = writing(tmp_path / "log.db")
    writer.start()
    note(writer, *range(1000))
    writer.close(SECONDS)
    assert [row.ref for row in Reader(tmp_path / "log.db").rows(limit=2000)] == [f"{n:08x}" for n in range(999, -1, -1)]
    assert (writer.written, writer.dropped, writer.failing) == (1000, 0, "")


def test_what_is_noted_before_the_start_is_written_too(writer: Writer, store: FakeStore) -> None:
    note(writer, 1)
    assert store.rows == []
    writer.start()
    writer.start()
    note(writer, 2)
    until(lambda: written(store) == [1, 2])


def test_what_is_noted_without_a_start_is_written_at_the_end(writer: Writer, store: FakeStore) -> None:
    note(writer, 1)
    writer.close(SECONDS)
    assert written(store) == [1]


def test_an_end_without_a_beginning(writer: Writer, store: FakeStore) -> None:
    writer.close(SECONDS)
    assert writer._thread is None


def test_what_comes_after_the_end_is_counted(writer: Writer, store: FakeStore) -> None:
    writer.start()
    writer.close(SECONDS)
    writer.close(SECONDS)
    note(writer, 1)
    assert (written(store), writer.dropped) == ([], 1)


def test_a_row_has_the_circumstances_of_its_time(writer: Writer, store: FakeStore) -> None:
    note(writer, 1)
    writer.circumstances = Circumstances("shadow", "a gpu", "b2" * 32)
    note(writer, 2)
    writer.close(SECONDS)
    assert [(row.mode, row.backend, row.policy) for row in store.rows] == [
        ("enforce", "a cpu", "9f" * 32),
        ("shadow", "a gpu", "b2" * 32),
    ]


# A disk that does not keep up


def test_nobody_waits_for_a_disk_that_hangs(writer: Writer, store: FakeStore, caplog: pytest.LogCaptureFixture) -> None:
    """10,000 at once, while the store does nothing at all: would `note` wait, this test would never end."""
    caplog.set_level(logging.WARNING, "pictrs_filter")
    store.free.clear()
    writer.start()
    note(writer, 0)
    assert store.waiting.wait(SECONDS)
    note(writer, *range(1, 10_000))
    assert store.rows == []
    assert writer._queue.qsize() == QUEUE_ROWS
    assert writer.dropped == 10_000 - 1 - QUEUE_ROWS
    assert writer.failing == "the disk does not keep up"
    store.free.set()
    until(lambda: len(store.rows) == 1 + QUEUE_ROWS)
    assert written(store) == [*range(1 + QUEUE_ROWS)]
    assert writer.failing == ""
    assert caplog.messages == [
        f"{writer.path} cannot be written: the disk does not keep up. Pictures are judged as before; "
        "1 verdicts are missing from it so far"
    ]


def test_many_are_written_in_few_transactions(writer: Writer, store: FakeStore) -> None:
    note(writer, *range(3 * BATCH_ROWS + 1))
    writer.close(SECONDS)
    assert store.batches == [BATCH_ROWS] * 3 + [1]


def test_an_end_does_not_wait_for_a_disk_that_hangs(
    writer: Writer, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.free.clear()
    note(writer, *range(QUEUE_ROWS))
    writer.close(0.05)
    assert not store.closed.is_set()
    assert re.fullmatch(r".*log.db: \d+ verdicts were not written in time", caplog.messages[-1])


# A disk that fails


def test_what_cannot_be_written_is_tried_again(
    writer: Writer, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    store.broken = StoreError("database or disk is full")
    writer.start()
    note(writer, 1, 2)
    until(lambda: writer.failing == "database or disk is full")
    note(writer, 3)
    store.broken = None
    until(lambda: written(store) == [1, 2, 3])
    until(lambda: not writer.failing)
    assert writer.dropped == 0
    assert caplog.messages == [
        f"{writer.path} cannot be written: database or disk is full. Pictures are judged as before; "
        "0 verdicts are missing from it so far",
        f"{writer.path} is written again; 0 verdicts are missing from it",
    ]


def test_a_disk_that_stays_full_costs_rows_and_nothing_else(
    tmp_path: Path, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    """What is told comes once a minute, however many are lost."""
    clock = [0.0]
    writer = writing(tmp_path / "log.db", store, say_clock=lambda: clock[0])
    store.broken = StoreError("database or disk is full")
    writer.start()
    note(writer, *range(10_000))
    assert writer._queue.qsize() <= QUEUE_ROWS
    assert writer.dropped >= 10_000 - QUEUE_ROWS - BATCH_ROWS
    assert len(caplog.messages) == 1
    clock[0] = 60.0
    until(lambda: len(caplog.messages) == 2)
    assert f"; {writer.dropped} verdicts are missing" in caplog.messages[1]
    writer.close(SECONDS)
    assert writer.dropped == 10_000
    assert store.closed.is_set()


def test_it_is_tried_less_and_less_often(tmp_path: Path, store: FakeStore) -> None:
    waits: list[float] = []

    class Closing(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return len(waits) == 5

    store.broken = StoreError("the disk fails")
    writer = writing(tmp_path / "log.db", store)
    writer._closing = Closing()
    note(writer, 1)
    writer.start()
    assert store.closed.wait(SECONDS)
    assert waits == [0.01, 0.02, 0.04, 0.04, 0.04]


def test_a_fault_of_ours_costs_its_rows_alone(
    writer: Writer, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.faults = [OverflowError("too large an integer")]
    writer.start()
    note(writer, 1)
    until(lambda: writer.dropped == 1)
    note(writer, 2)
    until(lambda: written(store) == [2])
    assert "cannot be written: OverflowError: too large an integer." in caplog.messages[0]


def test_a_decision_that_makes_no_row_costs_itself_alone(writer: Writer, store: FakeStore) -> None:
    note(writer, 1)
    writer.note(replace(decision(2), verdict=None))  # type: ignore[arg-type]
    note(writer, 3)
    writer.close(SECONDS)
    assert (written(store), writer.dropped) == ([1, 3], 1)


def test_a_system_without_a_thread_to_give(
    writer: Writer, store: FakeStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    writer.start()
    note(writer, 1)
    assert writer.failing == "can't start new thread"
    assert "can't start new thread" in caplog.messages[0]
    writer.close(SECONDS)
    assert writer._thread is None


def test_a_locked_log_is_written_once_it_is_free(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log.db"
    writer = writing(path)
    writer.start()
    note(writer, 0)
    until(lambda: writer.written == 1)
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        note(writer, *range(1, 1000))
        until(lambda: writer.failing == "database is locked")
        assert writer.dropped == 0
        other.execute("ROLLBACK")
    until(lambda: writer.written == 1000)
    writer.close(SECONDS)
    assert refs(path) == [f"{number:08x}" for number in range(1000)]
    assert sound(path)
    assert len(caplog.messages) == 1


def test_a_log_that_stays_locked_is_given_up_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writer = writing(path)
    note(writer, 0)
    writer.start()
    until(lambda: writer.written == 1)
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        note(writer, *range(1, 1000))
        writer.close(SECONDS)
    assert (refs(path), writer.dropped) == (["00000000"], 999)


def test_a_place_that_cannot_be_is_no_reason_not_to_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file")
    writer = writing(tmp_path / "state" / "log.db")
    writer.start()
    until(lambda: writer.failing == "File exists")
    note(writer, 1)
    (tmp_path / "state").unlink()  # and it is not for the start alone
    until(lambda: writer.written == 1)
    writer.close(SECONDS)
    assert len(caplog.messages) == 1


# Retention


def test_what_has_had_its_time_goes_after_each_batch(tmp_path: Path, store: FakeStore) -> None:
    class Known(Retention):
        def before(self) -> float | None:
            return 12.5

    writer = Writer(tmp_path / "log.db", Audit(keep_rows=7), CIRCUMSTANCES, store=store, retention=Known(1))
    note(writer, *range(BATCH_ROWS + 1))
    writer.close(SECONDS)
    assert set(store.expired) == {(12.5, 7)}
    assert len(store.expired) >= 2  # more, where it was quicker than who notes


def test_as_long_as_there_is_more_it_goes_on(writer: Writer, store: FakeStore) -> None:
    store.more = [True, True, True, False]
    writer.start()
    note(writer, 1)
    until(lambda: len(store.expired) == 4)


def test_it_goes_where_nothing_is_noted(writer: Writer, store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    writer.start()
    until(lambda: len(store.expired) > 3)
    assert store.rows == []
