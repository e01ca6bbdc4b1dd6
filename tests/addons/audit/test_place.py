"""Where the log lies: who may read it, which file it is, and where a broken one goes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from addons.audit.place import alone, identity, make, set_aside


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make(tmp_path / "log.db")
    finally:
        os.umask(before)
    assert (tmp_path / "log.db").stat().st_mode & 0o777 == 0o600


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_text("kept")
    path.chmod(0o640)
    make(path)
    assert path.read_text() == "kept"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_is_told_from_its_successor(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    assert identity(path) is None
    make(path)
    first = identity(path)
    assert first is not None
    path.rename(tmp_path / "old")
    make(path)
    assert identity(path) not in (None, first)


def test_files_are_set_aside_together_and_never_over_one_another(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    names = set()
    for content in ("first", "second"):
        for suffix in ("", "-wal"):
            Path(f"{path}{suffix}").write_text(content)
        aside = set_aside(path)
        assert aside.name.startswith("log.db.broken-2")
        assert (aside.read_text(), Path(f"{aside}-wal").read_text()) == (content, content)
        names.add(aside)
    assert len(names) == 2
    assert len(list(tmp_path.iterdir())) == 4


def test_one_at_a_time(tmp_path: Path) -> None:
    done = threading.Event()

    def wait() -> None:
        with alone(tmp_path):
            done.set()

    other = threading.Thread(target=wait)
    with alone(tmp_path):
        other.start()
        assert not done.wait(0.1)
    assert done.wait(10)
    other.join()
