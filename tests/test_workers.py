"""How many tests run at a time."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.running import repository
from tests.workers import LONGEST, MOST_WORKERS, TESTS, WORKER_BYTES, one_thread_each, turn, workers

ENOUGH = 1024 * WORKER_BYTES


@pytest.mark.parametrize(
    ("cores", "free_bytes", "expected"),
    [
        pytest.param(1, ENOUGH, 0, id="one core"),
        pytest.param(2, ENOUGH, 2, id="two cores"),
        pytest.param(MOST_WORKERS + 1, ENOUGH, MOST_WORKERS, id="many cores"),
        pytest.param(4, 3 * WORKER_BYTES, 3, id="memory for three"),
        pytest.param(4, 2 * WORKER_BYTES - 1, 0, id="memory for one"),
        pytest.param(4, 0, 0, id="no memory"),
    ],
)
def test_as_many_as_the_machine_bears(cores: int, free_bytes: int, expected: int) -> None:
    assert workers(cores, free_bytes) == expected


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 5})
    assert workers(free_bytes=ENOUGH) == 3


RUN = """
import os, sys, pytest
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
sys.exit(pytest.main(["-p", "no:cacheprovider", "--numprocesses", "auto", *sys.argv[2:]]))
"""


@pytest.mark.parametrize("cores", [1, 2])
def test_it_is_what_auto_means(cores: int) -> None:
    there = min(cores, len(os.sched_getaffinity(0)))
    command = [sys.executable, "-c", RUN, str(there), "tests/addons/test_seldom.py", "tests/addons/test_inbound.py"]
    said = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=True).stdout
    expected = workers(there)
    assert re.findall(r"([0-9]+) workers? \[", said) == ([str(expected)] if expected else []), said


def test_the_longest_come_first() -> None:
    rooms = ["addons/fetch/test_a.py", "real/test_b.py", "test_c.py", "chaos/test_d.py", "bench/test_e.py"]
    found = sorted(rooms, key=lambda room: turn(TESTS / room))
    assert all((TESTS / room).is_dir() for room in LONGEST)
    assert found == ["real/test_b.py", "chaos/test_d.py", "addons/fetch/test_a.py", "test_c.py", "bench/test_e.py"]


def test_a_worker_has_one_thread_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    one_thread_each()
    assert os.environ["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    one_thread_each()
    assert os.environ["OMP_NUM_THREADS"] == "3"
