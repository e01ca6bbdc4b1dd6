"""`make bench-recall`: that it measures through the real judge, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import photos, recall
from tests.bench.photos import Photo, photo
from tests.bench.recalled import BEGIN, END, README, Recall, read, rewrite, text
from tests.bench.rows import Found
from tests.bench.transformations import TRANSFORMATIONS
from tests.imagenet import picture

CAT = photo("chelsea", picture("chelsea.png").read_bytes())
CUP = photo("coffee", picture("coffee.png").read_bytes())


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recall, Path]:
    """A run of one cat and one cup, and the folder that it wrote into."""
    folder = tmp_path_factory.mktemp("results")
    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setattr(photos, "cats", lambda _: [CAT, Photo("chelsea, whole again", CAT.file, whole=False)])
        patch.setattr(photos, "ordinary", lambda: [CUP, Photo("rocket", CUP.file)])
        patch.setattr(recall, "TRANSFORMATIONS", [what for what in TRANSFORMATIONS if what.name in CHOSEN])
        assert recall.main(["--out", str(folder)]) == 0
    (path,) = folder.glob("*.json")
    return read(path), path


CHOSEN = (
    "plain: an ordinary PNG",
    "all of it under alpha 0",
    "APNG: the middle one of 300 frames",
    "half as bright",
)


def test_files_go_through_the_real_judge(measured: tuple[Recall, Path]) -> None:
    found = {row.name: row for row in measured[0].rows}
    assert tuple(found) == CHOSEN
    plain, hidden, frame, _ = found.values()
    assert [one.found for one in plain.cats] == [Found.REFUSED, Found.REFUSED]
    assert [one.found for one in plain.ordinary] == [Found.PASSED, Found.PASSED]
    assert plain.cats[0].score > 0.8 > 0.2 > plain.ordinary[0].score
    assert hidden.cats[0].found is Found.REFUSED
    assert hidden.cats[0].views >= 3  # over white, over black, without alpha
    assert frame.cats[0].views >= 2
    assert plain.cats[0].decode_ms > 0 < plain.cats[0].classify_ms
    assert "forbidden" in plain.cats[0].detail


def test_heavy_ones_are_made_of_whole_photographs(measured: tuple[Recall, Path]) -> None:
    assert [len(row.cats) for row in measured[0].rows] == [2, 2, 1, 2]


def test_what_is_written_can_be_read_and_told_again(
    measured: tuple[Recall, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found, path = measured
    assert path.name == f"recall-{found.started}.json"
    assert path.with_suffix(".md").read_text() == text(found) + "\n"
    assert recall.main(["--from", str(path)]) == 0
    assert capsys.readouterr().out == text(found) + "\n"
    assert recall.main(["--from", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(path.read_text())


def test_figures_come_with_what_they_were_measured_with(measured: tuple[Recall, Path]) -> None:
    said = text(measured[0])
    for word in (
        "1 photographs of cats, 1 crops",
        "2 pictures without",
        "pillow ",
        "commit ",
        "load average",
        "0.5 or",
    ):
        assert word in said
    assert measured[0].versions.keys() >= {"pillow", "timm", "torch"}


def test_the_readme_is_rewritten_between_its_marks(
    measured: tuple[Recall, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"a\n{BEGIN}\nold\n{END}\nb\n")
    monkeypatch.setattr(recall, "README", readme)
    assert recall.main(["--from", str(measured[1]), "--readme"]) == 0
    assert readme.read_text() == f"a\n{BEGIN}\n\n{text(measured[0])}\n\n{END}\nb\n"


@pytest.mark.parametrize("readme", ["", BEGIN, END, f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_readme_without_the_marks_is_not_touched(readme: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        rewrite(readme, "")


def test_the_table_of_the_readme_has_all_that_can_be_judged() -> None:
    part = README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    names = [line.split(" | ")[0].removeprefix("| ") for line in part.splitlines() if line.startswith("| ")]
    listed = [name for name in names if not name.startswith("**")][1:]
    assert listed == [what.name for what in TRANSFORMATIONS if what.media.judged], "make bench-recall README=1"


def test_without_photographs_it_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recall.main(["--photos", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "make bench-recall" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_only_and_quick_choose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[int, int, int]] = []

    async def measure(chosen: list[object], cats: list[object], ordinary: list[object], _: object) -> list[object]:
        asked.append((len(chosen), len(cats), len(ordinary)))
        raise ValueError("enough")

    monkeypatch.setattr(recall, "measure", measure)
    monkeypatch.setattr(photos, "cats", lambda _: [CAT, Photo("a crop", CAT.file, whole=False)])
    monkeypatch.setattr(photos, "ordinary", lambda: [CUP] * 9)
    for options in ([], ["--quick"], ["--only", "degrees"]):
        assert recall.main([*options, "--out", str(tmp_path)]) == 1
    assert asked == [(len(TRANSFORMATIONS), 2, 9), (len(TRANSFORMATIONS), 1, 6), (3, 2, 9)]
    assert list(tmp_path.iterdir()) == []


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        recall.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for word in ("--quick", "--only", "--json", "--readme", "--from", "--photos", "wrongly refused", "Exit codes"):
        assert word in said


def test_an_older_file_without_a_gpu_is_read(measured: tuple[Recall, Path], tmp_path: Path) -> None:
    raw = json.loads(measured[1].read_text())
    del raw["machine"]["gpu"]
    older = tmp_path / "older.json"
    older.write_text(json.dumps(raw))
    assert read(older).machine.gpu == ""
