"""`pictrs-filter log`, on a log that is there, that is written meanwhile, and that is not there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.admin import log as module
from addons.admin.cli import main
from addons.admin.log import Asked, follow, listed, show
from addons.audit.store import Store
from config.settings import Settings
from tests.addons.audit.rows import AT, REJECT, row
from tests.running import repository
from tests.served import own_file

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=str(tmp_path))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "log.db")


def fill(store: Store, *numbers: int) -> None:
    store.append([row(number, at=AT + number) for number in numbers])
    store.close()


def shown(out: str) -> list[int]:
    """The refs of the lines."""
    return [int(found, 16) for found in re.findall(r"  ([0-9a-f]{8})  fetch ", out)]


def test_newest_first_and_no_more_than_asked(settings: Settings, store: Store, capsys: Captured) -> None:
    fill(store, *range(10))
    assert listed(settings, Asked(limit=3), as_json=False) == 0
    assert shown(capsys.readouterr().out) == [9, 8, 7]


def test_however_many_there_are(
    settings: Settings, store: Store, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_ROWS", 3)
    fill(store, *range(10))
    for limit, expected in ((100, 10), (10, 10), (9, 9), (7, 7), (3, 3)):
        assert listed(settings, Asked(limit=limit), as_json=False) == 0
        assert shown(capsys.readouterr().out) == [*range(9, 9 - expected, -1)]


def test_what_is_asked_arrives(settings: Settings, store: Store, capsys: Captured) -> None:
    store.append([row(20, outcome=REJECT, strict=REJECT, rule="explicit", at=AT)])
    fill(store, *range(3))
    for asked in (
        Asked(rule="explicit"),
        Asked(outcome="reject"),
        Asked(ref="00000014"),
        Asked(until=AT + 0.5, since=AT, rule="explicit"),
    ):
        assert listed(settings, asked, as_json=False) == 0
        assert shown(capsys.readouterr().out) == [20]
    assert listed(settings, Asked(source="hook"), as_json=False) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "pictrs-filter: the log has no such verdict\n")


def test_json_lines(settings: Settings, store: Store, capsys: Captured) -> None:
    fill(store, 1, 2)
    assert listed(settings, Asked(), as_json=True) == 0
    assert [json.loads(line)["ref"] for line in capsys.readouterr().out.splitlines()] == ["00000002", "00000001"]


def test_one_verdict(settings: Settings, store: Store, capsys: Captured) -> None:
    fill(store, 1, 2)
    assert show(settings, "00000001", as_json=False) == 0
    assert "  pictrs-filter allow 00000001 --note" in capsys.readouterr().out
    assert show(settings, "00000001", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["stage_ms"] == {"decode": 12.5, "classify": 200.1}
    assert show(settings, "ffffffff", as_json=False) == 1
    assert capsys.readouterr().err.startswith("pictrs-filter: no verdict with ref ffffffff is in ")


def script(*steps: Callable[[], object]) -> Callable[[float], object]:
    """In place of waiting: one step after the other, then Ctrl-C."""
    left = [*steps]

    def wait(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    return wait


def test_following(settings: Settings, store: Store, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_ROWS", 3)
    fill(store, *range(5))
    steps = (lambda: fill(store, 5), lambda: None, lambda: fill(store, *range(6, 14)))
    with pytest.raises(KeyboardInterrupt):
        follow(settings, Asked(limit=2), as_json=False, wait=script(*steps))
    assert shown(capsys.readouterr().out) == [3, 4, *range(5, 14)]


def test_following_what_is_asked_alone(settings: Settings, store: Store, capsys: Captured) -> None:
    fill(store, 1)
    steps = (lambda: store.append([row(7, rule="explicit"), row(8)]), lambda: fill(store, 9))
    with pytest.raises(KeyboardInterrupt):
        follow(settings, Asked(rule="explicit"), as_json=True, wait=script(*steps))
    assert [json.loads(line)["ref"] for line in capsys.readouterr().out.splitlines()] == ["00000007"]


def test_without_a_log(settings: Settings, tmp_path: Path, capsys: Captured) -> None:
    asks: list[Callable[[], int]] = [
        lambda: listed(settings, Asked(), as_json=False),
        lambda: follow(settings, Asked(), as_json=False),
        lambda: show(settings, "00000001", as_json=False),
    ]
    for ask in asks:
        assert ask() == 1
        assert capsys.readouterr().err.startswith(f"pictrs-filter: there is no log at {tmp_path}/log.db: ")
    off = settings.model_copy(update={"audit": settings.audit.model_copy(update={"keep_rows": 0})})
    assert show(off, "00000001", as_json=False) == 1
    assert "(but audit.keep_rows is 0: no log is written)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_from_the_command_line(tmp_path: Path, capsys: Captured) -> None:
    file = own_file(tmp_path)
    fill(Store(tmp_path / "state" / "log.db"), 1, 2)
    assert main(["log", "--config", str(file), "--limit", "1"]) == 0
    assert shown(capsys.readouterr().out) == [2]
    assert main(["log", "--config", str(file), "show", "00000001"]) == 0
    assert capsys.readouterr().out.startswith("ref         00000001\n")


def test_following_from_the_command_line_until_interrupted(tmp_path: Path) -> None:
    file, store = own_file(tmp_path), Store(tmp_path / "state" / "log.db")
    fill(store, 1)
    command = [sys.executable, "-m", "addons.admin.cli", "log", "--config", str(file), "--follow"]
    variables = {**os.environ, "PYTHONUNBUFFERED": ""}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
    with subprocess.Popen(
        command, cwd=repository(), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        signal.signal(signal.SIGINT, before)
        assert running.stdout
        assert shown(running.stdout.readline()) == [1]
        fill(store, 2)
        assert shown(running.stdout.readline()) == [2]
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
        assert (running.returncode, err) == (130, "")
