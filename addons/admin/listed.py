"""What an administrator means by REF, HASH or FILE: the entries that a list gets for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from addons.admin.files import Unreadable, printable, read_file
from addons.admin.looks import NoLooks, TakeLooks
from addons.audit.place import LOG_NAME
from addons.audit.reader import LogError, Reader
from config.settings import Settings
from model.hashlist import Entry, Kind
from model.lists import MIN_QUALITY

_REF = re.compile(r"(?:ref[= ])?([0-9a-f]{8})")
_HASH = re.compile(r"(?:(sha256|pdq)[: ])?([0-9a-f]{64})", re.I)
_KINDS: Final[dict[str, Kind]] = {"sha256": "sha256", "pdq": "pdq"}


class Unknown(Exception):
    """It is not known what is meant, or what it has for hashes; the message is for the administrator."""


class Logged(Protocol):
    """What is asked of a row of the log."""

    @property
    def sha256(self) -> str | None:
        """64 hex digits; None where it was not kept."""
        ...

    @property
    def pdq(self) -> str | None:
        """The same."""
        ...

    @property
    def pdq_quality(self) -> int:
        """0..100."""
        ...


LookUp = Callable[[str], Logged | None]
"""The newest row of the log with a ref, or None. Raises Unknown where the log cannot be read."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The entries, the surest first, and what is to be said about what is missing; empty if nothing is."""

    entries: tuple[Entry, ...]
    missing: str = ""


def in_log(settings: Settings) -> LookUp:
    """Look refs up in the filter's own log. What it gives raises Unknown where that cannot be read."""
    reader = Reader(settings.state_folder / LOG_NAME)

    def look_up(ref: str) -> Logged | None:
        try:
            return reader.get(ref)
        except LogError as error:
            raise Unknown(f"{error}; or give the file itself, or its SHA-256") from error

    return look_up


async def meant(
    what: str, settings: Settings, note: str, *, similar: bool, look_up: LookUp | None, take_looks: TakeLooks
) -> Meant:
    """What is meant; `similar`: the PDQ hash as well. Raises Unknown."""
    if found := _HASH.fullmatch(what):
        return Meant((Entry(_KINDS[(found[1] or "sha256").lower()], bytes.fromhex(found[2]), note),))
    if found := _REF.fullmatch(what):
        return _logged(found[1], note, look_up, similar=similar)
    try:
        data = read_file(Path(what), settings.limits.max_file_bytes)
    except Unreadable as error:
        hint = " (a ref has 8 hex digits in lower case, a hash has 64)"
        raise Unknown(f"{printable(what)} cannot be read: {error}{hint}") from error
    exact = Entry("sha256", hashlib.sha256(data).digest(), note)
    if not similar:
        return Meant((exact,))
    try:
        looks = await take_looks(settings, data)
    except NoLooks as error:
        return Meant((exact,), f"its PDQ hash cannot be taken ({error})")
    good = next((look for look in looks if look.quality >= MIN_QUALITY), None)
    if good is None:
        return Meant((exact,), "there is too little in it for a PDQ hash that tells it from others")
    return Meant((exact, Entry("pdq", good.pdq, note)))


def _logged(ref: str, note: str, look_up: LookUp | None, *, similar: bool) -> Meant:
    give = "give the file itself, or its SHA-256"
    if look_up is None:
        raise Unknown(f"this filter keeps no log in which ref {ref} could be looked up: {give}")
    row = look_up(ref)
    if row is None:
        raise Unknown(f"ref {ref} is not in the log: it may be too old, or another filter's; {give}")
    if row.sha256 is None:
        hint = "`audit.hashes: all` keeps the hashes of every file from now on"
        raise Unknown(f"the log has ref {ref} without its hashes, which were not to be kept: {give} ({hint})")
    exact = Entry("sha256", bytes.fromhex(row.sha256), note)
    if not similar:
        return Meant((exact,))
    if row.pdq is None or row.pdq_quality < MIN_QUALITY:
        return Meant((exact,), "the log has no PDQ hash of it that can be relied on; the file itself may give one")
    return Meant((exact, Entry("pdq", bytes.fromhex(row.pdq), note)))
