"""Pictures that the administrator names: read whole, or a sentence why not."""

from __future__ import annotations

import stat
from pathlib import Path


class Unreadable(Exception):
    """A picture that cannot be had; the message is for the administrator."""


def read_file(path: Path, most: int) -> bytes:
    """The file's bytes, at most `most` of them. Raises Unreadable."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Unreadable("it is a folder; name the files in it, for example with /*")
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device, of which nobody knows where it ends
            raise Unreadable("it is not an ordinary file")
        if status.st_size > most:
            raise Unreadable(f"{status.st_size} bytes are more than limits.max_file_mib; the filter would refuse it")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def printable(name: str) -> str:
    """A file name on one line, without what a terminal would obey."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
