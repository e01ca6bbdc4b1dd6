"""`pictrs-filter calibrate`: figures on standard output, the rest on standard error, faults in words."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from addons.admin.calibrate.calibrate import Asked, from_folders, from_log
from addons.admin.calibrate.scores import path_for
from addons.inspection import Judging
from config.load import Config
from config.settings import Mode
from model.card import plain
from model.errors import ModelError
from tests.addons.admin.calibrate.pictures import NOWHERE, with_rules
from tests.addons.admin.calibrate.test_logged import Log, Row
from tests.addons.admin.calibrate.test_scorer import Judge, files
from tests.running import config

Captured = pytest.CaptureFixture[str]


def run(state: Path, *folders: Path, judge: Judge | None = None, **asked: Any) -> int:
    """The command with a fake judge. Gives its exit code."""

    async def start(used: Config) -> Judging:
        assert used.settings.mode is Mode.SHADOW
        return judge or Judge()

    fresh = asked.pop("fresh", False)
    found = asked.pop("config", None) or config(NOWHERE, state_dir=str(state))
    return asyncio.run(
        from_folders(found, folders, Asked(asked.pop("target", 0.001), **asked), fresh=fresh, start=start)
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    files(folder, a="0.1", b="0.9", c="text")
    return folder


def test_figures_and_the_worst_files(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    assert run(tmp_path, photos) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"pictures in {photos}; policy ")
    assert "3 files; without scores: no picture of a format that is judged: 1\n" in said.out
    assert "2 pictures cannot show 0.1 %" in said.out
    assert said.out.rstrip().splitlines()[-2:] == [
        f"   0.9000  in a part  0.5000  {photos}/b.jpg",
        f"   0.1000  in a part  0.5000  {photos}/a.jpg",
    ]
    assert said.err.startswith("loading open-nsfw (configuration: ")


def test_a_second_run_goes_on(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    run(tmp_path, photos)
    first = capsys.readouterr()
    again, fresh = Judge(), Judge()
    assert run(tmp_path, photos, judge=again) == 0
    second = capsys.readouterr()
    assert again.seen == []
    assert second.out == first.out
    assert "going on: 3 files are known from before" in second.err
    run(tmp_path, photos, judge=fresh, fresh=True)
    assert len(fresh.seen) == 3


def test_no_name_is_kept_or_in_the_page(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    report = tmp_path / "report.html"
    assert run(tmp_path, photos, report=report) == 0
    assert "b.jpg" in capsys.readouterr().out
    kept = path_for(config(NOWHERE, state_dir=str(tmp_path))).read_text()
    for text in (kept, report.read_text()):
        assert text
        assert ".jpg" not in text
    assert "photos" not in kept


def test_json(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    assert run(tmp_path, photos, as_json=True, show=1, target=0.5) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["worst"] == {"nsfw": [{"file": f"{photos}/b.jpg", "whole": 0.9, "in_part": 0.5}]}
    assert found["signals"][0]["proposal"]["target"] == 0.5
    assert found["advice"]["nsfw"][0].startswith("2 pictures cannot show 50 %: ")


def test_show_0_names_none(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    assert run(tmp_path, photos, show=0) == 0
    assert ".jpg" not in capsys.readouterr().out


FAULTS = [
    ("missing", "missing: there is no such folder"),
    ("empty", "there are no files in what you named"),
    ("texts", "none of 1 files has a score (no picture of a format that is judged: 1)"),
]


@pytest.mark.parametrize(("folder", "said"), FAULTS)
def test_nothing_to_calibrate_with(tmp_path: Path, capsys: Captured, folder: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    files(tmp_path / "texts", c="text")
    assert run(tmp_path, tmp_path / folder) == 1
    told = capsys.readouterr()
    assert told.err.splitlines()[-1].startswith("pictrs-filter: ")
    assert told.err.endswith(f"{said}\n")
    assert told.out == ""


def test_a_policy_without_lower_bounds(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    rule = {"name": "r", "when": {"signal": "nsfw", "below": 0.1}, "action": "log"}
    judge = Judge()
    assert run(tmp_path, photos, judge=judge, config=with_rules(rule, mode="shadow")) == 1
    assert "asks for at least a score" in capsys.readouterr().err
    assert judge.seen == []


def test_a_page_that_cannot_be_written_is_told_first(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    judge = Judge()
    for report in (tmp_path / "none" / "r.html", photos):
        assert run(tmp_path, photos, judge=judge, report=report) == 1
        assert f"{report} cannot be written: name a file in a folder that is yours" in capsys.readouterr().err
    assert judge.seen == []


def test_scores_that_cannot_be_kept(
    tmp_path: Path, photos: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert run(tmp_path, photos) == 1
    assert "cannot be written: No space left on device; what was scored is kept" in capsys.readouterr().err


def test_a_model_that_cannot_be_had(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    async def start(_: Config) -> Judging:
        raise ModelError("no such model")

    found = config(NOWHERE, state_dir=str(tmp_path))
    assert asyncio.run(from_folders(found, [photos], Asked(0.001), start=start)) == 1
    assert capsys.readouterr().err.endswith("pictrs-filter: no such model\n")


def test_an_interruption_says_how_to_go_on(tmp_path: Path, photos: Path, capsys: Captured) -> None:
    async def interrupted() -> None:
        class Slow(Judge):
            async def judge(self, *_: Any) -> Any:
                task.cancel()
                await asyncio.sleep(30)

        async def start(_: Config) -> Judging:
            return Slow()

        command = from_folders(config(NOWHERE, state_dir=str(tmp_path)), [photos], Asked(0.001), start=start)
        task = asyncio.create_task(command)
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert capsys.readouterr().err.endswith("interrupted; 0 files are scored, run it again to go on\n")


def test_from_the_log(capsys: Captured) -> None:
    rows = [Row(1), Row(2, scores={"nsfw": 0.9}), Row(3, cached=True)]
    log = Log(*rows)
    assert from_log(config(NOWHERE), log, 86_400.0, Asked(0.5)) == 0
    said = capsys.readouterr().out
    assert said.startswith("verdicts of the last 1 days; policy ")
    assert "3 files; without scores: judged before, and counted then: 1\n" in said
    assert "note: the log has everybody's pictures" in said
    assert "look at these" not in said


def test_an_empty_log(capsys: Captured) -> None:
    assert from_log(config(NOWHERE), Log(), 86_400.0, Asked(0.5)) == 1
    assert capsys.readouterr().err == "pictrs-filter: none of 0 files has a score (there are none)\n"


def test_with_the_real_model(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "plain.jpg").write_bytes(plain())
    (folder / "half.jpg").write_bytes(plain()[:5000])
    (folder / "notes.txt").write_text("not a picture")
    found = config(NOWHERE, state_dir=str(tmp_path))
    assert asyncio.run(from_folders(found, [folder], Asked(0.001, as_json=True))) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["skipped"] == {"undecodable": 1, "unsupported": 1}
    (worst,) = said["worst"]["nsfw"]
    assert worst["file"] == f"{folder}/plain.jpg"
    assert 0 < worst["whole"] < 0.1
    assert 0 < worst["in_part"] < 0.1
