"""Check `disk`: is there room where the filter writes, for the log at its full length and for the lists of others?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from addons.audit.place import BESIDE, LOG_NAME
from addons.audit.store import WAL_BYTES
from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from addons.lists.places import copy_file, lists_folder
from config.load import Config
from config.media import MIB
from model.hashlist import MAX_BYTES

NAME = "disk"
ROW_BYTES = 500
"""Bytes of a row in the log, at most: config/default.yaml, `audit:`, says from where; 300 is usual."""
FULL_BYTES = 16 * MIB
"""Less than this and the disk is as good as full: other programs write, too."""
UNWRITTEN = "Rows of the log are lost, and what is allowed or denied cannot be kept; pictures are judged all the same."


async def disk(patient: Patient) -> list[Finding]:
    """Whether the file system of `state_dir` has room for what it will hold."""
    try:
        folder = patient.config.settings.state_folder.expanduser()
    except RuntimeError:  # `state` tells of that
        return []
    here = _existing(folder)
    try:
        room = os.statvfs(here)
    except OSError as error:
        return [Finding(NAME, Severity.NOTE, f"the disk of {here} cannot be looked at: {error.strerror}")]
    free = room.f_bavail * room.f_frsize
    found = list(_found(patient.config, folder, room, free))
    if found:
        return found
    return [
        Finding(
            NAME,
            Severity.OK,
            f"{_mib(free)} free in {here}, at most {_mib(_wanted(patient.config, folder))} are needed",
        )
    ]


def _found(config: Config, folder: Path, room: os.statvfs_result, free: int) -> Iterator[Finding]:
    lines = Lines(config)
    elsewhere = lines.change("state_dir", to="/a/folder/of/another/disk")
    if room.f_flag & os.ST_RDONLY:
        what = f"the file system of {folder} is read-only"
        cure = f"remove `ro` where it is mounted (`read_only:` or `:ro` in a compose file), or {elsewhere}"
        yield Finding(NAME, Severity.WARNING, what, UNWRITTEN, cure)
        return
    if room.f_files and not room.f_favail:
        what = f"the file system of {folder} has no inode left: no file can be made in it"
        yield Finding(NAME, Severity.WARNING, what, UNWRITTEN, f"delete files (`df -i {folder}`), or {elsewhere}")
    wanted = _wanted(config, folder)
    if free < FULL_BYTES:
        what = f"the disk of {folder} is full: {_mib(free)} free"
        yield Finding(NAME, Severity.WARNING, what, UNWRITTEN, f"make room (`df -h {folder}`), or {elsewhere}")
    elif free < wanted:
        rows = config.settings.audit.keep_rows
        fewer = max(0, (free - FULL_BYTES - (wanted - rows * ROW_BYTES)) // ROW_BYTES)
        what = (
            f"{_mib(free)} free for {folder}, and {_mib(wanted)} may be needed, most of it for the log of {rows} rows"
        )
        cure = f"{lines.change('audit', 'keep_rows', to=str(_round(fewer)))}, or make room"
        yield Finding(NAME, Severity.WARNING, what, UNWRITTEN, cure)


def _wanted(config: Config, folder: Path) -> int:
    """Bytes that are still to be written there, at most."""
    rows = config.settings.audit.keep_rows
    log = max(0, rows * ROW_BYTES + WAL_BYTES - _size(folder)) if rows else 0
    followed = [name for name, spec in config.policy.lists.items() if spec.url is not None]
    there = sum(_bytes(copy_file(lists_folder(folder), name)) for name in followed)
    return log + max(0, len(followed) * MAX_BYTES - there)


def _size(folder: Path) -> int:
    return sum(_bytes(folder / f"{LOG_NAME}{suffix}") for suffix in ("", *BESIDE))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((here for here in (folder, *folder.parents) if here.exists()), Path("/"))


def _round(rows: int) -> int:
    """Down to two digits, as people write numbers."""
    size = 10 ** max(0, len(str(rows)) - 2)
    return int(rows // size * size)


def _mib(size: int) -> str:
    return f"{size / MIB:.0f} MiB" if size < 10 * 1024 * MIB else f"{size / 1024 / MIB:.0f} GiB"
