"""What the figures were taken with."""

from __future__ import annotations

import os
import platform

import pytest
import torch

from addons.admin.bench import machine as room
from addons.admin.bench.machine import Machine, load_average, machine, versions


def test_this_machine() -> None:
    found = machine()
    assert found.cores == len(os.sched_getaffinity(0))
    assert 64 < found.memory_mib < 1 << 30
    assert found.cpu
    assert load_average() >= 0


def test_cores_that_this_process_may_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5})
    assert machine().cores == 1


def test_a_system_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_found", lambda pattern, file: None)
    assert (machine().memory_mib, bool(machine().cpu)) == (0, True)


def test_in_words() -> None:
    assert Machine("CPU X", 2, 512, "Linux-6").words == "CPU X, 2 cores, 512 MiB, Linux-6"
    assert Machine("CPU X", 1, 512, "Linux-6").words == "CPU X, 1 core, 512 MiB, Linux-6"


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PACKAGES", ("torch", "no-such-package"))
    assert versions() == {"python": platform.python_version(), "torch": torch.__version__.partition("+")[0]}
