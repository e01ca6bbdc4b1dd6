"""The log on real disks that are full or may not be written to, and in processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from addons.audit.reader import Reader
from addons.audit.store import Store, StoreError
from tests.addons.audit.rows import refs, row, sound
from tests.running import repository

ORDINARY_USER = 65534
SECONDS = 60.0
BEGIN = """
import os, resource, sys
sys.path.insert(0, ".")
from pathlib import Path
from addons.audit.reader import LogError, Reader
from addons.audit.store import Store, StoreError
from tests.addons.audit.rows import refs, row
path = Path(sys.argv[1])
store = Store(path)
"""
WRITES = """
for number in range(0, 10**9, 100):
    store.append([row(each) for each in range(number, number + 100)])
    store.expire(None, 5000)
    print(number + 100, flush=True)
"""
LIMITED = """
store.append([row(0)])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
written = 1
try:
    while True:
        store.append([row(number) for number in range(written, written + 100)])
        written += 100
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(refs(path)) == written)
store.append([row(written)])
print(len(refs(path)) == written + 1)
store.close()
"""
AS_A_USER = """
import encodings.idna, urllib.parse  # that user may not be able to read the library
if os.geteuid() == 0:
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
for ask in (lambda: store.append([row(1)]), lambda: print(len(Reader(path).rows()))):
    try:
        ask()
    except (StoreError, LogError) as error:
        print(error)
store.close()
"""


def python(script: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BEGIN + script, str(path), str(ORDINARY_USER)]
    return subprocess.Popen(command, cwd=repository(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(script: str, path: Path) -> list[str]:
    """What it prints; it must not fail."""
    with python(script, path) as process:
        out, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, err) == (0, "")
    return out.splitlines()


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """A full disk, as seen from one process (RLIMIT_FSIZE); with room again, it goes on."""
    said, whole, goes_on = lines(LIMITED, tmp_path / "log.db")
    assert "full" in said or "I/O error" in said
    assert (whole, goes_on) == ("True", "True")
    assert sound(tmp_path / "log.db")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 1 MiB. Where none can be mounted, the test above has to do."""
    with tempfile.TemporaryDirectory() as folder:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "pictrs-filter-test", folder]
        try:
            mounted = subprocess.run(mounting, capture_output=True).returncode == 0
        except OSError:
            mounted = False
        if not mounted:
            pytest.skip("no file system may be mounted here")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    path, written = small_disk / "log.db", 0
    with closing(Store(path)) as store:
        with suppress(StoreError):
            while True:
                store.append([row(number) for number in range(written, written + 50)])
                written += 50
        assert written > 500
        assert len(Reader(path).rows(limit=10_000)) == written  # what was written is read, on a disk without room
        for _ in range(3):
            with pytest.raises(StoreError, match=r"full|I/O error"):
                store.append([row(number) for number in range(500)])
        assert len(refs(path)) == written


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    path, filling = small_disk / "log.db", small_disk / "something else"
    with suppress(OSError), filling.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    with closing(Store(path)) as store:
        with pytest.raises(StoreError, match=r"full|I/O error|No space"):
            store.open()
        filling.unlink()
        store.append([row(1)])
        assert refs(path) == ["00000001"]
    assert not [each for each in small_disk.iterdir() if "broken" in each.name]


def test_a_disk_that_may_only_be_read(small_disk: Path) -> None:
    path = small_disk / "log.db"
    with closing(Store(path)) as store:
        store.append([row(1)])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with closing(Store(path)) as store, pytest.raises(StoreError, match=r"readonly database|unable to open|Read-only"):
        store.append([row(2)])
    assert len(Reader(path).rows()) == 1


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of an ordinary user; root may read and write everything."""
    with tempfile.TemporaryDirectory() as made:
        if os.geteuid() == 0:
            os.chown(made, ORDINARY_USER, ORDINARY_USER)
        yield Path(made)


def test_a_folder_that_may_not_be_written_to(home: Path) -> None:
    home.chmod(0o500)
    said, none = lines(AS_A_USER, home / "state" / "log.db")
    assert said == "Permission denied"
    assert none.startswith("there is no log at")


def test_a_log_that_may_not_be_read_or_written(home: Path) -> None:
    assert lines(AS_A_USER, home / "log.db") == ["1"]
    (home / "log.db").chmod(0)
    written, read = lines(AS_A_USER, home / "log.db")
    assert written == "unable to open database file"
    assert "cannot be read: this user may not (run the command as " in read
    (home / "log.db").chmod(0o600)
    assert lines(AS_A_USER, home / "log.db") == ["2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what belongs to others")
def test_root_reads_and_does_not_get_in_the_way(home: Path) -> None:
    """What SQLite puts beside the log for a reader belongs to the log's owner, who writes on."""
    path = home / "log.db"
    assert lines(AS_A_USER, path) == ["1"]
    assert len(Reader(path).rows()) == 1
    assert {each.stat().st_uid for each in home.iterdir()} == {ORDINARY_USER}
    assert lines(AS_A_USER, path) == ["2"]


def test_killed_in_the_midst_of_thousands_of_writes(tmp_path: Path) -> None:
    path, told = tmp_path / "log.db", 0
    for start in range(3):
        with python(WRITES, path) as process:
            assert process.stdout is not None
            for line in process.stdout:
                told = int(line)
                if told >= 3000 * (start + 1):
                    process.kill()
            assert process.wait(SECONDS) == -signal.SIGKILL
        assert sound(path)
        rows = Reader(path).rows(limit=10_000)
        assert len(rows) % 100 == 0  # whole transactions
        assert int(rows[0].ref, 16) + 1 >= told  # and none that was done is missing
        assert rows[0] == replace(row(int(rows[0].ref, 16)), id=rows[0].id)
    with closing(Store(path)) as store:
        store.append([row(1)])
    assert refs(path)[-1] == "00000001"
