"""Landlock: this process, for good, without the file system, without TCP, and without signals to others.

A ruleset without a single rule, over every right that the kernel knows: all of them are refused from then on. What is
open already stays usable. There is no wrapper for these calls in the C library, so they are made by number; the
numbers are the same on every architecture. Sources: the kernel's Documentation/userspace-api/landlock.rst and
include/uapi/linux/landlock.h. Metadata of files (stat) and UDP are beyond Landlock: model/seccomp.py takes them away.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

from model.barriers import LANDLOCK_OFF, NEWEST_LANDLOCK, NO_LANDLOCK

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION = 1
"""LANDLOCK_CREATE_RULESET_VERSION: asks for the version of the interface."""
_FILES = {1: 13, 2: 14, 3: 15, 5: 16}
"""Since which version there are so many rights to files: EXECUTE to MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV."""
_NETWORK = {4: 2}
"""BIND_TCP and CONNECT_TCP."""
_SCOPES = {6: 2}
"""ABSTRACT_UNIX_SOCKET and SIGNAL: not to processes outside."""
_ABSENT = {errno.ENOSYS: NO_LANDLOCK, errno.EPERM: NO_LANDLOCK, errno.EOPNOTSUPP: LANDLOCK_OFF}
"""EPERM is what old seccomp profiles of containers answer to calls that they do not know."""


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr. A kernel that knows fewer fields takes it as long as the others are zero."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def version() -> int:
    """The version of the interface that this kernel has; OSError if it has none."""
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))


def rights(known: int) -> tuple[int, int, int]:
    """(files, network, scopes): all bits that a version of the interface knows."""
    files, network, scopes = (
        (1 << max((bits for since, bits in table.items() if since <= known), default=0)) - 1
        for table in (_FILES, _NETWORK, _SCOPES)
    )
    return files, network, scopes


def restrict() -> str:
    """Refuse this thread, and all that it starts, everything that Landlock can; needs no_new_privs or privileges.

    Returns a word of model.barriers: "landlock N", N the version in force, or why there is none. OSError otherwise.
    """
    if sys.platform != "linux":
        return NO_LANDLOCK
    try:
        known = min(version(), NEWEST_LANDLOCK)
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        return _ABSENT[error.errno]
    ruleset = _Ruleset(*rights(known))
    handle = _call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), ctypes.c_uint32(0))
    try:
        _call(_RESTRICT_SELF, ctypes.c_int(handle), ctypes.c_uint32(0))
    finally:
        os.close(handle)
    return f"landlock {known}"


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}: {os.strerror(ctypes.get_errno())}")
    return result
