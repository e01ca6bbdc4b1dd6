"""`pictrs-filter presets`: a list, and each as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.admin.cli import main
from config import presets
from config.load import load

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PICTRS_FILTER_CONFIG", raising=False)


def test_one_line_for_each(capsys: Captured) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == presets.names()
    assert all(presets.summary(line.split()[0]) in line for line in lines)
    assert max(map(len, lines)) <= 140


def test_one_copied_out_is_the_same(tmp_path: Path, capsys: Captured) -> None:
    assert main(["presets", "show", "strict"]) == 0
    copy = tmp_path / "filter.yaml"
    copy.write_text(capsys.readouterr().out)
    assert copy.read_bytes() == (presets.FOLDER / "strict.yaml").read_bytes()
    assert load(copy, {}).hash == load(Path("preset:strict"), {}).hash


def test_checked_in_one_step(capsys: Captured) -> None:
    assert main(["check", "preset:shadow"]) == 0
    assert "mode shadow" in capsys.readouterr().out
    assert main(["check", "preset:shado"]) == 1
    assert "did you mean shadow?" in capsys.readouterr().out


def test_one_that_there_is_not(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["presets", "show", "stricter"])
    assert raised.value.code == 2
    assert "invalid choice: 'stricter'" in capsys.readouterr().err
