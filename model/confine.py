"""What a decoder process may still do: the barriers that it puts around itself before it sees an untrusted byte.

Resource limits first, which hold everywhere and cannot be raised again but by root. Then Landlock, which takes away the
file system (model/landlock.py). Last the filter of system calls (model/seccomp.py), which would refuse the others. All
of it comes after everything that a decoder needs has been imported, and none of it needs privileges.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys

from model import landlock, seccomp
from model.barriers import RLIMITS

OPEN_FILES = 16
"""File descriptors of a decoder: four ends of pipes, two windows, and those that are needed for a moment."""
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


def confine(memory_bytes: int) -> tuple[str, ...]:
    """Limit this process for good; returns what is in force, in the words of model.barriers.

    Address space in bytes, no files written, no new processes, no core dumps. On Linux it also dies with the thread
    that started it, gains no rights from set-user-ID programs, opens no file, and makes no system call but those that
    decoding takes. Raises OSError if the kernel refuses, and RuntimeError where other threads would go unconfined.
    """
    limit(memory_bytes)
    if sys.platform == "linux":
        if len(os.listdir("/proc/self/task")) != 1:
            raise RuntimeError("a decoder has threads, which Landlock does not confine")
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        no_new_privileges()
    return RLIMITS, landlock.restrict(), seccomp.restrict()


def limit(memory_bytes: int) -> None:
    """The resource limits alone."""
    for what, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        value = _within(value, resource.getrlimit(what)[1])
        resource.setrlimit(what, (value, value))


def no_new_privileges() -> None:
    """No program that this process starts gains rights; without it Landlock and seccomp are for root alone."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def allow_cpu(seconds: int) -> None:
    """Let this process use so many more seconds of processor time; then the kernel ends it with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = _within(math.ceil(usage.ru_utime + usage.ru_stime) + seconds, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _within(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")
