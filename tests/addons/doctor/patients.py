"""A set-up for one check, here or in a process of its own that has what the test takes away: rights, files, limits.

patient(folder, "mode: shadow")                          a configuration of that text, loaded
elsewhere("state.state", path, "os.setuid(65534)")       the check's findings there
"""

from __future__ import annotations

import asyncio
import codecs
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from config.load import load
from tests.running import repository

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
    command = [sys.executable, "-m", __name__, check, str(config), before]
    if own_mounts:
        command = ["unshare", "--mount", *command]
    done = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [Finding(**each | {"severity": Severity(each["severity"])}) for each in json.loads(done.stdout)]


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
    module, _, name = sys.argv[1].rpartition(".")
    check = getattr(importlib.import_module(f"addons.doctor.{module}"), name)
    codecs.lookup("ascii")  # another user may not enter the folder that Python's modules are in
    asked = Patient(load(Path(sys.argv[2]), env={}))
    exec(sys.argv[3], {"os": os, "resource": importlib.import_module("resource"), "subprocess": subprocess})
    print(json.dumps([asdict(each) for each in asyncio.run(check(asked))]))


if __name__ == "__main__":
    main()
