"""Memory without a name, shared between two processes by its descriptor: made, written, read and given back.

Its size is for good: sealed against growing, so that a decoder cannot fill the machine's memory, and against shrinking,
so that nobody touches what is no longer there (SIGBUS). It takes memory for what was written alone. Blocking; both
ends use this file. Linux only. Sources: memfd_create(2), fcntl(2), fallocate(2), read(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
from collections.abc import Iterable

MAX_CALL_BYTES = 0x7FFFF000
"""The most that one call reads or writes."""
_SEALS = 0x0001 | 0x0002 | 0x0004
"""F_SEAL_SEAL, F_SEAL_SHRINK and F_SEAL_GROW of linux/fcntl.h."""
_PUNCH = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE of linux/falloc.h."""


def create(size: int) -> int:
    """A descriptor of so many bytes, all zero. The caller closes it."""
    fd = os.memfd_create("pictrs-filter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


def read_only(fd: int) -> int:
    """Another descriptor of the same memory, for a process that is to read only. The caller closes it."""
    return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)


def write(fd: int, data: bytes) -> None:
    """Write to the beginning. OSError beyond the size."""
    view, at = memoryview(data), 0
    while at < len(data):
        at += os.pwrite(fd, view[at : at + MAX_CALL_BYTES], at)


def write_mapped(fd: int, parts: Iterable[memoryview]) -> None:
    """Write blocks one after another to the beginning, for a process that may not write files (RLIMIT_FSIZE)."""
    blocks = [part.cast("B") for part in parts]
    if total := sum(map(len, blocks)):
        with mmap.mmap(fd, total) as window:
            for block in blocks:
                window.write(block)


def read(fd: int, count: int) -> bytes:
    """A copy of the first bytes; ValueError if there are fewer."""
    data = os.pread(fd, count, 0)
    return data if len(data) == count else bytes(read_into(fd, bytearray(count)))


def read_into(fd: int, copy: bytearray) -> bytearray:
    """Fill `copy` with the first bytes; ValueError if there are fewer."""
    view, at = memoryview(copy), 0
    while at < len(copy):
        if not (count := os.preadv(fd, [view[at : at + MAX_CALL_BYTES]], at)):
            raise ValueError(f"a memfd of {at} bytes has not {len(copy)}")
        at += count
    return copy


def punch(fd: int, start: int, count: int) -> None:
    """Give the memory of so many bytes back, and leave zeros in their place."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(fd, _PUNCH, ctypes.c_int64(start), ctypes.c_int64(count)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
