"""A set-up for one check, here or in a process of its own that has what the test takes away: rights, files, limits.

patient(folder, "mode: shadow")                          a configuration of that text, loaded
elsewhere("state.state", path, "os.setuid(65534)")       the check's findings there
"""

from __future__ import annotations

import asyncio
import codecs
import ctypes
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest

from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from config.load import load
from tests.forking import fork_for_each_line
from tests.running import repository

CHECKED = ("credentials", "decoder", "disk", "lists", "memory", "state")
"""Rooms whose checks are asked for there."""
CLONE_NEWNS = 0x00020000  # linux/sched.h
NOBODY = 65534
AS_NOBODY = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, mount, and make control groups")


def write(folder: Path, text: str = "") -> Path:
    """A configuration file with its state in `folder`/state, if `text` does not say where; readable by everybody."""
    path = folder / "filter.yaml"
    path.write_text(text + ("" if "state_dir:" in text else f"state_dir: '{folder}/state'\n"))
    path.chmod(0o644)
    return path


def patient(folder: Path, text: str = "", *, quick: bool = False) -> Patient:
    """Of a configuration of that text."""
    return Patient(load(write(folder, text), env={}), quick=quick)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="pictrs-filter-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def elsewhere(check: str, config: Path, before: str = "", *, own_mounts: bool = False) -> list[Finding]:
    """What `check` (module.function in addons.doctor) finds in another process, in which `before` was run first."""
    process = _server()
    assert process.stdin
    assert process.stdout
    asked = {"check": check, "config": str(config), "before": before, "own_mounts": own_mounts}
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert answer["status"] == 0, answer["said"]
    return [Finding(**each | {"severity": Severity(each["severity"])}) for each in json.loads(answer["said"])]


@cache
def _server() -> subprocess.Popen[str]:
    """A process that forks for every line of its input, which is much quicker than an interpreter for each."""
    command = [sys.executable, "-m", __name__]
    return subprocess.Popen(
        command, cwd=repository(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def end_server() -> None:
    """End that process, if there is one: other rooms hold that no child of theirs is left, and would find it."""
    if _server.cache_info().currsize:
        _server().communicate()
        _server.cache_clear()


def worst(found: list[Finding]) -> Severity:
    """The worst of them; all of them are of one check, and only what is sound says neither why nor cure."""
    assert len({each.check for each in found}) == 1
    for each in found:
        assert each.what
        if each.severity > Severity.NOTE:
            assert each.why
            assert each.cure
    return max(each.severity for each in found)


def main() -> None:
    """The other process."""
    codecs.lookup("ascii")  # another user may not enter the folder that Python's modules are in
    for each in CHECKED:
        importlib.import_module(f"addons.doctor.{each}")
    fork_for_each_line(_obey)


def _obey(check: str, config: str, before: str, own_mounts: bool) -> None:
    """In a fork."""
    module, _, name = check.rpartition(".")
    look = getattr(importlib.import_module(f"addons.doctor.{module}"), name)
    asked = Patient(load(Path(config), env={}))
    if own_mounts:
        assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    exec(before, {"os": os, "resource": resource, "subprocess": subprocess})
    print(json.dumps([asdict(each) for each in asyncio.run(look(asked))]), flush=True)


if __name__ == "__main__":
    main()
