"""The filter's own folder, and what it cannot do without there: the key with which staged addresses are sealed.

Without the key the addresses that pict-rs has filed mean nothing any more: it would ask for all proxied media anew, and
keep what it had under names that nobody uses. So the key is made once, and never silently a second time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from addons.fetch.seal import KEY_BYTES

KEY_NAME = "key"
FOLDER_MODE = 0o700
KEY_MODE = 0o600


class StateError(Exception):
    """The folder or the key cannot be used; the message is for the operator and has the way out."""


def load_key(folder: Path) -> bytes:
    """The key in `folder`, KEY_BYTES bytes; made, with its folder, when it is not there. Raises StateError.

    `folder` may begin with ~. Several processes may start at once: all get the same key.
    """
    try:
        folder = folder.expanduser()
        path = folder / KEY_NAME
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if folder.stat().st_mode & stat.S_IWOTH:  # anybody could put a key of his own there, /tmp's sticky bit or not
            raise StateError(f"every user may write to {folder}: run chmod o-w {folder}, or set another `state_dir:`")
        if not path.exists():
            _make(path)
        return _read(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user who has no home
        reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        hint = "set `state_dir:` to a folder that this user may write to, and that outlives a restart"
        raise StateError(f"the state folder {folder} cannot be used: {reason} ({hint})") from error


def read_key(folder: Path) -> bytes | None:
    """The key in `folder`, or None where there is none yet. Makes nothing. Raises StateError, as `load_key` does."""
    try:
        return _read(folder.expanduser() / KEY_NAME)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user who has no home
        reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise StateError(f"the key in {folder} cannot be read: {reason}") from error


def _make(path: Path) -> None:
    """Write a new key beside its place and link it in: there is either a whole key or none, and the first one wins."""
    draft = path.with_name(f".{KEY_NAME}-{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise StateError(f"{path} can be read by other users (mode {mode:o}): run chmod 600 {path}")
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        way = "restore it, or delete it: pict-rs then fetches all proxied media anew"
        raise StateError(f"{path} does not hold a key of {2 * KEY_BYTES} hex digits ({way})")
    return key
