"""Which files are in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.admin.calibrate.folder import files_in
from addons.admin.files import Unreadable


def test_all_files_below_in_order_and_once(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/1.jpg", "a.png", "c/d/e/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = files_in([tmp_path, tmp_path / "b"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.png", "b/1.jpg", "b/2.jpg", "c/d/e/notes.txt"]


def test_links_are_not_followed_but_a_folder_that_is_named_may_be_one(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "x.jpg").write_bytes(b"x")
    (inside / "file.jpg").symlink_to(outside / "x.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (tmp_path / "named").symlink_to(outside)
    assert files_in([inside]) == []
    assert files_in([tmp_path / "named"]) == [outside / "x.jpg"]


@pytest.mark.parametrize(("name", "why"), [("file", "it is a file: name the folder"), ("none", "no such folder")])
def test_what_is_no_folder(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unreadable, match=why):
        files_in([tmp_path / name])
