"""How many files the process may open: as many as the settings ask for, as far as the system lets it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from addons.connections import PER_REQUEST
from addons.launcher import FILES_BESIDES, FILES_PER_REQUEST
from tests.running import repository

REQUESTS = 10
WANTED = REQUESTS * (PER_REQUEST + FILES_PER_REQUEST) + FILES_BESIDES
RAISE = """
import logging, resource, sys
from addons.launcher import raise_file_limit
logging.basicConfig(format="%(message)s", stream=sys.stdout)
before, hard, requests = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
raise_file_limit(requests)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits_after(soft: int, hard: int) -> list[str]:
    """What is said, and "SOFT HARD" as they are afterwards, for a process that began with these limits."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and max(soft, hard) > most:
        pytest.skip(f"this process may not open more than {most} files")
    done = subprocess.run(
        [sys.executable, "-c", RAISE, str(soft), str(hard), str(REQUESTS)],
        cwd=repository(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("soft", "hard", "after"),
    [
        pytest.param(100, WANTED + 1, WANTED, id="too-few"),
        pytest.param(WANTED - 1, WANTED, WANTED, id="one-too-few"),
        pytest.param(WANTED, WANTED, WANTED, id="just-enough"),
        pytest.param(WANTED + 1, WANTED + 2, WANTED + 1, id="more-stays"),
    ],
)
def test_as_many_as_are_needed(soft: int, hard: int, after: int) -> None:
    assert limits_after(soft, hard) == [f"{after} {hard}"]


def test_fewer_than_that_are_taken_and_told() -> None:
    most = WANTED - 1
    assert limits_after(100, most) == [
        f"this process may open {most} files, {WANTED} may be needed: lower overload.requests, or raise it",
        f"{most} {most}",
    ]
