"""Where lists lie, and that a file is replaced whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addons.lists.places import Place, copy_file, lists_folder, own_file, places, replace
from config.listing import ListSpec


def test_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    folder = lists_folder(Path("~/state"))
    assert folder == Path("/home/someone/state/lists")
    specs = {"mine": ListSpec(file="/srv/a.txt", bare="pdq"), "theirs": ListSpec(url="https://h/", bare="pdq")}
    assert places(folder, specs) == {
        "allow": Place(folder / "allow.txt"),
        "deny": Place(folder / "deny.txt"),
        "mine": Place(Path("/srv/a.txt"), "pdq", required=True),
        "theirs": Place(folder / "subscribed" / "theirs.txt"),
    }
    assert copy_file(folder, "theirs") == folder / "subscribed" / "theirs.txt"
    with pytest.raises(ValueError, match="not a list of the administrator's own: theirs"):
        own_file(folder, "theirs")


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "lists" / "deny.txt"
    replace(file, b"one")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"one", 0o600)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(file.parent) == ["deny.txt"]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "kept" / "deny.txt", tmp_path / "deny.txt"
    replace(file, b"one")
    file.chmod(0o640)
    link.symlink_to(file)
    before = file.stat().st_ino
    replace(link, b"two")
    assert link.is_symlink()
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"two", 0o640)
    assert file.stat().st_ino != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_is_its_folders_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 12_345, 54_321)
    replace(tmp_path / "deny.txt", b"one")
    replace(tmp_path / "deny.txt", b"two")
    found = (tmp_path / "deny.txt").stat()
    assert (found.st_uid, found.st_gid) == (12_345, 54_321)


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deny.txt"
    replace(file, b"one")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(file, b"two")
    assert file.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["deny.txt"]
