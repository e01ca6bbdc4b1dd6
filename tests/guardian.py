"""Stands between the tests and a real pict-rs, so that nothing survives a test run, however that ends.

A program of its own, started by pictrs.py: it runs a command in a tree, as an ordinary user, until its standard input
ends. That is a pipe from the tests, which the system closes when they are gone, by SIGKILL too. Then it kills the
command with all that it started and removes the folder. Its standard output ends when the command does.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def guard(rootfs: str, folder: str, user: int, command: list[str], environment: dict[str, str]) -> None:
    """Run the command by chroot in `rootfs`; `folder` is removed at the end."""
    libc = ctypes.CDLL(None)

    def confine() -> None:
        os.chroot(rootfs)
        os.chdir("/")
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # last: a change of user takes it back

    try:
        program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True, preexec_fn=confine
        )
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        sys.stdin.buffer.read()
        os.killpg(program.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
        program.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(**json.loads(sys.argv[1]))
