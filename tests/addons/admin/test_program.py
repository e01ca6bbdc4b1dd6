"""The program as it is installed: SIGTERM is heard before anything else is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictrs import required
from tests.running import repository

SECONDS = 60.0
FIRST_PROCESS = ("unshare", "--pid", "--fork", "--kill-child")
"""Makes what follows the first process of a process namespace, as that of a container is."""


@pytest.mark.parametrize("room", ["pydantic", "mitmproxy"])
@pytest.mark.parametrize("first", [(), FIRST_PROCESS], ids=["any", "first"])
def test_ends_while_it_imports(tmp_path: Path, first: tuple[str, ...], room: str) -> None:
    """Also as the first process of a container, which gets no signal that it does not handle."""
    if first and os.geteuid() != 0:
        if required():
            pytest.fail("PICTRS_FILTER_REAL_REQUIRED=1, but a process namespace needs root", pytrace=False)
        pytest.skip("a process namespace needs root")
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").write_text(
        "import sys, threading\nprint('importing', file=sys.stderr, flush=True)\nthreading.Event().wait()\n"
    )
    command = [*first, sys.executable, "-m", "addons.admin.program", "serve"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{repository()}"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as outer:
        try:
            assert outer.stderr
            assert outer.stderr.readline() == "importing\n"
            pid = outer.pid
            if first:
                (pid,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            os.kill(pid, signal.SIGTERM)
            assert outer.wait(SECONDS) == 130
            assert outer.stderr.read() == ""
        finally:
            outer.kill()


def test_runs_a_command() -> None:
    command = [sys.executable, "-m", "addons.admin.program", "check"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PICTRS_FILTER_")}
    done = subprocess.run(command, cwd=repository(), env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sound" in done.stdout
