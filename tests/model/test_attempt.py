"""What a taken-over decoder tries: refused behind the barriers, and each by itself possible without them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from model.attempt import ATTEMPTS, REFUSED, refused
from tests.running import repository

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")

MEMORY = str(2**30)
LOOSE = "attempt.confine = lambda memory: None"
LANDLOCK = (
    "from model import confine, landlock\n"
    "attempt.confine = lambda memory: (confine.no_new_privileges(), landlock.restrict())"
)


def ended(name: str, before: str = "") -> int:
    code = f"import sys; sys.path.insert(0, {str(repository())!r}); from model import attempt; {before}\nattempt.main()"
    return subprocess.run([sys.executable, "-IB", "-c", code, name, MEMORY], env={}, check=False).returncode


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_is_refused_and_would_work_without(name: str) -> None:
    assert refused(ended(name)) is True
    assert refused(ended(name, LOOSE)) is False


def test_what_landlock_alone_keeps_it_from() -> None:
    assert {name: refused(ended(name, LANDLOCK)) for name in ATTEMPTS} == {
        "to read a file": True,
        "to open a socket": False,
        "to run a program": True,
    }


@pytest.mark.parametrize(
    ("status", "answer"),
    [(0, False), (REFUSED, True), (-signal.SIGSYS, True), (1, None), (-signal.SIGKILL, None), (-signal.SIGSEGV, None)],
)
def test_what_an_ending_says(status: int, answer: bool | None) -> None:
    assert refused(status) is answer


def test_one_that_never_came_to_it() -> None:
    assert refused(ended("to fly")) is None
