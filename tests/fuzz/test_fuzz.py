"""The fuzzer runs, tells how far it is, and ends with 1 and a file when it has found something."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz.fuzz import main, smaller
from tests.fuzz.kept import read, write
from tests.fuzz.novelty import Answers, Lines
from tests.property.harness import Harness, Violation
from tests.property.streams import End, Stream
from tests.property.test_doubles import one_header_too_many
from tests.running import repository

GIVEN_AWAY = b"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: c\r\n\r\n"


def test_a_run_that_finds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--requests", "150", "--seed", "1", "--store", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("seed 1\n")
    for word in ("requests, ", "/s, ", " passed on, ", "refused {400: ", "kinds of answers", "0 violations"):
        assert word in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_finds_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fuzz.fuzz.MOST_VIOLATIONS", 1)
    monkeypatch.setattr("tests.fuzz.fuzz.MOST_TRIES", 4)
    with one_header_too_many():
        assert main(["--requests", "5000", "--seed", "1", "--store", str(tmp_path)]) == 1
        found = [read(file) for file in tmp_path.iterdir()]
        assert found
        with pytest.raises(Violation, match="the field cookie"), Harness() as harness:
            harness.send(found)
    said = capsys.readouterr().out
    assert "VIOLATION: GET" in said or "VIOLATION: POST" in said
    assert "the field cookie" in said
    assert str(tmp_path) in said


def test_what_is_found_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    before = b"GET /image/original/a.png HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n"
    monkeypatch.setattr("tests.fuzz.fuzz.MOST_TRIES", 20)
    with one_header_too_many():
        less = smaller(Stream(before + GIVEN_AWAY, End.ASK))
    assert b"Cookie:" in less.data
    assert len(less.data) < len(before + GIVEN_AWAY) - 10


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    for end in End:
        stored = write(Stream(GIVEN_AWAY, end), tmp_path)
        assert stored.suffix == ".http"
        assert (read(stored).data, read(stored).end) == (GIVEN_AWAY, end)
    named = tmp_path / "A1-by.hand.http"
    named.write_bytes(b"x")
    assert read(named).end is End.ASK


def test_answers_are_new_by_status_and_reason() -> None:
    answers = Answers()
    first = b'HTTP/1.1 400 Bad Request\r\n\r\n{"msg": "refused (ref 01ab)"}'
    assert answers.new(first)
    assert not answers.new(first)
    assert not answers.new(first.replace(b"01ab", b"77ff"))
    assert answers.new(first.replace(b"400", b"404"))
    assert answers.new(first.replace(b"refused", b"not found"))
    assert len(answers) == 4  # two statuses, two reasons


def test_lines_are_new_once() -> None:
    source = compile("a = 1\nb = 2\n", str(repository() / "addons" / "made-up.py"), "exec")
    other = compile("c = 3\n", "elsewhere.py", "exec")
    with Lines() as lines:
        exec(source, {})
        exec(other, {})
        assert lines.new() is (sys.version_info >= (3, 12))
        exec(source, {})
        assert not lines.new()
    assert lines.count <= 3
