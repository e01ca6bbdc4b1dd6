"""All lists, read from their files and watched: whoever edits one sees it hold within seconds.

Files are looked at every few seconds by name, for a change that comes over a bind mount gives no notice, and editors
put a new file in the old one's place. Rules this file keeps: reading and sorting never happen on the event loop; a file
that is being written is read when it is whole; one that cannot be read or is faulty changes nothing, and that is said
once, with file and line.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from addons.lists import places as files
from addons.lists.places import Place, Signature, places
from config.listing import ListSpec
from model.hashlist import MAX_BYTES, HashList, parse
from model.lists import EMPTY, Lists, Searchable

log = logging.getLogger("pictrs_filter")

POLL_SECONDS: Final = 2.0
"""How often the files are looked at: one stat() each."""

ABSENT_LOOKS: Final = 2
"""Looks in a row at which a file must be missing to count as empty: an editor may take it away for a moment."""

SETTLE_SECONDS: Final = 1.0
"""A file that was written to so lately is left for the next look: it may not be whole yet."""


class ListError(Exception):
    """A list cannot be read; the message is for the operator: the file, the line where there is one, and why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a list stands. `read_at`: Unix time of its last good reading; `fault`: what is wrong, or empty."""

    entries: int
    read_at: float | None
    fault: str


@dataclass
class _Kept:
    signature: Signature | None = None
    known: bool = False
    absent: int = 0
    entries: int = 0
    read_at: float | None = None
    fault: str = ""


class Shelf:
    """The lists of `folder` (places.lists_folder) and of the policy's `specs`. `changed` gets each new `Lists`.

    `lists` is the last of them; before `load` it is empty. One asyncio loop; `changed` is called on it. `like` is a
    shelf of before, with other `specs`: what has the same place in both is not read again by `load`, which goes by
    none of `look`'s precautions. `clock` gives Unix seconds.
    """

    def __init__(
        self,
        folder: Path,
        specs: Mapping[str, ListSpec],
        changed: Callable[[Lists], None],
        *,
        like: Shelf | None = None,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._places = places(folder, specs)
        self._changed = changed
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._kept = {name: _Kept() for name in self._places}
        self._searchable = {name: Searchable(EMPTY) for name in self._places}
        for name, place in self._places.items():
            if like is not None and like._places.get(name) == place:
                self._kept[name] = replace(like._kept[name])
                self._searchable[name] = like._searchable[name]
        self.lists = Lists(self._searchable)

    @property
    def standing(self) -> dict[str, Standing]:
        """How each list stands, by name."""
        return {name: Standing(kept.entries, kept.read_at, kept.fault) for name, kept in self._kept.items()}

    async def load(self) -> Lists:
        """Read for the first time what was not read yet. Raises ListError where it cannot be, though there or named.

        Of a file with faulty lines the others hold, which at the start is more than nothing; that is said in the log.
        """
        unread = []
        for name, place in self._places.items():
            kept = self._kept[name]
            if kept.known:
                continue
            try:
                await self._take(name, place, kept, first=True)
            except ListError as error:
                unread.append(str(error))
        if unread:
            raise ListError("\n".join(unread))
        self.lists = Lists(self._searchable)
        return self.lists

    async def look(self) -> bool:
        """Look at all files once, and take up what has changed. Gives whether anything has."""
        before = dict(self._searchable)
        for name, place in self._places.items():
            kept = self._kept[name]
            try:
                await self._take(name, place, kept, first=False)
            except ListError as error:
                self._say(name, kept, str(error))
        if all(self._searchable[name] is one for name, one in before.items()):
            return False
        self.lists = Lists(self._searchable)
        self._changed(self.lists)
        return True

    async def watch(self, poll_seconds: float = POLL_SECONDS) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(poll_seconds)
            await self.look()

    async def _take(self, name: str, place: Place, kept: _Kept, *, first: bool) -> None:
        """Read a file if it is another than before. Raises ListError, and leaves what was read before."""
        try:
            signature = await asyncio.to_thread(_signature, place.path)
        except ListError:
            kept.signature = None
            raise
        if signature is None:
            kept.absent += 1
            if place.required:
                kept.signature = None
                raise ListError(f"{place.path}: there is no such file (make it, an empty one too, or change `file:`)")
            if kept.absent >= ABSENT_LOOKS or first:
                kept.fault = ""
                if kept.entries:
                    self._put(name, kept, EMPTY, Searchable(EMPTY))
                    log.warning("the list %s is empty now: %s is not there any more", name, place.path)
                kept.signature, kept.known = None, True
            return
        kept.absent = 0
        if signature == kept.signature or (not first and self._is_fresh(signature)):
            return
        try:
            read = await asyncio.to_thread(_read, place)
        except ListError:
            kept.signature = None
            raise
        if read is None:  # it is being written: at the next look
            return
        found, after = read
        kept.signature = after
        said = faults(place.path, found)
        if said and not first:
            raise ListError(said)
        searchable = await asyncio.to_thread(Searchable, found)
        if said:
            self._say(name, kept, said, "; its other lines hold")
        else:
            if kept.fault:
                log.info("the list %s can be read again", name)
            kept.fault = ""
        self._put(name, kept, found, searchable)

    def _is_fresh(self, signature: Signature) -> bool:
        return abs(self._clock() - signature[3] / 1e9) < self._settle_seconds

    def _put(self, name: str, kept: _Kept, found: HashList, searchable: Searchable) -> None:
        kept.entries, kept.read_at, kept.known = len(found), self._clock(), True
        if searchable.digest != self._searchable[name].digest:
            self._searchable[name] = searchable

    def _say(self, name: str, kept: _Kept, fault: str, then: str = "; what it said before stays in force") -> None:
        if fault != kept.fault:
            log.error("the list %s: %s%s", name, fault, then)
        kept.fault = fault


def read_now(place: Place) -> HashList:
    """Read a list for an administrator, who waits. An absent one is empty, unless it was named. Raises ListError."""
    if not place.required and _signature(place.path) is None:
        return EMPTY
    read = _read(place)
    if read is None:
        raise ListError(f"{place.path}: is being written just now; try again")
    return read[0]


def _signature(path: Path) -> Signature | None:
    """None where there is no file. Raises ListError."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ListError(f"{path}: cannot be read: {error.strerror}") from error
    return files.signature(found)


def _read(place: Place) -> tuple[HashList, Signature] | None:
    """The list, and the state of the file that it was read from; None where the file changed meanwhile."""
    try:
        read = files.read(place.path, MAX_BYTES + 1)
    except OSError as error:
        raise ListError(f"{place.path}: cannot be read: {error.strerror}") from error
    return None if read is None else (parse(read[0], place.bare), files.signature(read[1]))


def faults(path: Path, found: HashList) -> str:
    """What is wrong, in one line: the first fault, and how many more there are."""
    if not found.faults:
        return ""
    first = found.faults[0]
    more = f" (and {found.faulty - 1} more)" if found.faulty > 1 else ""
    return f"{path}:{first.line}: {first.message}{more}"
