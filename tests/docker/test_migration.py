"""docker/migration.md with compose: pictrs-safety beside our override, by the lines of the page, and all of it back.

What the two then do before a real pict-rs is in tests/real/test_migration.py. Once: compose reads YAML.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import need_compose
from tests.docker.composed import DOCKER, OVERRIDE, Merged, config, project
from tests.docker.page import blocks, section

pytestmark = pytest.mark.once

PAGE = DOCKER / "migration.md"
FIRST = "1. Both"
HOOK = "http://pictrs-safety:14051/api/v1/scan/IPADDR"
SAFETY = {"image": "ghcr.io/db0/pictrs-safety:v1.2.2", "hostname": "pictrs-safety", "ports": ["14051:14051"]}
"""As its own docker-compose.yml has it, in what matters here."""


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Lemmy's folder with pictrs-safety in it, and our override with the page's lines where the page says."""
    need_compose()
    folder = project(tmp_path, "0.19.20")
    theirs = yaml.safe_load((folder / "docker-compose.yml").read_text())
    theirs["services"]["pictrs-safety"] = SAFETY
    theirs["services"]["pictrs"]["environment"].append(f"PICTRS__MEDIA__EXTERNAL_VALIDATION={HOOK}")
    (folder / "docker-compose.yml").write_text(yaml.safe_dump(theirs))
    return folder


def with_the_pages_lines(folder: Path) -> None:
    (lines,) = blocks(PAGE, FIRST, "yaml")
    assert lines.startswith("services:\n")
    text = OVERRIDE.read_text()
    assert text.count("\nservices:\n") == 1
    (folder / OVERRIDE.name).write_text(text.replace("\nservices:\n", f"\n{lines}"))


def test_without_the_lines_pictrs_does_not_reach_it(both: Path) -> None:
    """So the page says to write them before the override is in force."""
    merged = Merged(both)
    assert (merged.reach("pictrs", "pictrs-safety"), merged.way_out("pictrs")) == (set(), set())
    text = section(PAGE, FIRST)
    assert text.index("**and not step 3 yet**") < text.index("```yaml") < text.index("docker compose up -d")


def test_both_run_together(both: Path) -> None:
    with_the_pages_lines(both)
    merged = Merged(both)
    assert merged.services["pictrs"]["environment"]["PICTRS__MEDIA__EXTERNAL_VALIDATION"] == HOOK
    assert merged.owners("pictrs-safety", "pictrs-only") == ["pictrs-safety"]
    assert merged.reach("pictrs", "pictrs-safety") == {"pictrs-only"}
    assert (merged.way_out("pictrs"), merged.way_out("pictrs-safety")) == (set(), {"default"})  # its worker asks it
    assert merged.owners("pictrs", "default") == ["pictrs-filter"]
    assert merged.published("pictrs-safety") == [("0.0.0.0", "14051", 14051)]


def test_removing_the_override_puts_all_back(both: Path) -> None:
    before = config(both, "-f", "docker-compose.yml")
    with_the_pages_lines(both)
    assert config(both) != before
    (both / OVERRIDE.name).unlink()
    assert config(both) == before
