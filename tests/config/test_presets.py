"""The shipped presets: each is sound, says what it is, and is part of the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from config import presets
from config.load import DEFAULT, load
from config.policy import Action
from config.problems import ConfigError
from config.settings import Mode, Settings
from tests.running import repository

HUB = [name for name in presets.names() if name.startswith("hub-")]


def test_those_that_the_manual_names_are_there() -> None:
    assert {"strict", "lenient", "shadow", "hub-marqo"} <= set(presets.names())


@pytest.mark.parametrize("name", presets.names())
def test_is_sound_and_changes_nothing_but_the_mode_and_the_policy(name: str) -> None:
    config = load(Path(f"preset:{name}"), {})
    assert config.path == presets.FOLDER / f"{name}.yaml"
    assert config.settings == Settings(mode=config.settings.mode)
    assert any(rule.action is Action.REJECT for rule in config.policy.rules)


@pytest.mark.parametrize("name", presets.names())
def test_says_for_whom_it_is_where_its_thresholds_come_from_its_licence_and_its_memory(name: str) -> None:
    lines = presets.text(name).splitlines()
    assert lines[0] == f"# {name}: {presets.summary(name)}"
    assert lines[1] == "#"
    assert max(map(len, lines)) <= 120
    for begin in ("# For ", "# Thresholds: ", "# Licence: "):
        assert any(line.startswith(begin) for line in lines), begin
    assert " Memory: " in presets.text(name)


@pytest.mark.parametrize("name", HUB)
def test_thresholds_that_nobody_measured_refuse_nothing_yet_and_no_revision_is_made_up(name: str) -> None:
    config = load(Path(f"preset:{name}"), {})
    assert config.settings.mode is Mode.SHADOW
    assert "Thresholds: unmeasured. Calibrate first, in shadow mode" in presets.text(name)
    for model in config.policy.models.values():
        assert model.timm.startswith("hf-hub:")
        assert model.revision is None
        assert model.labels is not None


def test_strict_refuses_more_than_the_default_and_lenient_less() -> None:
    bounds = [load(path, {}).policy.rules[0].when.at_least for path in map(presets.resolve, paths())]
    assert bounds == sorted(bounds, key=lambda bound: bound or 0)
    assert len(set(bounds)) == 3


def paths() -> list[Path]:
    return [Path("preset:strict"), DEFAULT, Path("preset:lenient")]


def test_by_the_environment() -> None:
    assert load(None, {"PICTRS_FILTER_CONFIG": "preset:shadow"}).settings.mode is Mode.SHADOW


@pytest.mark.parametrize(
    ("name", "hint"), [("strct", "did you mean strict?"), ("", "there is: hub-marqo"), ("../default", "there is: ")]
)
def test_a_preset_that_there_is_not(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(Path(f"preset:{name}"), {})
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"preset:{name}: is not a preset that is shipped ({hint}")
    assert line.endswith("`pictrs-filter presets` lists them)")


def test_they_are_part_of_the_package() -> None:
    project = tomllib.loads((repository() / "pyproject.toml").read_text())
    assert "presets/*.yaml" in project["tool"]["setuptools"]["package-data"]["config"]
