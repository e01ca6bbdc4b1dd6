from __future__ import annotations

import os
from pathlib import Path

import pytest

from addons.admin.files import Unreadable, printable, read_file


def test_a_file_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"12345")
    assert read_file(file, 5) == b"12345"
    with pytest.raises(Unreadable, match=r"5 bytes are more than limits\.max_file_mib"):
        read_file(file, 4)


def test_what_cannot_be_read_is_told_in_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (("none", "No such file"), ("", "it is a folder"), ("pipe", "not an ordinary file")):
        with pytest.raises(Unreadable, match=words):
            read_file(tmp_path / path, 10)


def test_a_name_does_nothing_to_a_terminal() -> None:
    assert printable("a\x1b[2J\nb.jpg") == "a\\x1b[2J\\nb.jpg"
