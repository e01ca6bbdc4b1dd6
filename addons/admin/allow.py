"""`pictrs-filter allow` and `deny`: the administrator's word on one file, put on a list or taken off it.

What was done goes to standard output in whole sentences; what went wrong to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from addons.admin.files import printable
from addons.admin.listed import LookUp, Unknown, meant
from addons.admin.looks import TakeLooks, take_looks
from addons.lists.book import Book
from addons.lists.places import lists_folder
from addons.lists.shelf import ListError
from config.load import Config
from model.hashlist import Entry, Kind, line
from model.lists import ALLOW, DENY

OTHER: Final = {ALLOW: DENY, DENY: ALLOW}
DONE: Final = {ALLOW: "allowed", DENY: "denied"}
KINDS: Final[dict[Kind, str]] = {"sha256": "this very file (SHA-256)", "pdq": "pictures that look like it (PDQ)"}
SOON: Final = "A running filter takes it up within seconds."


async def change(
    config: Config,
    name: str,
    what: str,
    *,
    note: str = "",
    similar: bool = False,
    remove: bool = False,
    look_up: LookUp | None = None,
    looks: TakeLooks = take_looks,
) -> int:
    """Put something on the list `name` (allow or deny), or take it off. Gives the exit code."""
    book = Book(lists_folder(config.settings.state_folder))
    try:
        found = await meant(
            what,
            config.settings,
            note,
            similar=similar or remove,
            look_up=look_up,
            take_looks=looks,
            complete=name == ALLOW and not remove,  # a file passes by likeness when all of its pictures do
        )
        if remove:
            return _remove(book, name, what, found.entries)
        if name == ALLOW and not similar and any(entry.kind == "pdq" for entry in found.entries):
            raise Unknown("a PDQ hash allows every picture that looks like it: say so with --similar")
        added = book.add(name, found.entries)
        on_other = _on(book, OTHER[name], found.entries)
    except (Unknown, ListError) as error:
        return failed(error)
    for entry in found.entries:
        already = "" if entry in added else " already"
        print(f"{DONE[name]}{already}: {KINDS[entry.kind]}  {line(entry.kind, entry.hash)}")
    if found.missing:
        print(f"Not by its looks: {found.missing}. A copy that was encoded anew is not known by it.")
    if added:
        print(SOON)
    if on_other and name == ALLOW:
        print(f"It is on `deny` too, which wins. To take it off: pictrs-filter deny {printable(what)} --remove")
    elif on_other:
        print("It is on `allow` too; `deny` wins.")
    return 0


def _remove(book: Book, name: str, what: str, entries: Sequence[Entry]) -> int:
    gone = book.remove(name, [(entry.kind, entry.hash) for entry in entries])
    if not gone:
        print(f"{printable(what)} is not on `{name}`: nothing is changed.")
        return 0
    for entry in gone:
        print(f"not {DONE[name]} any more: {line(entry.kind, entry.hash, entry.note)}")
    print(SOON)
    return 0


def _on(book: Book, name: str, entries: Sequence[Entry]) -> bool:
    found = book.read(name)
    return any((found.rows(entry.kind) == list(entry.hash)).all(axis=1).any() for entry in entries)


def failed(error: Exception | str) -> int:
    """Say what went wrong. Gives the exit code."""
    print(f"pictrs-filter: {error}", file=sys.stderr)
    return 1
