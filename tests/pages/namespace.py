"""A network of one's own for a program: whether it can be had here, and how."""

from __future__ import annotations

import os
import shutil
import subprocess


def unshare() -> list[str]:
    """The words that come before a program; root needs no user namespace for it, and others do."""
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]


def available() -> str | None:
    """None when it can be had; else why not, with the way out."""
    if not shutil.which("unshare"):
        return "no unshare: apt-get install util-linux"
    done = subprocess.run([*unshare(), "true"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no network namespace: {done.stderr.strip()}; run the tests as root"
