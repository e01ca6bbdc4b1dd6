"""The file of scores: what is kept, what is not, and what becomes of it when things break."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.admin.calibrate.scores import Scored, Scores, ScoresError, path_for, pipeline
from tests.addons.admin.calibrate.pictures import NOWHERE, with_rules
from tests.running import config

A = Scored("a" * 64, {"nsfw": 0.25}, {"nsfw": 0.5})
B = Scored("b" * 64, {"nsfw": 0.125})
BROKEN = Scored("c" * 64, cause="undecodable")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calibration" / "scores.jsonl"


def test_what_was_kept_is_there_again(path: Path) -> None:
    with Scores(path, "p") as scores:
        for one in (A, B, BROKEN):
            scores.add(one)
    with Scores(path, "p") as scores:
        assert [scores.get(one.sha256) for one in (A, B, BROKEN)] == [A, B, BROKEN]
        assert scores.get("d" * 64) is None
        assert len(scores) == 3
    assert path.stat().st_mode & 0o077 == 0


def test_only_hashes_and_scores_are_in_it(path: Path) -> None:
    with Scores(path, "p") as scores:
        scores.add(A)
    _, line = map(json.loads, path.read_text().splitlines())
    assert line == {"sha256": A.sha256, "scores": {"nsfw": 0.25}, "in_part": {"nsfw": 0.5}}


def test_a_failure_that_passes_is_tried_again(path: Path) -> None:
    with Scores(path, "p") as scores:
        for cause in ("deadline", "classifier", "decoder"):
            scores.add(Scored(cause, cause=cause))
    with Scores(path, "p") as scores:
        assert len(scores) == 0


def test_a_line_is_there_as_soon_as_it_is_added(path: Path) -> None:
    with Scores(path, "p") as scores:
        scores.add(A)
        assert path.read_text().count("\n") == 2


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_torn_last_line_is_dropped(path: Path, cut: int) -> None:
    with Scores(path, "p") as scores:
        scores.add(A)
        scores.add(B)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Scores(path, "p") as scores:
        assert scores.get(A.sha256) == A
        assert scores.get(B.sha256) is None
        scores.add(B)
    assert path.read_bytes() == whole


def test_fresh_forgets(path: Path) -> None:
    with Scores(path, "p") as scores:
        scores.add(A)
    with Scores(path, "p", fresh=True) as scores:
        assert len(scores) == 0
        scores.add(B)
    with Scores(path, "p") as scores:
        assert (scores.get(A.sha256), scores.get(B.sha256)) == (None, B)


def test_another_pipeline_is_not_mixed_in(path: Path) -> None:
    with Scores(path, "p"):
        pass
    with pytest.raises(ScoresError, match="another version or policy: --fresh"):
        Scores(path, "q").__enter__()


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "{}",
        '{"sha256":"a","scores":{"nsfw":2}}',
        '{"sha256":"a","scores":{"nsfw":NaN}}',
        '{"sha256":"a","cause":"odd"}',
    ],
)
def test_a_damaged_file_is_told(path: Path, line: str) -> None:
    with Scores(path, "p"):
        pass
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ScoresError, match=r"is damaged .*: --fresh begins it anew"):
        Scores(path, "p").__enter__()
    with Scores(path, "p", fresh=True) as scores:
        assert len(scores) == 0


def test_one_program_at_a_time(path: Path) -> None:
    with Scores(path, "p"), pytest.raises(ScoresError, match="another calibration is at work"):
        Scores(path, "p").__enter__()
    with Scores(path, "p") as scores:
        scores.add(A)


def test_a_full_disk_takes_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    room = 10

    def full(file: int, data: bytes, at: int) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written, room = real(file, data[:room], at), 0
        return written

    with Scores(path, "p") as scores:
        scores.add(A)
        before = path.read_bytes()
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(ScoresError, match="cannot be written: No space left on device; what was scored is kept"):
            scores.add(B)
        assert path.read_bytes() == before
        assert scores.get(B.sha256) is None


def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ScoresError, match="cannot be written: File exists"):
        Scores(tmp_path / "file" / "scores.jsonl", "p").__enter__()


LOWER = {"name": "r", "when": {"signal": "nsfw", "at_least": 0.5}, "action": "reject"}
HIGHER = {"name": "s", "when": {"signal": "nsfw", "at_least": 0.9}, "action": "reject"}


def test_a_changed_threshold_costs_nothing() -> None:
    assert pipeline(with_rules(LOWER)) == pipeline(with_rules(HIGHER))


@pytest.mark.parametrize(
    "settings", [{"normalise": True}, {"views": {"tiles": False}}, {"limits": {"max_side_pixels": 5000}}]
)
def test_a_changed_way_of_looking_begins_anew(settings: dict[str, Any]) -> None:
    assert path_for(config(NOWHERE, **settings)) != path_for(config(NOWHERE))


def test_another_model_begins_anew() -> None:
    shipped = config(NOWHERE)
    model = shipped.policy.models["nsfw"].model_copy(update={"timm": "hf-hub:a/b"})
    other = replace(shipped, policy=shipped.policy.model_copy(update={"models": {"nsfw": model}}))
    assert pipeline(other) != pipeline(shipped)


def test_they_are_in_the_state_folder(tmp_path: Path) -> None:
    assert path_for(config(NOWHERE, state_dir=str(tmp_path))).parent == tmp_path / "calibration"
