"""What a process holds: descriptors, children, temporary files, threads, and the filter's own books."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.running import RunningFilter

SETTLE_SECONDS = 60.0
"""A decoder that was killed last has to be started anew, on a machine that may be busy."""


@dataclass(frozen=True)
class Held:
    """What is held at one time. Each must be the same when all is over."""

    descriptors: Counter[str]
    decoders: Counter[int]
    """How many decoders have how many descriptors."""
    temporary: frozenset[str]
    threads: Counter[str]
    books: dict[str, int]
    """The filter's own: places, bytes, requests, tickets, flights, connections; and child processes, dead ones too."""


def held(gate: RunningFilter) -> Held:
    """What this process and the filter in it hold now."""
    parts = gate.filter._parts
    intercept, staging = parts.intercept, parts.staging
    admissions = list(intercept._admissions.values())
    return Held(
        Counter(re.sub(r"\[[0-9]+\]$", "", link) for link in descriptors()),
        Counter(open_in(pid) for pid in decoders()),
        frozenset(str(path) for path in Path(tempfile.gettempdir()).rglob("*")),
        Counter(thread.name for thread in threading.enumerate() if thread.name.startswith("classifier")),
        {
            "places": sum(each.requests for each in admissions),
            "bytes": sum(each.bytes for each in admissions),
            "requests in hand": len(intercept._cases),
            "tickets": len(staging._tickets),
            "flights": len(staging._flights),
            "clients": len(intercept._connections.clients),
            "callers": len(intercept._connections.callers),
            "children": len(psutil.Process().children()),
        },
    )


def descriptors() -> list[str]:
    """What the descriptors of this process are open on, as /proc tells it."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return [link for link in found if not link.startswith(f"/proc/{os.getpid()}/fd")]  # that of listdir itself


def decoders() -> list[int]:
    """Process ids of the decoders that live."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if child.status() != psutil.STATUS_ZOMBIE and "model.decoder" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def open_in(pid: int) -> int:
    """How many descriptors a process has; 0 when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return len(os.listdir(f"/proc/{pid}/fd"))
    return 0


def difference(before: Held, now: Held) -> list[str]:
    """What differs, in words."""
    return [
        f"{field.name}: {getattr(before, field.name)} before, {getattr(now, field.name)} now"
        for field in fields(Held)
        if getattr(before, field.name) != getattr(now, field.name)
    ]


def assert_nothing_left(before: Held, look: Callable[[], Held], seconds: float = SETTLE_SECONDS) -> None:
    """Wait until all is as it was before; fail with what is not."""
    end = time.monotonic() + seconds
    while left := difference(before, look()):
        if time.monotonic() > end:
            sockets = [str(each) for each in psutil.Process().net_connections()]
            raise AssertionError("\n".join(["left behind:", *left, "sockets:", *sockets]))
        time.sleep(0.05)
        gc.collect()  # asyncio leaves a connection that comes while its server closes to it: see storm.OF_ASYNCIO
