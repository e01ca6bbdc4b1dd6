"""The state folder: real users, modes, mounts. Nothing is ever made in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addons.doctor.finding import Finding, Severity
from addons.doctor.state import state
from addons.state import load_key
from tests.addons.doctor.patients import AS_NOBODY, NOBODY, elsewhere, open_folder, patient, root, worst, write

ON_TMPFS = "subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=700', 'none', '{}'], check=True)"
READ_ONLY = "subprocess.run(['mount', '--bind', '-o', 'ro', '{0}', '{0}'], check=True)"


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


async def looked(folder: Path, text: str = "") -> list[Finding]:
    before = everything(folder)
    found = await state(patient(folder, text))
    assert before | {folder / "filter.yaml"} == everything(folder)
    return found


@pytest.fixture
def keyed(tmp_path: Path) -> Path:
    load_key(tmp_path / "state")
    return tmp_path


async def test_a_sound_one(keyed: Path) -> None:
    (found,) = await looked(keyed)
    assert found.severity is Severity.OK
    assert "has a key" in found.what


async def test_one_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    (found,) = await looked(tmp_path, f"state_dir: {tmp_path}/a/b/c\n")
    assert found.severity is Severity.OK
    assert "no key yet" in found.what


async def test_a_key_that_others_read(keyed: Path) -> None:
    (keyed / "state" / "key").chmod(0o640)
    found = await looked(keyed)
    assert worst(found) is Severity.ERROR
    assert found[0].cure == f"run chmod 600 {keyed}/state/key"


async def test_a_key_that_is_none(keyed: Path) -> None:
    (keyed / "state" / "key").write_text("abc")
    found = await looked(keyed)
    assert worst(found) is Severity.ERROR
    assert "abc" not in found[0].what
    assert found[0].cure.startswith("restore it, or delete it")


async def test_a_link_to_no_key(keyed: Path) -> None:
    (keyed / "state" / "key").unlink()
    (keyed / "state" / "key").symlink_to(keyed / "nowhere")
    assert worst(await looked(keyed)) is Severity.ERROR


async def test_a_folder_that_everybody_writes_to(keyed: Path) -> None:
    (keyed / "state").chmod(0o1777)
    (found,) = await looked(keyed)
    assert found.severity is Severity.ERROR
    assert found.cure == f"run `chmod o-w {keyed}/state`"


async def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    (found,) = await looked(tmp_path)
    assert (found.severity, found.what) == (Severity.ERROR, f"{tmp_path}/state is no folder")


async def test_logs_that_were_set_aside(keyed: Path) -> None:
    (keyed / "state" / "log.db.broken-20260101-000000-1").write_bytes(b"x" * 2**20)
    (found,) = await looked(keyed)
    assert found.severity is Severity.NOTE
    assert "1.0 MiB" in found.what


async def test_nobodys_home(tmp_path: Path) -> None:
    found = await looked(tmp_path, "state_dir: ~nobody-of-that-name/state\n")
    assert worst(found) is Severity.ERROR
    assert "state_dir: /var/lib/pictrs-filter" in found[0].cure


@root
def test_a_folder_of_another_user() -> None:
    with open_folder() as folder:
        load_key(folder / "state")
        config = write(folder)
        (found,) = elsewhere("state.state", config, AS_NOBODY)
        assert found.severity is Severity.ERROR
        assert f"uid {NOBODY}" in found.what
        assert f"install -d -m 700 -o {NOBODY}" in found.cure
        (folder / "state").chmod(0o755)
        both = elsewhere("state.state", config, AS_NOBODY)
        assert [each.severity for each in both] == [Severity.WARNING, Severity.ERROR]
        assert both[1].cure == f"run `chown {NOBODY} {folder}/state/key` as root"


@root
def test_a_parent_of_another_user() -> None:
    with open_folder() as folder:
        (found,) = elsewhere("state.state", write(folder), AS_NOBODY)
        assert found.severity is Severity.ERROR
        assert "cannot be made by this user" in found.what


@root
async def test_root_is_told_whose_it_is() -> None:
    with open_folder() as folder:
        load_key(folder / "state")
        for path in (folder / "state", folder / "state" / "key"):
            os.chown(path, NOBODY, NOBODY)
        (found,) = await state(patient(folder))
        assert found.severity is Severity.NOTE
        assert f"sudo -u '#{NOBODY}'" in found.cure
        (found,) = elsewhere("state.state", write(folder), AS_NOBODY)
        assert found.severity is Severity.OK


@root
def test_a_key_of_a_stranger() -> None:
    with open_folder() as folder:
        load_key(folder / "state")
        os.chown(folder / "state" / "key", 12345, 12345)
        (found,) = elsewhere("state.state", write(folder))
        assert found.severity is Severity.WARNING
        assert "12345" in found.what


@root
def test_one_that_is_gone_after_a_restart() -> None:
    with open_folder() as folder:
        (folder / "state").mkdir()
        (found,) = elsewhere("state.state", write(folder), ON_TMPFS.format(folder / "state"), own_mounts=True)
        assert found.severity is Severity.WARNING
        assert "tmpfs" in found.what
        assert f"volumes: [pictrs-filter-state:{folder}/state]" in found.cure


@root
@pytest.mark.parametrize(("key", "severity"), [(True, Severity.WARNING), (False, Severity.ERROR)])
def test_one_that_cannot_be_written(key: bool, severity: Severity) -> None:
    with open_folder() as folder:
        place = folder / "state"
        load_key(place) if key else place.mkdir()
        (found,) = elsewhere("state.state", write(folder), READ_ONLY.format(place), own_mounts=True)
        assert found.severity is severity
        assert "Read-only" in found.what
