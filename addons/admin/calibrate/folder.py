"""The files in the administrator's folders, by name order: everything that is an ordinary file, but no link.

What is a picture is told by a file's bytes, later, and not by its name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from addons.admin.files import Unreadable, printable


def files_in(folders: Sequence[Path]) -> list[Path]:
    """Every ordinary file in the folders and the folders in them, in a fixed order, each once.

    Symbolic links inside are not followed: neither twice the same picture nor a way out of the folder. A folder that is
    named may be one itself. Raises Unreadable, with its name, for what is no folder or cannot be listed.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            why = "it is a file: name the folder that it is in" if folder.is_file() else "there is no such folder"
            raise Unreadable(f"{printable(str(folder))}: {why}")
        for path in _walk(folder):
            found.setdefault(path)
    return list(found)


def _walk(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise Unreadable(f"{printable(str(error.filename))}: {error.strerror}") from error

    found = []
    for here, inner, names in os.walk(folder.resolve(), onerror=refuse):
        inner.sort()
        paths = (Path(here, name) for name in sorted(names))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
    return found
