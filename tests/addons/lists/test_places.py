"""Where lists lie, and that a file is replaced whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addons.lists.places import Place, copy_file, lists_folder, own_file, places, read, replace
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


def test_what_is_read_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deny.txt"
    file.write_bytes(b"one two")
    found = read(file, 3)
    assert found is not None
    assert (found[0], found[1].st_size) == (b"one", 7)
    real = os.fstat

    def fstat(handle: int) -> os.stat_result:
        before = real(handle)
        file.write_bytes(b"three")
        return before

    monkeypatch.setattr(os, "fstat", fstat)
    assert read(file, 100) is None


def test_what_is_no_file_is_not_read_and_not_kept_open(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    before = os.listdir("/proc/self/fd")
    for path in (folder, pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match="it is not an ordinary file"):
            read(path, 100)
    assert os.listdir("/proc/self/fd") == before
