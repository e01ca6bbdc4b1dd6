"""A decoder that has been taken over, for whoever wants to see what it could do: it tries one thing, and ends by how
that went.

It confines itself as a decoder does (model/confine.py), and then reads a file, asks for a socket, or runs a program. It
is no part of any decoder: the doctor starts it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping

from model.confine import confine

WORKED, REFUSED = 0, 77
"""Exit codes. 77 is one that Python, which ends with 1 for an error, has no use for."""
FILE = "/etc/passwd"
"""One that every Linux system has, and that everybody may read."""
PROGRAM = "/bin/true"
"""Ends with WORKED, whoever runs it."""


def _reads() -> None:
    os.close(os.open(FILE, os.O_RDONLY))


def _asks() -> None:
    socket.socket().close()


def _runs() -> None:
    os.execv(PROGRAM, [PROGRAM])  # noqa: S606 -- a constant, and it should not come to that


ATTEMPTS: Mapping[str, Callable[[], None]] = {
    "to read a file": _reads,
    "to open a socket": _asks,
    "to run a program": _runs,
}


def main() -> None:
    """Try what the last argument but one names, within as many bytes of address space as the last one says."""
    attempt = ATTEMPTS[sys.argv[-2]]
    confine(int(sys.argv[-1]))
    try:
        attempt()
    except OSError:
        os._exit(REFUSED)
    os._exit(WORKED)


def refused(status: int) -> bool | None:
    """Whether a process that ended with `status` (minus the signal) was refused what it tried; None: it never came
    to that."""
    if status == WORKED:
        return False
    return True if status in (REFUSED, -signal.SIGSYS) else None
