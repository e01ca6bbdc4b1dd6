"""How many processor cores this process may use: those that it is pinned to, or that its container is given."""

from __future__ import annotations

import os
from pathlib import Path

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""A container's share of processor time in cgroup v2, as `200000 100000` (microseconds of each so many) or `max 100000`
(https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max)."""


def cores(cpu_max: Path = CPU_MAX) -> int:
    """The number, at least 1. A share of 1.5 cores is 1: what is beyond a share is not slower, it is stopped."""
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(pinned, _share(cpu_max) or pinned))


def _share(cpu_max: Path) -> int | None:
    """Cores that the container is given; None where there is no limit, or no cgroup v2."""
    try:
        quota, period = cpu_max.read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return None
