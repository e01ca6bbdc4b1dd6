"""The administrator's own two lists, changed: entries added, entries taken out, everything else left as it was.

Rules this file keeps: comments, order and line ends stay; a hash is on a list once; a change is there whole or not at
all; of two that change a list at once none is lost; a list with a fault is not changed, for the filter would not
take it.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from addons.lists import places as files
from addons.lists.places import FILE_MODE, FOLDER_MODE, own_file, replace
from addons.lists.shelf import ListError, faults
from model.card import CARD_SHA256
from model.hashlist import MAX_BYTES, MAX_ENTRIES, Entry, HashList, Kind, line, parse, read_line
from model.lists import ALLOW, DENY

LOCK_SECONDS: Final = 10.0
"""How long a change waits for another one: a list of a million hashes is written within two."""

LOCK_POLL_SECONDS: Final = 0.05
_MARK: Final = b"\xef\xbb\xbf"

HEADS: Final[Mapping[str, str]] = {
    ALLOW: "# Files that pass whatever the models say: `pictrs-filter allow`, or a line here. `deny` wins over them.\n",
    DENY: "# Files that are always refused: `pictrs-filter deny`, or a line here.\n",
}
FORMAT: Final = (
    "# One hash a line: 64 hex digits (SHA-256 of the file), or: pdq and 64 hex digits. Then, if you like: # note\n"
)
"""What a new list begins with."""

Hash = tuple[Kind, bytes]


class Book:
    """The lists `allow` and `deny` in `folder` (places.lists_folder). Blocks; what it raises is ListError."""

    def __init__(self, folder: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self._folder = folder
        self._lock_seconds = lock_seconds

    def read(self, name: str) -> HashList:
        """What the list holds now; nothing where it is not there. Raises ListError where it cannot be read or used."""
        return _sound(own_file(self._folder, name), self._bytes(name))

    def has(self, name: str, wanted: Hash) -> bool:
        """Whether a hash is on the list now. Raises ListError as `read` does."""
        return any(_those_on(self.read(name), {wanted}))

    def add(self, name: str, entries: Sequence[Entry]) -> list[Entry]:
        """Add what is not on the list yet, at its end. Gives what was added; an entry that is there keeps its note."""
        if name == ALLOW and any(entry.kind == "sha256" and entry.hash.hex() == CARD_SHA256 for entry in entries):
            raise ListError("the self-test card cannot be allowed: every filter refuses it, which is what it is for")
        with self._locked():
            path, data = own_file(self._folder, name), self._bytes(name)
            found = _sound(path, data)
            new: dict[Hash, Entry] = {}
            for entry in entries:
                new.setdefault((entry.kind, entry.hash), entry)
            for there in _those_on(found, new.keys()):
                del new[there]
            if len(found) + len(new) > MAX_ENTRIES:
                raise ListError(f"{path}: with these it would have more than {MAX_ENTRIES} hashes, which are the most")
            if new:
                self._write(path, _appended(name, data, list(new.values())))
            return list(new.values())

    def remove(self, name: str, hashes: Collection[Hash]) -> list[Entry]:
        """Take the lines of these hashes out. Gives what was on them; nothing is changed where there are none."""
        with self._locked():
            path, data = own_file(self._folder, name), self._bytes(name)
            _sound(path, data)
            kept, gone = bytearray(), []
            mark = _MARK if data.startswith(_MARK) else b""
            for text in io.BytesIO(data.removeprefix(_MARK)):
                entry = read_line(text)
                if entry is not None and (entry.kind, entry.hash) in hashes:
                    gone.append(entry)
                else:
                    kept += text
            if gone:
                self._write(path, mark + bytes(kept))
            return gone

    def _bytes(self, name: str) -> bytes:
        path = own_file(self._folder, name)
        try:
            read = files.read(path, MAX_BYTES + 1)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise ListError(f"{path}: cannot be read: {error.strerror}") from error
        if read is None:
            raise ListError(f"{path}: is being written just now; try again")
        return read[0]

    def _write(self, path: Path, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise ListError(f"{path}: with these it would have more than {MAX_BYTES} bytes, which are the most")
        try:
            replace(path, data)
        except OSError as error:
            hint = ""
            if path.is_mount():
                hint = "; it is a mount of its own, which cannot be replaced: mount the folder that it is in"
            raise ListError(f"{path}: cannot be written: {error.strerror}{hint}") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of both lists. It is the system's, and gone with whoever held it."""
        path = self._folder / ".lock"
        try:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        except OSError as error:
            raise ListError(f"{self._folder}: cannot be written to: {error.strerror}") from error
        try:
            if os.geteuid() == 0:  # the filter's own user must be able to open it as well
                owner = self._folder.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            self._wait_for(handle, path)
            yield
        finally:
            os.close(handle)

    def _wait_for(self, handle: int, path: Path) -> None:
        until = time.monotonic() + self._lock_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise ListError(f"{path}: somebody else is changing the lists; try again") from None
            time.sleep(LOCK_POLL_SECONDS)


def _sound(path: Path, data: bytes) -> HashList:
    found = parse(data)
    said = faults(path, found)
    if said:
        raise ListError(f"{said}; put that right first, for a running filter does not take the list as it is")
    return found


def _those_on(found: HashList, wanted: Collection[Hash]) -> Iterator[Hash]:
    """Those of `wanted` that are on a list, each once."""
    kinds: tuple[Kind, ...] = ("sha256", "pdq")
    for kind in kinds:
        asked = {value for each, value in wanted if each == kind}
        rows = found.rows(kind).tobytes()
        width = found.rows(kind).shape[1]
        there = {value for start in range(0, len(rows), width) if (value := rows[start : start + width]) in asked}
        yield from ((kind, value) for value in there)


def _appended(name: str, data: bytes, entries: Sequence[Entry]) -> bytes:
    end = b"\r\n" if data.partition(b"\n")[0].endswith(b"\r") else b"\n"
    if not data:
        data = (HEADS[name] + FORMAT).encode()
    elif not data.endswith(b"\n"):
        data += end
    return data + b"".join(line(entry.kind, entry.hash, entry.note).encode() + end for entry in entries)
