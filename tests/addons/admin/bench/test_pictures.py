"""The pictures that are measured with."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.admin.bench.pictures import ORDINARY, Pictures, drawn, given
from addons.admin.files import Unreadable
from model.photograph import THUMBNAIL, UPLOAD


def test_drawn_ones_differ() -> None:
    small, ordinary = drawn([(THUMBNAIL, 3), (UPLOAD, 1)])
    assert (small.title, small.ordinary, ordinary.ordinary) == ("thumbnail, 400 x 300", False, True)
    assert len(set(small.files)) == 3
    assert small.mean_bytes == round(sum(map(len, small.files)) / 3)
    assert ORDINARY is UPLOAD


def test_named_ones_are_ordinary(tmp_path: Path) -> None:
    (tmp_path / "a\n.jpg").write_bytes(b"12")
    (tmp_path / "b.jpg").write_bytes(b"1234")
    paths = [tmp_path / "a\n.jpg", tmp_path / "b.jpg"]
    (two,) = given(paths, 4)
    assert two == Pictures("your 2 files", (b"12", b"1234"), (f"{tmp_path}/a\\n.jpg", str(paths[1])), True)
    assert two.mean_bytes == 3
    assert given(paths[:1], 4)[0].title == "a\\n.jpg"


def test_what_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(b"12345")
    for path, why in ((tmp_path, "it is a folder"), (tmp_path / "b.jpg", "5 bytes are more than limits.max_file_mib")):
        with pytest.raises(Unreadable, match=f"^{path}: cannot be read: {why}"):
            given([path], 4)
