"""Questions to the log: what is found, while it is written too, and what is said where there is none."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from addons.audit import reader as module
from addons.audit.reader import LogError, NoLog, Reader
from addons.audit.row import Row
from addons.audit.schema import VERSION
from addons.audit.store import Store
from tests.addons.audit.rows import AT, PASS, REJECT, UNAVAILABLE, opened, row

MINUTE = AT + 40
UNSEEN: dict[str, Any] = {
    "outcome": PASS,
    "strict": REJECT,
    "cause": "undecodable",
    "rule": "undecodable",
    "scores": {},
    "in_part": {},
}
REFUSED: dict[str, Any] = {
    "outcome": REJECT,
    "strict": REJECT,
    "rule": "explicit",
    "scores": {"nsfw": 0.1},
    "in_part": {"nsfw": 0.2},
}
ROWS = [
    row(1, at=MINUTE - 1, scores={"nsfw": 0.9}, in_part={}),
    row(2, at=MINUTE, source="upload", **REFUSED),
    row(3, at=MINUTE + 59.9, strict=REJECT, rule="explicit", scores={"nsfw": 0.4}, in_part={"gore": 0.3}),
    row(4, at=MINUTE + 180, **UNSEEN),
    row(5, at=MINUTE - 30, outcome=UNAVAILABLE, strict=UNAVAILABLE, cause="deadline", rule="deadline"),
    row(2, at=MINUTE + 181, rule=None, scores={}, in_part={}),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with ROWS, in a folder whose name means something in an address."""
    made = tmp_path / "50% full? #1 ü" / "log.db"
    store = Store(made)
    store.append(ROWS)
    store.close()
    return made


def ids(rows: list[Row]) -> list[int]:
    return [each.id for each in rows]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"limit": 2}, [6, 5]),
        ({"limit": 2, "before": 5}, [4, 3]),
        ({"after": 4}, [6, 5]),
        ({"after": 2, "before": 5}, [4, 3]),
        ({"since": MINUTE}, [6, 4, 3, 2]),
        ({"until": MINUTE}, [5, 1]),
        ({"rule": "explicit"}, [3, 2]),
        ({"rule": "explicit", "source": "upload"}, [2]),
        ({"rule": "x' OR 1=1 --"}, []),
        ({"ref": "00000002"}, [6, 2]),
        ({"source": "proxy"}, []),
        ({"outcome": "pass"}, [6, 4, 3, 1]),
        ({"outcome": "reject"}, [2]),
        ({"outcome": "unavailable"}, [5]),
        ({"outcome": "would-reject"}, [3]),
        ({"outcome": "unscanned"}, [4]),
    ],
    ids=str,
)
def test_rows_are_found_newest_first(path: Path, asked: dict[str, Any], found: list[int]) -> None:
    reader = Reader(path)
    assert ids(reader.rows(**asked)) == found
    if not {"limit", "before", "after"} & {*asked}:
        assert reader.count(**asked) == len(found)


def test_one_is_found_by_its_ref_the_newer_of_two(path: Path) -> None:
    found = Reader(path).get("00000002")
    assert found is not None
    assert found.id == 6
    assert Reader(path).get("ffffffff") is None


def test_the_highest_score_of_each_judged_file(path: Path) -> None:
    assert Reader(path).scores(0) == {"nsfw": {90: 1, 20: 1, 40: 1}, "gore": {30: 1}}
    assert Reader(path).scores(MINUTE + 1) == {"nsfw": {40: 1}, "gore": {30: 1}}


def test_scores_are_rounded_down_to_hundredths_and_counted(tmp_path: Path) -> None:
    scores = [step / 100 for step in range(101)] + [0.849999, 0.85, 0.859999]
    store = Store(tmp_path / "log.db")
    store.append([row(index, scores={"a-b": score}, in_part={"a-b": 0.0}) for index, score in enumerate(scores)])
    store.append([row(999, scores={"a-b": 0.1}, in_part={"a-b": 0.5, "c": 0.7})])
    store.close()
    found = Reader(tmp_path / "log.db").scores(0)
    assert found["a-b"] == dict.fromkeys(range(101), 1) | {84: 2, 85: 3, 50: 2}
    assert found["c"] == {70: 1}


def test_minutes_that_had_any(path: Path) -> None:
    first = int(MINUTE) - 60
    assert Reader(path).by_minute(0) == [(first, 1, 1, 0), (first + 60, 2, 1, 0), (first + 240, 1, 0, 1)]
    assert Reader(path).by_minute(MINUTE + 180) == [(first + 240, 1, 0, 1)]


def test_what_is_asked_finds_what_lies_in_order(path: Path) -> None:
    """No question that the desk asks looks at all rows, those apart that count them all."""
    questions = [
        ("SELECT * FROM verdicts WHERE ref = ?", "verdicts_ref"),
        ("SELECT * FROM verdicts WHERE rule = ? ORDER BY id DESC", "verdicts_rule"),
        ("SELECT * FROM verdicts WHERE at >= ?", "verdicts_at"),
    ]
    with opened(path) as connection:
        for question, index in questions:
            (plan,) = connection.execute(f"EXPLAIN QUERY PLAN {question}", ("x",)).fetchall()
            assert f"USING INDEX {index} " in plan[3]


def test_read_while_it_is_written(path: Path) -> None:
    """Several readers at once, each of which sees whole batches and never fewer rows than before."""
    store, done, faults = Store(path), threading.Event(), []

    def read() -> None:
        seen = len(ROWS)
        while not done.is_set():
            count = len(Reader(path).rows(limit=10_000))
            if count < seen or (count - len(ROWS)) % 50:
                faults.append((seen, count))
            seen = count

    readers = [threading.Thread(target=read) for _ in range(3)]
    for each in readers:
        each.start()
    for start in range(0, 3000, 50):
        store.append([row(number) for number in range(start, start + 50)])
    done.set()
    for each in readers:
        each.join()
    store.close()
    assert faults == []
    assert Reader(path).count() == 3000 + len(ROWS)


def test_read_while_another_writes_for_long(path: Path) -> None:
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM verdicts")
        assert Reader(path).count() == len(ROWS)
        other.execute("ROLLBACK")


def test_nothing_is_written(path: Path) -> None:
    reader = Reader(path)
    with pytest.raises(LogError, match="readonly"):
        reader._ask("DELETE FROM verdicts", ())
    assert reader.count() == len(ROWS)


# What is said


def test_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(NoLog, match=f"there is no log at {tmp_path}/log.db: the filter writes it with"):
        Reader(tmp_path / "log.db").rows()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "log.db").touch()
    with pytest.raises(NoLog, match="is empty: no verdict"):
        Reader(tmp_path / "log.db").rows()


def test_what_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("no database at all\n" * 100)
    with pytest.raises(LogError, match="cannot be read: file is not a database"):
        Reader(tmp_path / "log.db").rows()
    with opened(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(LogError, match="a database of another program"):
        Reader(tmp_path / "other.db").rows()
    (tmp_path / "folder").mkdir()
    with pytest.raises(LogError, match="cannot be read: "):
        Reader(tmp_path / "folder").rows()


def test_a_newer_log(path: Path) -> None:
    with opened(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(LogError, match="newer pictrs-filter"):
        Reader(path).rows()


def test_a_log_that_somebody_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    with opened(path) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LogError, match="cannot be read: database is locked"):
            Reader(path).rows()
