"""What an administrator means by REF, HASH or FILE: the entries that a list gets for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from addons.admin.files import Unreadable, printable, read_file
from addons.admin.looks import Look, NoLooks, TakeLooks
from addons.audit.place import LOG_NAME
from addons.audit.reader import LogError, Reader
from addons.audit.row import Row
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
"""The newest row of the log with a ref, or None. Raises Unknown where the log cannot be read, or names several."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The entries, the surest first, and what is to be said about what is missing; empty if nothing is."""

    entries: tuple[Entry, ...]
    missing: str = ""


def in_log(settings: Settings) -> LookUp:
    """Look refs up in the filter's own log. What it gives raises Unknown where that cannot be read, or is not clear."""
    reader = Reader(settings.state_folder / LOG_NAME)

    def look_up(ref: str) -> Logged | None:
        try:
            rows = reader.rows(ref=ref)
        except LogError as error:
            raise Unknown(f"{error}; or give the file itself, or its SHA-256") from error
        return _only(ref, rows)

    return look_up


def _only(ref: str, rows: Sequence[Row]) -> Row | None:
    """The newest, where all are of one file. A ref has 32 bits: among a million some 200 are there twice."""
    newest: dict[str | None, Row] = {}
    for row in rows:
        newest.setdefault(row.sha256, row)
    if len(newest) > 1:
        told = "; ".join(f"{_time(row.at)} {row.sha256 or 'hash not kept'}" for row in newest.values())
        raise Unknown(f"the log has ref {ref} of {len(newest)} files: {told}. Give the SHA-256 of the one you mean")
    return rows[0] if rows else None


def _time(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")


async def meant(
    what: str,
    settings: Settings,
    note: str,
    *,
    similar: bool,
    look_up: LookUp | None,
    take_looks: TakeLooks,
    complete: bool = False,
) -> Meant:
    """What is meant; `similar`: the PDQ hashes as well, of every picture that can be known by one. Raises Unknown.

    `complete`: it is to be known by its looks as a whole, or not at all: where one picture cannot be, that is Unknown.
    """
    if found := _HASH.fullmatch(what):
        return Meant((Entry(_KINDS[(found[1] or "sha256").lower()], bytes.fromhex(found[2]), note),))
    if found := _REF.fullmatch(what):
        if similar and complete:
            raise Unknown(
                f"the log knows ref {found[1]} by the looks of one picture, and a file can have more: give the file"
                " itself; or leave --similar away, to allow this very file"
            )
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
        looks, missing = (), f"its PDQ hash cannot be taken ({error})"
    else:
        missing = _too_little(looks)
    if missing and complete:
        raise Unknown(f"it cannot be allowed by its looks: {missing}; leave --similar away, to allow this very file")
    good = dict.fromkeys(look.pdq for look in looks if look.quality >= MIN_QUALITY)
    return Meant((exact, *(Entry("pdq", pdq, note) for pdq in good)), "" if good else missing)


def _too_little(looks: Sequence[Look]) -> str:
    """What is wrong with these; empty where each can be known by its PDQ hash."""
    poor = sum(look.quality < MIN_QUALITY for look in looks)
    if poor == len(looks):
        return "there is too little in it for a PDQ hash that tells it from others"
    return f"in {poor} of its {len(looks)} pictures there is too little for a PDQ hash" if poor else ""


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
