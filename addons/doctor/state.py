"""Check `state`: the filter's own folder, which must outlive a restart, and the key in it, which nobody else may read.

Nothing is made there, least of all the key: the first start does that, once.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from addons.audit.place import LOG_NAME
from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.mounts import mount_of
from addons.doctor.patient import Patient
from addons.doctor.words import told
from addons.state import KEY_NAME, StateError, read_key

NAME = "state"
ANEW = "pict-rs then fetches all proxied media anew, and keeps what it had under names that nobody uses."
UNSTARTED = "The filter does not start without it: the key for proxied media lies there."


async def state(patient: Patient) -> list[Finding]:
    """What is wrong with `state_dir` and the key, for the user that this runs as."""
    settings, lines = patient.config.settings, Lines(patient.config)
    elsewhere = lines.change("state_dir", to="/var/lib/pictrs-filter")
    try:
        folder = settings.state_folder.expanduser()
    except RuntimeError as error:
        what = f"state_dir {settings.state_dir}: {str(error).rstrip('.')}"
        return [Finding(NAME, Severity.ERROR, what, UNSTARTED, elsewhere)]
    found = [*_folder(folder, elsewhere), *_lasting(folder, elsewhere), *_key(folder), *_aside(folder)]
    if found:
        return found
    key = "has a key" if _has(folder / KEY_NAME) else "has no key yet: the first start makes it"
    return [Finding(NAME, Severity.OK, f"{folder} can be written, lasts, and {key}")]


def _has(path: Path) -> bool:
    return os.path.exists(path)


def _folder(folder: Path, elsewhere: str) -> Iterator[Finding]:
    here = folder
    while not os.path.lexists(here) and here != here.parent:
        here = here.parent
    try:
        if not here.is_dir():
            what, cure = f"{here} is no folder", f"move it away, or {elsewhere}"
            yield Finding(NAME, Severity.ERROR, what, UNSTARTED, cure)
            return
        status = here.stat()
    except OSError as error:
        yield Finding(NAME, Severity.ERROR, f"{here} cannot be looked at: {error.strerror}", UNSTARTED, elsewhere)
        return
    if here == folder and status.st_mode & stat.S_IWOTH:
        why = f"{UNSTARTED} It refuses such a folder, in which anybody could put a key of his own."
        yield Finding(NAME, Severity.ERROR, f"every user may write to {folder}", why, f"run `chmod o-w {folder}`")
    if reason := _unwritable(here):
        keyed = _has(folder / KEY_NAME)
        what = f"{folder} cannot be {'written' if here == folder else 'made'} by this user (uid {os.geteuid()})"
        why = "No log is kept, and allow, deny and lists of others are not taken up." if keyed else UNSTARTED
        severity = Severity.WARNING if keyed else Severity.ERROR
        cure = f"run `install -d -m 700 -o {os.geteuid()} -g {os.getegid()} {folder}` as root, or {elsewhere}"
        yield Finding(NAME, severity, f"{what}: {reason}", why, cure)
    elif here == folder and os.geteuid() == 0 and status.st_uid != 0:
        what = f"this was run as root, and {folder} belongs to the user with the id {status.st_uid}"
        why = "What root may do says nothing of that user."
        yield Finding(NAME, Severity.NOTE, what, why, f"run `sudo -u '#{status.st_uid}' pictrs-filter doctor`")


def _unwritable(folder: Path) -> str:
    """Why no file can be made in a folder that is there; empty when one can. The file has no name, and is gone."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return ""


def _lasting(folder: Path, elsewhere: str) -> Iterator[Finding]:
    mount = mount_of(folder)
    if mount is not None and mount.fleeting:
        what = f"{folder} lies on {mount.kind} ({mount.point}), which is gone after a restart"
        cure = f"in the compose file, at the filter: `volumes: [pictrs-filter-state:{folder}]`; else {elsewhere}"
        yield Finding(NAME, Severity.WARNING, what, f"With a new key {ANEW}", cure)


def _key(folder: Path) -> Iterator[Finding]:
    path = folder / KEY_NAME
    if not os.path.lexists(path) or folder.stat().st_mode & stat.S_IWOTH:
        return
    if not os.path.exists(path):
        what = f"{path} cannot be seen, or is a link to nothing"
        yield Finding(NAME, Severity.ERROR, what, UNSTARTED, f"restore it, or delete it: {ANEW}")
        return
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        cure = f"run `chown {os.geteuid()} {path}` as root"
        yield Finding(NAME, Severity.ERROR, f"{path} cannot be read by this user (uid {os.geteuid()})", UNSTARTED, cure)
        return
    try:
        read_key(folder)
    except StateError as error:
        what, way = told(error)
        yield Finding(NAME, Severity.ERROR, f"the key: {what}", UNSTARTED, way)
        return
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), folder.stat().st_uid):
        what = f"{path} belongs to the user with the id {owner}"
        yield Finding(NAME, Severity.WARNING, what, "Its owner can read and change it.", f"chown {os.geteuid()} {path}")


def _aside(folder: Path) -> Iterator[Finding]:
    """Logs that were set aside as broken: nobody deletes them."""
    try:
        aside = sorted(folder.glob(f"{LOG_NAME}.broken-*"))
        size = sum(path.stat().st_size for path in aside)
    except OSError:
        return
    if aside:
        what = f"{len(aside)} files of a broken log were set aside in {folder}, {size / 2**20:.1f} MiB"
        why = "A disk that lies, or another program, broke them; the filter goes on with a new log and keeps these."
        yield Finding(
            NAME, Severity.NOTE, what, why, f"look at the disk's health, then `rm {folder}/{LOG_NAME}.broken-*`"
        )
