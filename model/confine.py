"""What a decoder process may still do: the kernel's limits that it sets on itself before it sees an untrusted byte.

Resource limits need no privileges and hold everywhere; they cannot be raised again but by root. What they do not take
away is the file system and the network: a filter of system calls (seccomp) and Landlock belong at the end of
`confine`, after everything that a decoder needs has been imported.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys

OPEN_FILES = 16
"""File descriptors of a decoder: three pipes, and a few for modules that Pillow imports late."""
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


def confine(memory_bytes: int) -> None:
    """Limit this process for good: address space in bytes, no files written, no new processes, no core dumps.

    On Linux it also dies with the thread that started it, and gains no rights from set-user-ID programs. Root may start
    processes nevertheless (RLIMIT_NPROC does not bind it). Raises OSError if the kernel refuses.
    """
    for what, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        value = _within(value, resource.getrlimit(what)[1])
        resource.setrlimit(what, (value, value))
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
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
