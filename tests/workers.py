"""How many tests run at a time, where `make` leaves it to the machine (pytest-xdist's `--numprocesses auto`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

WORKER_BYTES: Final = 2 * 2**30
"""What a worker may come to take: 1.4 GiB were seen (torch, models, pictures), the rest is for what it starts."""
MOST_WORKERS: Final = 8
"""The longest file takes minutes, so more would wait for it; and each has a torch of its own to import."""

TESTS: Final = Path(__file__).resolve().parent
LONGEST: Final = ("real", "chaos", "property")
"""Rooms whose files take up to minutes each, the longest first."""


def workers(cores: int | None = None, free_bytes: int | None = None) -> int:
    """How many processes share the tests, on this machine if nothing is said: 0 for none beside pytest's own.

    One core, or no memory for two, gives 0: a single worker would only be a detour.
    """
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    free_bytes = psutil.virtual_memory().available if free_bytes is None else free_bytes
    found = min(cores, free_bytes // WORKER_BYTES, MOST_WORKERS)
    return found if found > 1 else 0


def turn(path: Path) -> int:
    """Which files come first: the lower, the sooner. The longest first, so that at the end no worker has much left."""
    room = path.relative_to(TESTS).parts[0]
    return LONGEST.index(room) if room in LONGEST else len(LONGEST)


def one_thread_each() -> None:
    """Called in a worker before torch is there: one thread of OpenMP, for this process and what it starts.

    Its threads wait by spinning. With as many as there are cores in each worker they would stand in each other's way
    (model/judge.py has figures, and sets its own number where a judge runs).
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
