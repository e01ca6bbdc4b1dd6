"""Check `lists`: can each list of hashes be read, and is what others keep still brought here?"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from addons.lists.places import Place, lists_folder, places
from addons.lists.shelf import ListError, read_now
from addons.lists.subscriptions import read_record
from config.listing import ListSpec

NAME = "lists"
OLD_REFRESHES = 3
"""So many times `refresh_minutes` without a good answer, and at least OLD_SECONDS, and a copy is old."""
OLD_SECONDS = 86_400.0
_HOUR = 3600.0


async def lists(patient: Patient, now: Callable[[], float] = time.time) -> list[Finding]:
    """What is wrong with the lists of the policy and with the administrator's own."""
    try:
        folder = lists_folder(patient.config.settings.state_folder)
    except RuntimeError:  # `~` of nobody: `state` tells of that
        return []
    return await asyncio.to_thread(_look, patient, folder, now())


def _look(patient: Patient, folder: Path, now: float) -> list[Finding]:
    lines, specs = Lines(patient.config), patient.config.policy.lists
    found: list[Finding] = []
    hashes = 0
    for name, place in places(folder, specs).items():
        spec = specs.get(name)
        where = lines.place("lists", name) if spec is not None else str(place.path)
        try:
            listed = read_now(place)
        except ListError as error:
            found.append(_unread(name, place, where, error))
            continue
        hashes += len(listed)
        if listed.faulty:
            first = listed.faults[0]
            what = f"{where}: the list {name}: {listed.faulty} lines cannot be read, first line {first.line}"
            cure = f"{place.path}:{first.line} {first.message}: mend or delete these lines"
            found.append(Finding(NAME, Severity.WARNING, what, "The files that these lines mean are not found.", cure))
        if spec is not None and spec.url is not None:
            found += _followed(folder, name, spec, where, now)
    count = len(specs) + 2
    return found or [Finding(NAME, Severity.OK, f"{count} lists with {hashes} hashes, your own two among them")]


def _unread(name: str, place: Place, where: str, error: ListError) -> Finding:
    why = "No filter starts with a list that cannot be read; one that runs goes by what it has read before."
    cure = f"`ls -l {place.path}`: this user (uid {os.geteuid()}) must be able to read it"
    if not os.path.lexists(place.path):
        cure = f"make it, an empty one too: `touch {place.path}`, or change {where}"
    return Finding(NAME, Severity.ERROR, f"{where}: the list {name}: {error}", why, cure)


def _followed(folder: Path, name: str, spec: ListSpec, where: str, now: float) -> Iterator[Finding]:
    """How the copy of a list that others keep stands; of its address the host alone is told."""
    host = urlsplit(spec.url or "").hostname
    record = read_record(folder, name)
    if record.url != spec.url:
        record = type(record)()
    cure = f"run `pictrs-filter lists sync`; if it stays so, ask {host}, or change {where} (lists.{name}.url)"
    fault = f"; the last answer: {record.fault}" if record.fault else ""
    if not record.fetched_at:
        what = f"{where}: the list {name} was never had from {host}{fault}"
        yield Finding(NAME, Severity.WARNING, what, "A rule that names it finds nothing.", cure)
    elif (age := now - record.fetched_at) > max(OLD_SECONDS, OLD_REFRESHES * spec.refresh_minutes * 60):
        what = f"{where}: the copy of the list {name} of {host} is {age / _HOUR:.0f} hours old{fault}"
        yield Finding(NAME, Severity.WARNING, what, "What was added since is not found.", cure)
    elif record.fault:
        what = f"{where}: the list {name} of {host} could not be had lately{fault}"
        yield Finding(NAME, Severity.NOTE, what, "The last good copy is in force.", cure)
