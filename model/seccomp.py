"""The system calls that a decoder may still make once it has imported everything: an allow-list in the kernel.

It was made from what Pillow with all its codecs, PyAV, pillow_jxl, numpy and lcms were seen to call while they decode
(strace, Python 3.11 and 3.13, glibc 2.36), and from what the C library may call in their stead. Three answers,
and ENOTTY to whoever asks whether something is a terminal:

* allowed: memory that is not executable, reading and writing what is open, clocks, signals to itself, the limit of
  its own processor time, the end;
* EPERM: looking for a file, to read it. Python looks for source lines when it prints why a decoder died, and C
  libraries for things that they can do without. `model.decoder` takes a PermissionError for a bug, never for the
  fault of a file;
* the end of the process (SIGSYS) for everything else. A program that calls execve or socket here has been taken over,
  or needs something that nobody foresaw: neither must go on, and neither must pass for a broken picture. This takes in
  new threads: a library that starts one is one that has not been told to decode with one.

By libseccomp, which knows the numbers of the calls on each architecture, and refuses those of another one (32-bit
calls on x86-64, x32).
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import resource
import sys
from typing import NamedTuple

from model.barriers import NO_LIBSECCOMP, NO_SECCOMP, SECCOMP

try:
    import pyseccomp
except (ImportError, RuntimeError, OSError, AttributeError):  # no package, no libseccomp, or one of the last decade
    pyseccomp = None

ALLOWED = (
    *("read", "readv", "pread64", "write", "writev", "lseek", "close", "fstat", "dup"),
    *("brk", "munmap", "mremap"),
    *("futex", "sched_yield", "sched_getaffinity", "getcpu", "getrandom", "sysinfo", "restart_syscall"),
    *("clock_gettime", "clock_getres", "gettimeofday", "time", "clock_nanosleep", "nanosleep", "getrusage"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "exit", "exit_group"),
)
"""With whatever arguments. Those that an architecture lacks are left out by libseccomp."""
REFUSED = (
    *("stat", "lstat", "statx", "newfstatat", "access", "faccessat", "faccessat2"),
    *("readlink", "readlinkat", "getcwd"),
)
"""Answered with EPERM, whatever their arguments; of those with arguments that matter, see `_rules`. glibc up to 2.38
does fstat by newfstatat with an empty path; no filter can tell that from a path, and those who ask can do without."""
_ADVICE = 0x1F
"""asm-generic/mman-common.h: advice for the caller's own memory. Beyond it root can have the machine's taken away."""
_TCGETS = 0x5401
"""asm-generic/ioctls.h: is it a terminal? C libraries ask before they print."""
_FILE_CONTROL = (fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_DUPFD_CLOEXEC)
_INT = 2**32 - 1
_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _When(NamedTuple):
    """A condition: the bits `mask` of an argument are `value`. All of these arguments are C ints, of 32 bits."""

    argument: int
    value: int
    mask: int = _INT


def restrict() -> str:
    """Load the filter: this process, all its threads, for good. Sets no_new_privs.

    Returns a word of model.barriers, "seccomp" or why there is none.
    """
    if sys.platform != "linux":
        return NO_SECCOMP
    if pyseccomp is None:
        return NO_LIBSECCOMP
    kill = pyseccomp.KILL_PROCESS
    try:
        calls = pyseccomp.SyscallFilter(kill)
    except OSError:  # EINVAL: a kernel before 4.14, or a container's profile without seccomp
        return NO_SECCOMP
    calls.set_attr(pyseccomp.Attr.ACT_BADARCH, kill)
    calls.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    for answer, name, conditions in _rules():
        action = pyseccomp.ALLOW if not answer else pyseccomp.ERRNO(answer)
        arguments = [pyseccomp.Arg(when.argument, pyseccomp.MASKED_EQ, when.mask, when.value) for when in conditions]
        calls.add_rule(action, name, *arguments)
    try:
        calls.load()
    except OSError:
        return NO_SECCOMP
    return SECCOMP


def _rules() -> list[tuple[int, str, tuple[_When, ...]]]:
    """(errno or 0, system call, conditions that hold together), in no order."""
    this = os.getpid()
    return [
        *((0, name, ()) for name in ALLOWED),
        *((0, name, (_When(2, 0, mmap.PROT_EXEC),)) for name in ("mmap", "mprotect")),
        (0, "madvise", (_When(2, 0, ~_ADVICE & _INT),)),
        *((0, "fcntl", (_When(1, command),)) for command in _FILE_CONTROL),
        (0, "prlimit64", (_When(0, 0), _When(1, resource.RLIMIT_CPU))),
        (0, "tgkill", (_When(0, this),)),  # abort, and what else it does to itself
        (errno.EPERM, "open", (_When(1, 0, _WRITING),)),
        (errno.EPERM, "openat", (_When(2, 0, _WRITING),)),
        (errno.ENOTTY, "ioctl", (_When(1, _TCGETS),)),
        *((errno.EPERM, name, ()) for name in REFUSED),
    ]
