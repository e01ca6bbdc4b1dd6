"""Where a setting stands, and what to write there."""

from __future__ import annotations

from pathlib import Path

from addons.doctor.lines import Lines
from config.load import DEFAULT, load
from tests.addons.doctor.patients import write

TEXT = "mode: shadow\nfailure:\n  decoder: pass\n"


def test_what_is_written_and_what_is_not(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    lines = Lines(load(path, env={}), env={})
    assert lines.place("mode") == f"{path}:1"
    assert lines.place("failure", "decoder") == f"{path}:3"
    assert lines.place("failure", "deadline") == f"{path}:2"
    assert lines.place("listen") == str(path)
    assert lines.change("failure", "decoder", to="refuse") == f"{path}:3: write `decoder: refuse`"
    assert lines.change("failure", "deadline", to="pass") == f"{path}:2: add `deadline: pass` under `failure:`"
    assert lines.change("listen", to="0.0.0.0:1") == f"{path}: add `listen: 0.0.0.0:1`"


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    env = {"PICTRS_FILTER_MODE": "shadow"}
    lines = Lines(load(write(tmp_path, TEXT), env=env), env=env)
    assert lines.place("mode") == "PICTRS_FILTER_MODE"
    assert lines.change("mode", to="enforce") == "in the filter's environment: PICTRS_FILTER_MODE=enforce"


def test_nobody_is_told_to_change_a_file_of_the_program() -> None:
    lines = Lines(load(DEFAULT, env={}), env={})
    assert lines.change("mode", to="shadow") == "in the filter's environment: PICTRS_FILTER_MODE=shadow"
    own = "in a configuration file of your own (--config): `keep_rows: 5` under `audit:`"
    assert lines.change("audit", "keep_rows", to="5") == own


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    config = load(path, env={})
    path.unlink()
    assert Lines(config, env={}).place("mode") == str(path)
