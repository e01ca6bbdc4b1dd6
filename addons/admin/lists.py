"""`pictrs-filter lists`: a look at all lists, theirs fetched, and one's own filled from a file and printed to share.

What was done goes to standard output in whole sentences; what went wrong to standard error.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from addons.admin.allow import SOON, failed
from addons.admin.files import printable
from addons.lists.book import Book
from addons.lists.places import lists_folder, places
from addons.lists.shelf import ListError, faults, read_now
from addons.lists.subscriptions import Fetching, Subscriptions, list_fetcher, read_record
from config.load import Config
from model.hashlist import MAX_BYTES, Kind, line, parse
from model.lists import ALLOW


def show(config: Config, now: float | None = None) -> int:
    """Print each list: its hashes, when it was fetched, and what is wrong with it. Gives the exit code."""
    folder, specs = lists_folder(config.settings.state_folder), config.policy.lists
    moment = time.time() if now is None else now
    wrong = 0
    print(f"{'list':<20} {'SHA-256':>9} {'PDQ':>9}  where it comes from")
    for name, place in places(folder, specs).items():
        spec, said = specs.get(name), []
        try:
            found = read_now(place)
            counts = f"{len(found.sha256):>9} {len(found.pdq):>9}"
            said += [faults(place.path, found)] if found.faulty else []
        except ListError as error:
            counts = f"{'-':>9} {'-':>9}"
            said.append(str(error))
        where = str(place.path)
        if spec is not None and spec.url is not None:
            record = read_record(folder, name)
            fetched = f"fetched {_ago(moment - record.fetched_at)}" if record.fetched_at else "never fetched"
            where = f"{spec.url}, {fetched}"
            said += [f"asked {_ago(moment - record.asked_at)}: {record.fault}"] if record.fault else []
        print(f"{name:<20} {counts}  {printable(where)}")
        for each in said:
            print(f"    fault: {printable(each)}")
        wrong += bool(said)
    return 1 if wrong else 0


def take(config: Config, file: Path, name: str, bare: Kind, *, note: str = "", similar: bool = False) -> int:
    """Add the hashes of a file to the list `name`. Gives the exit code."""
    path = file.absolute()
    try:
        with path.open("rb") as opened:
            found = parse(opened.read(MAX_BYTES + 1), bare)
        if found.faulty:
            raise ListError(f"{faults(path, found)}; nothing is imported")
        entries = [entry if entry.note else replace(entry, note=note) for entry in found.entries()]
        if name == ALLOW and not similar and len(found.pdq):
            raise ListError(
                f"{path}: has {len(found.pdq)} PDQ hashes, each of which allows all that looks like it: say so"
                " with --similar. Nothing is imported"
            )
        added = Book(lists_folder(config.settings.state_folder)).add(name, entries)
    except OSError as error:
        return failed(f"{path}: cannot be read: {error.strerror}")
    except ListError as error:
        return failed(error)
    print(f"{len(added)} of {len(entries)} hashes are new on `{name}`." + (f" {SOON}" if added else ""))
    return 0


def give(config: Config, name: str, kind: Kind | None) -> int:
    """Print the list `name`, one hash a line. Gives the exit code."""
    try:
        found = Book(lists_folder(config.settings.state_folder)).read(name)
    except ListError as error:
        return failed(error)
    for entry in found.entries():
        if kind in (None, entry.kind):
            print(line(entry.kind, entry.hash, entry.note))
    return 0


async def sync(config: Config, fetcher: Fetching | None = None) -> int:
    """Fetch all lists with a url, now. Gives the exit code."""
    settings, folder = config.settings, lists_folder(config.settings.state_folder)
    own = list_fetcher(settings)
    subscriptions = Subscriptions(folder, config.policy.lists, fetcher or own)
    wrong = 0
    try:
        for name in subscriptions.names:
            before = read_record(folder, name).fetched_at
            record = await subscriptions.sync(name)
            if record.fault:
                wrong += 1
                print(f"{name}: {record.fault}; the last good copy stays", file=sys.stderr)
            elif record.fetched_at == before:
                print(f"{name}: has not changed")
            else:
                found = read_now(places(folder, config.policy.lists)[name])
                print(f"{name}: fetched, {len(found)} hashes")
    finally:
        await own.close()
    if not subscriptions.names:
        print(f"{config.path} names no list with a url (`lists:`), so there is nothing to fetch.")
    return 1 if wrong else 0


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
