"""Room on real file systems, each mounted for one process: large, small, full, without inodes, read-only."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.doctor.disk import disk
from addons.doctor.finding import Finding, Severity
from tests.addons.doctor.patients import elsewhere, patient, root, worst, write

SMALL = "audit: {keep_rows: 1000}\n"
RULE = """\
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
lists: {theirs: {url: 'https://lists.example.org/a.txt'}}
rules: [{name: listed, when: {list: theirs}, action: reject}, {name: x, when: {signal: nsfw, above: 0.9}, action: log}]
"""


def on(folder: Path, options: str, text: str = "", then: str = "") -> list[Finding]:
    """What is found where the state folder is a tmpfs with these options."""
    (folder / "state").mkdir()
    place = folder / "state"
    before = (
        f"subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=700,{options}', 'none', '{place}'], check=True)\n{then}"
    )
    return elsewhere("disk.disk", write(folder, text), before, own_mounts=True)


async def test_here(tmp_path: Path) -> None:
    (found,) = await disk(patient(tmp_path, SMALL))
    assert found.severity is Severity.OK
    assert "at most 4 MiB are needed" in found.what


async def test_nobodys_home(tmp_path: Path) -> None:
    assert await disk(patient(tmp_path, "state_dir: ~nobody-of-that-name/x\n")) == []


@root
def test_too_small_for_the_log(tmp_path: Path) -> None:
    (found,) = on(tmp_path, "size=100m", "audit:\n  keep_rows: 1000000\n")
    assert worst([found]) is Severity.WARNING
    assert "100 MiB free" in found.what
    assert "481 MiB may be needed" in found.what
    assert found.cure.startswith(f"{tmp_path}/filter.yaml:2: write `keep_rows: 160000`")


@root
def test_what_is_told_to_write_is_room_enough(tmp_path: Path) -> None:
    (found,) = on(tmp_path, "size=100m", "audit: {keep_rows: 160000}\n")
    assert found.severity is Severity.OK


@root
def test_what_is_there_of_the_log_counts(tmp_path: Path) -> None:
    log = f"open('{tmp_path}/state/log.db', 'wb').write(bytes(60 << 20))"
    (found,) = on(tmp_path, "size=100m", "audit: {keep_rows: 160000}\n", log)
    assert found.severity is Severity.OK
    assert "40 MiB free" in found.what


@root
def test_lists_of_others_take_room_too(tmp_path: Path) -> None:
    (found,) = on(tmp_path, "size=150m", SMALL + RULE)
    assert found.severity is Severity.WARNING
    assert "196 MiB may be needed" in found.what


@root
@pytest.mark.parametrize(
    ("options", "then", "says"),
    [
        ("size=20m", "open('{}/state/x', 'wb').write(bytes(19 << 20))", "is full"),
        ("size=100m,nr_inodes=3", "[open('{}/state/' + name, 'w') for name in 'ab']", "no inode left"),
        ("size=100m", "subprocess.run(['mount', '-o', 'remount,ro', '{}/state'], check=True)", "read-only"),
    ],
)
def test_nothing_more_can_be_written(tmp_path: Path, options: str, then: str, says: str) -> None:
    (found,) = on(tmp_path, options, SMALL, then.format(tmp_path))
    assert worst([found]) is Severity.WARNING
    assert says in found.what
