"""The pictures that are measured with: drawn ones of three sizes, or those that the administrator names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from addons.admin.files import Unreadable, printable, read_file
from model.photograph import PHONE, THUMBNAIL, UPLOAD, Kind

DRAWN: tuple[tuple[Kind, int], ...] = ((PHONE, 2), (UPLOAD, 6), (THUMBNAIL, 12))
"""Kinds, and how many different ones of each: enough that none is still in a processor's cache, few enough that
drawing them takes 3 s."""
ORDINARY = UPLOAD
"""The kind that the model and the whole path are measured with."""


@dataclass(frozen=True)
class Pictures:
    """Some files of one kind. `names` are there for those that somebody named."""

    title: str
    files: tuple[bytes, ...]
    names: tuple[str, ...] = ()
    ordinary: bool = False

    @property
    def mean_bytes(self) -> int:
        """Of a file."""
        return round(sum(map(len, self.files)) / len(self.files))


def drawn(kinds: Sequence[tuple[Kind, int]] = DRAWN) -> list[Pictures]:
    """Draw them, which takes seconds. Those of the kind ORDINARY are the ordinary ones."""
    return [
        Pictures(
            f"{kind.name}, {kind.width} x {kind.height}",
            tuple(kind.draw(seed) for seed in range(count)),
            ordinary=kind == ORDINARY,
        )
        for kind, count in kinds
    ]


def given(paths: Sequence[Path], most: int) -> list[Pictures]:
    """Read the files, each at most `most` bytes, as one kind. Raises Unreadable, with the name of the file."""
    files = []
    for path in paths:
        try:
            files.append(read_file(path, most))
        except Unreadable as error:
            raise Unreadable(f"{printable(str(path))}: cannot be read: {error}") from error
    title = printable(paths[0].name) if len(paths) == 1 else f"your {len(paths)} files"
    return [Pictures(title, tuple(files), tuple(printable(str(path)) for path in paths), ordinary=True)]
