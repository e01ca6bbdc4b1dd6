"""What is in the wheel and in the sdist: all of it, and nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from email import message_from_bytes
from typing import Any

import pytest

from tests.release.built import Built
from tests.release.sbom import project

pytestmark = pytest.mark.once  # what setuptools packs does not change with the Python that asks it to

FLOORS = ("addons/", "model/", "config/")
NOT_INSTALLED = ("/ruff.toml",)
"""Of the three floors, what only those need who work on it."""
MADE_BY_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}


def test_the_wheel_has_the_three_floors_with_their_data(built: Built, record_property: Any) -> None:
    record_property("figures", f"wheel {built.wheel.stat().st_size} bytes, sdist {built.sdist.stat().st_size} bytes")
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {name for name in built.files if name.startswith(FLOORS) and not name.endswith(NOT_INSTALLED)}
    assert names == expected
    for data in (
        "config/default.yaml",
        "config/presets/strict.yaml",
        "model/card.png",
        "model/placeholder.png",
        "addons/page/templates/status.html",
        "addons/page/static/page.css",
    ):
        assert data in names


def test_the_wheel_describes_itself(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        inside = {name.partition("/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        told = message_from_bytes(archive.read(inside["METADATA"]))
        entry = archive.read(inside["entry_points.txt"]).decode()
    assert "licenses/LICENSE" in inside
    assert entry.split() == ["[console_scripts]", "pictrs-filter", "=", "addons.admin.program:main"]
    assert (told["Name"], told["Version"]) == ("pictrs-filter", project()["version"])
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Requires-Python"] == ">=3.11"
    assert told["Description-Content-Type"] == "text/markdown"
    assert {url.partition(",")[0] for url in told.get_all("Project-URL", [])} >= {"Source", "Changelog"}
    assert built.wheel.name == f"pictrs_filter-{told['Version']}-py3-none-any.whl"


def test_the_sdist_is_the_repository(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        members = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {name for name in members - MADE_BY_SETUPTOOLS if ".egg-info/" not in name} == built.files
