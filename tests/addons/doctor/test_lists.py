"""Lists: sound, missing, faulty, unreadable, and of others: never had, old, lately not had."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from addons.doctor.finding import Finding, Severity
from addons.doctor.lists import lists
from addons.lists.places import copy_file, lists_folder
from addons.lists.subscriptions import Record
from tests.addons.doctor.patients import AS_NOBODY, elsewhere, open_folder, patient, root, worst, write

URL = "https://lists.example.org/secret-path/list.txt"
HASH = "ab" * 32
NOW = 1_800_000_000.0
POLICY = """\
models: {{nsfw: {{timm: open-nsfw}}}}
signals: {{nsfw: {{model: nsfw, label: nsfw}}}}
lists:
  one: {}
rules: [{{name: a, when: {{list: one}}, action: reject}}, {{name: b, when: {{signal: nsfw, above: 0.9}}, action: log}}]
"""


def known(url: str = URL, **what: Any) -> Record:
    return Record(url, "sha256", **what)


def listed(where: str) -> str:
    return POLICY.format(where)


def followed(folder: Path, record: Record | None) -> str:
    """A list of others, of which that is known."""
    if record is not None:
        copy = copy_file(lists_folder(folder / "state"), "one")
        copy.parent.mkdir(parents=True)
        copy.write_text(f"{HASH}\n")
        copy.with_suffix(".json").write_text(json.dumps(asdict(record)))
    return listed(f"{{url: '{URL}', refresh_minutes: 60}}")


async def looked(folder: Path, text: str) -> list[Finding]:
    found = await lists(patient(folder, text), now=lambda: NOW)
    assert "secret-path" not in str(found)
    return found


async def test_sound_ones(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text(f"{HASH}\n")
    (found,) = await looked(tmp_path, listed(f"{{file: {tmp_path}/own.txt}}"))
    assert found.severity is Severity.OK
    assert found.what == "3 lists with 1 hashes, your own two among them"


async def test_a_file_that_is_missing(tmp_path: Path) -> None:
    found = await looked(tmp_path, listed(f"{{file: {tmp_path}/own.txt}}"))
    assert worst(found) is Severity.ERROR
    assert found[0].what.startswith(f"{tmp_path}/filter.yaml:4: the list one: ")
    assert f"touch {tmp_path}/own.txt" in found[0].cure


async def test_lines_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text(f"{HASH}\nnonsense\n{HASH}\nmore\n")
    found = await looked(tmp_path, listed(f"{{file: {tmp_path}/own.txt}}"))
    assert worst(found) is Severity.WARNING
    assert "2 lines cannot be read" in found[0].what
    assert f"{tmp_path}/own.txt:2 " in found[0].cure


async def test_the_administrators_own(tmp_path: Path) -> None:
    folder = lists_folder(tmp_path / "state")
    folder.mkdir(parents=True)
    (folder / "deny.txt").write_text("nonsense\n")
    found = await looked(tmp_path, "")
    assert worst(found) is Severity.WARNING
    assert "the list deny" in found[0].what


@pytest.mark.parametrize(
    ("record", "severity", "says"),
    [
        (None, Severity.WARNING, "was never had from lists.example.org"),
        (known(asked_at=NOW, fault="no answer"), Severity.WARNING, "example.org; the last answer: no answer"),
        (known("https://other.example/", fetched_at=NOW), Severity.WARNING, "was never had"),
        (known(fetched_at=NOW - 50 * 3600, fault="404"), Severity.WARNING, "is 50 hours old; the last answer: 404"),
        (known(fetched_at=NOW - 7200, fault="404"), Severity.NOTE, "could not be had lately"),
        (known(fetched_at=NOW - 7200), Severity.OK, "3 lists with 1 hashes"),
    ],
)
async def test_those_of_others(tmp_path: Path, record: Record | None, severity: Severity, says: str) -> None:
    found = await looked(tmp_path, followed(tmp_path, record))
    assert worst(found) is severity
    assert says in found[0].what
    assert severity < Severity.WARNING or "pictrs-filter lists sync" in found[0].cure


@root
def test_a_file_of_another_user() -> None:
    with open_folder() as folder:
        (folder / "own.txt").write_text(f"{HASH}\n")
        (folder / "own.txt").chmod(0o600)
        found = elsewhere("lists.lists", write(folder, listed(f"{{file: {folder}/own.txt}}")), AS_NOBODY)
        assert worst(found) is Severity.ERROR
        assert "Permission denied" in found[0].what
        assert "uid 65534" in found[0].cure
