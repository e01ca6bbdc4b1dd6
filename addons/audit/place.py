"""Where the log lies: a file that only its owner reads, made when it is missing and moved aside when it is no log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

LOG_NAME = "log.db"
FILE_MODE = 0o600
BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a file in WAL mode (sqlite.org/walformat.html)."""

Identity = tuple[int, int]


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock against other filters that open the log. Where there are no such locks, go on without."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make(path: Path) -> None:
    """An empty file with FILE_MODE, which SQLite gives to those beside it too; nothing where there is one. Or OSError.

    A file that is there is not opened: to close a descriptor of it drops all of SQLite's locks on it
    (sqlite.org/howtocorrupt.html, 2.2).
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))


def identity(path: Path) -> Identity | None:
    """Which file lies there; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def set_aside(path: Path) -> Path:
    """Rename the file, and those beside it, which must not be taken for a new one's. Gives its new name. Or OSError."""
    stem = f"{path}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
    aside = next(each for each in (f"{stem}-{count}" for count in range(1, 10_000)) if not os.path.lexists(each))
    for suffix in (*BESIDE, ""):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    return Path(aside)
