"""A process that forks for every line of its input. The fork puts barriers around itself and runs code.

A line is {"before": code, "barriers": names, "code": code}; tests/forking.py has the rest.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 256 * 1024 * 1024


class Ended(NamedTuple):
    """How a fork ended."""

    status: int
    said: str


class Forks:
    """The process as a test sees it; a context."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-IB", __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, code: str, *barriers: str, before: str = "") -> Ended:
        """Run code behind barriers: any of rlimits, landlock and seccomp, or `all`, or none."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"before": before, "barriers": barriers, "code": code}) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def call(name: str, *arguments: Any) -> int:
    """A system call by its name; OSError if it fails."""
    import pyseccomp

    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def main() -> None:
    """Fork for each line."""
    sys.path.insert(0, str(ROOT))
    import tokenize  # noqa: F401 -- with which Python 3.13 prints a traceback

    import pyseccomp  # noqa: F401 -- forks must not look for it each

    from model import confine  # noqa: F401
    from tests.forking import fork_for_each_line

    fork_for_each_line(_obey)


def _obey(before: str, barriers: list[str], code: str) -> None:
    import mmap, resource, signal, socket, threading, time, traceback  # noqa: E401, F401, I001 -- for what is run

    from model import confine, landlock, seccomp

    around: dict[str, Callable[[], object]] = {
        "rlimits": lambda: confine.limit(MEMORY_BYTES),
        "landlock": landlock.restrict,
        "seccomp": seccomp.restrict,
        "all": lambda: confine.confine(MEMORY_BYTES),
    }
    names = {**globals(), **locals(), "allow_cpu": confine.allow_cpu, "parent": os.getppid()}
    exec(before, names)
    confine.no_new_privileges()
    for barrier in barriers:
        around[barrier]()
    exec(code, names)


if __name__ == "__main__":
    main()
