"""The promise of CHANGELOG.md: what was a sound configuration of a released version is one today, and means the same.

released/VERSION/ has each version's default.yaml, its presets, and one of each kind that it took (good/, as they were);
policies.json says what their policies were: a hash that no later option changes (config/load.py). A default that is
changed on purpose changes lines of it, and is told in CHANGELOG.md.

    python -m tests.config.test_released    # once, for a new version: writes the policies.json that is missing
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from config.load import load
from config.presets import names
from tests.running import repository

RELEASED = Path(__file__).with_name("released")
VERSIONS = sorted(folder.name for folder in RELEASED.iterdir())
FILES = sorted(RELEASED.rglob("*.yaml"))


def policy_of(file: Path) -> dict[str, str]:
    """What the configuration says today: its mode, and the hash of models, signals, lists and rules."""
    config = load(file, {})
    return {"mode": config.settings.mode.value, "policy": config.hash}


def of_today(version: str) -> dict[str, dict[str, str]]:
    """The same of all files of a version, by their path within its folder."""
    folder = RELEASED / version
    return {str(file.relative_to(folder)): policy_of(file) for file in FILES if folder in file.parents}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_configuration_means_what_it_meant(version: str) -> None:
    assert of_today(version) == json.loads((RELEASED / version / "policies.json").read_text("utf-8"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_preset_that_was_shipped_still_is(version: str) -> None:
    assert {file.stem for file in (RELEASED / version / "presets").iterdir()} <= set(names())


def test_every_release_has_its_configurations() -> None:
    changelog = (repository() / "CHANGELOG.md").read_text("utf-8")
    told = re.findall(r"(?m)^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changelog)
    assert set(told) <= set(VERSIONS)
    version = tomllib.loads((repository() / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert version in VERSIONS, "it is what the next release is called, and its files are kept from now on"
    assert len(re.findall(r"(?m)^## \[Unreleased\]$", changelog)) == 1


if __name__ == "__main__":
    for name in VERSIONS:
        kept = RELEASED / name / "policies.json"
        if not kept.exists():
            kept.write_text(json.dumps(of_today(name), indent=1, sort_keys=True) + "\n", "utf-8")
