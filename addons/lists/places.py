"""Where lists lie on the disk, and how a file among them is read, and replaced: whole, or not at all.

<state_dir>/lists/allow.txt, deny.txt      the administrator's own
<state_dir>/lists/subscribed/NAME.txt      the last good copy of a list that is followed
<state_dir>/lists/subscribed/NAME.json     what is known of its address (subscriptions.py)
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.consistency import OWN_LISTS
from config.listing import ListSpec
from model.hashlist import Kind

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
"""Notes may say what nobody else need know; a file that is there already keeps the mode that it has."""

Signature = tuple[int, int, int, int, int]
"""Of a file's state: device, inode, size, and the times of contents and of inode, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """The file of one list. `required`: the operator named it, so that its absence is a fault and not an empty list."""

    path: Path
    bare: Kind = "sha256"
    required: bool = False


def lists_folder(state: Path) -> Path:
    """The folder of all lists in the filter's own, which may begin with ~."""
    return state.expanduser() / "lists"


def own_file(folder: Path, name: str) -> Path:
    """The file of `allow` or `deny`. Raises ValueError for other names."""
    if name not in OWN_LISTS:
        raise ValueError(f"not a list of the administrator's own: {name}")
    return folder / f"{name}.txt"


def copy_file(folder: Path, name: str) -> Path:
    """Where the last good copy of a list is kept that is followed; its kinds of hashes are said outright."""
    return folder / "subscribed" / f"{name}.txt"


def places(folder: Path, specs: Mapping[str, ListSpec]) -> dict[str, Place]:
    """The file of every list: of the administrator's own and of the policy's."""
    found = {name: Place(own_file(folder, name)) for name in OWN_LISTS}
    for name, spec in specs.items():
        if spec.file is None:
            found[name] = Place(copy_file(folder, name))
        else:
            found[name] = Place(Path(spec.file), spec.bare, required=True)
    return found


def read(path: Path, at_most: int) -> tuple[bytes, os.stat_result] | None:
    """The file's first `at_most` bytes, and its state then; None where it was changed meanwhile. Raises OSError.

    Only an ordinary file is read: a pipe must not hold anybody up.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "it is not an ordinary file")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(at_most)
        after = os.fstat(handle)
    finally:
        os.close(handle)
    return (data, after) if signature(before) == signature(after) else None


def signature(found: os.stat_result) -> Signature:
    """What tells one state of a file from the next."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`, whole or not at all, and on the disk. Raises OSError.

    A link is followed, so that what it points at is replaced; mode and owner stay. A new file is its folder's owner's,
    for the filter must be able to read what root has written.
    """
    path = path.resolve()
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    try:
        like = path.stat()
        mode = stat.S_IMODE(like.st_mode)
    except FileNotFoundError:
        like, mode = path.parent.stat(), FILE_MODE
    draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Have the folder's new entry on the disk, too; some file systems cannot, and need not."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
