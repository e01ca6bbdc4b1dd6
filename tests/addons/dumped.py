"""mitmdump as a program of its own, with a script, in front of a recorder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.http1 import upload
from tests.ports import free_port
from tests.recorder import Recorder
from tests.running import repository
from tests.served import own_file

MITMDUMP = str(Path(sys.executable).parent / "mitmdump")
SECONDS = 60.0
GATE = "addons/gate.py"


@contextmanager
def mitmdump(recorder: Recorder, home: Path, *options: str, script: str = GATE, gently: bool = False) -> Iterator[int]:
    """mitmdump with a script, in front of the recorder. Gives its port once it answers.

    It is killed in the end; `gently` sends it SIGTERM before, upon which it has to end by itself with exit code 0.
    """
    port = free_port()
    command = [MITMDUMP, "--set", f"confdir={home}", "-p", str(port), "--listen-host", "127.0.0.1", *options]
    own = {"PICTRS_FILTER_UPSTREAM": recorder.url, "PICTRS_FILTER_CONFIG": str(own_file(home)), "PYTHONPATH": ""}
    environment = {**os.environ, **own}
    with (
        (home / "mitmdump.log").open("w") as log,
        subprocess.Popen(
            [*command, "-s", script], cwd=repository(), env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_for_answer(port, process, home)
            yield port
            if gently:
                process.terminate()
                assert process.wait(SECONDS) == 0
        finally:
            process.kill()  # which does not wait, as SIGTERM does, until the model is imported; decoders end with it
            process.wait(SECONDS)


def wait_for_answer(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        # mitmdump listens before it loads a script; until then it closes connections (its upstream is dead).
        if statuses(("127.0.0.1", port), b"")[0]:
            return
        time.sleep(0.05)
    pytest.fail(f"mitmdump did not answer: {(home / 'mitmdump.log').read_text()}")


def alive(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


def statuses(address: tuple[str, int], *files: bytes) -> list[int]:
    """What became of each upload; 0 for a connection that was closed without an answer."""
    found = []
    for data in files:
        try:
            found.append(upload(address, data).status)
        except (OSError, HTTPException):
            found.append(0)
    return found


def until(true: Callable[[], bool], otherwise: str) -> None:
    """Wait for what another process brings about; fail when it does not."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)
