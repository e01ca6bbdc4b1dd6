"""Which file system a folder lies on: by /proc/self/mountinfo (proc_pid_mountinfo(5)), on Linux alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

MOUNTINFO = Path("/proc/self/mountinfo")
FLEETING = ("tmpfs", "ramfs", "overlay", "aufs")
"""Kinds that live in memory, and those that a container's own layers are: gone with it."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mounted file system: where, and of which kind."""

    point: Path
    kind: str

    @property
    def fleeting(self) -> bool:
        """Whether what is written there is gone after a restart of the machine, or of the container."""
        return self.kind in FLEETING


def mount_of(folder: Path, table: str | None = None) -> Mount | None:
    """The mount that `folder` lies on, which need not exist; None where that cannot be told.

    `table` is what mountinfo says, where it is not to be read.
    """
    if table is None:
        try:
            table = MOUNTINFO.read_text("utf-8", "surrogateescape")
        except OSError:
            return None
    folder = folder.resolve()
    found: Mount | None = None
    for line in table.splitlines():
        fields = line.split(" ")
        if "-" not in fields or len(fields) < fields.index("-") + 2:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        if folder.is_relative_to(point) and (found is None or len(point.parts) >= len(found.point.parts)):
            found = Mount(point, fields[fields.index("-") + 1])  # of two at one place the later one is on top
    return found
