"""Check `clock`: is the time of this machine plausible, and does anything keep it right?

Nobody is asked for the time. What is known here must fit: no file of the program or of its state is younger than now,
pict-rs's answers bear about the same time (`Date`, RFC 9110, 6.6.1), and the kernel says that its clock is kept
(adjtimex(2): TIME_ERROR where nobody has set it for a while).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp

from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient

NAME = "clock"
TOLERANCE_SECONDS = 60.0
"""How far two clocks may be apart: `Date` has whole seconds, and an answer may take some."""
YOUNGER_SECONDS = 120.0
"""How much younger than now a file may be: file systems of other machines have clocks of their own."""
ASK_SECONDS = 5.0
"""Seconds for pict-rs's answer; that it does not answer is another check's to tell."""
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised to a reliable server."""
WHY = (
    "By it the certificates of other servers are judged, rows of the log are dated and deleted, "
    "and lists of others are asked for."
)
CURE = "on the machine (a container has its clock): `timedatectl set-ntp true`, then look with `timedatectl`"

_ROOT = Path(__file__).resolve().parents[2]


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h, as far as the time in it; what follows is padding for the kernel to write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maximal_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("parts", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    )


async def clock(patient: Patient, now: Callable[[], float] = time.time) -> list[Finding]:
    """What speaks against this machine's time; `now` is that, in seconds since 1970."""
    found = list(_by_files(now(), _files(patient.config.settings.state_folder)))
    theirs = await _time_of(patient.config.settings.upstream)
    if theirs is not None and abs(theirs - now()) > TOLERANCE_SECONDS:
        apart = f"{abs(theirs - now()):.0f} s {'behind' if theirs > now() else 'ahead of'} that of pict-rs"
        found.append(Finding(NAME, Severity.WARNING, f"this machine's clock is {apart}", WHY, CURE))
    kept = synchronised()
    if kept is False:
        why = f"Nothing keeps it right, so it drifts by seconds a day. {WHY}"
        found.append(Finding(NAME, Severity.NOTE, "the kernel's clock is not synchronised", why, CURE))
    if found:
        return found
    known = [f"{'pict-rs' if theirs is not None else 'files'} agree with it"]
    known += ["the kernel says that it is synchronised"] if kept else []
    return [Finding(NAME, Severity.OK, f"{_told(now())}: {', and '.join(known)}")]


def synchronised() -> bool | None:
    """Whether the kernel's clock is kept right by a time server; None where that cannot be seen."""
    state = adjtimex()
    return None if state is None else state[0] != TIME_ERROR


def adjtimex() -> tuple[int, int] | None:
    """(state, seconds since 1970), as the kernel tells them to everyone; None where it does not."""
    if sys.platform != "linux":
        return None
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    return None if state < 0 else (state, timex.seconds)


def _by_files(now: float, files: Iterable[Path]) -> Iterator[Finding]:
    newest, path = max(((_changed(file), file) for file in files), default=(0.0, Path()))
    if newest > now + YOUNGER_SECONDS:
        what = f"it is {_told(now)} by this machine's clock, and {path} was written {_told(newest)}"
        why = f"The clock was put back, or was ahead then. {WHY}"
        yield Finding(NAME, Severity.WARNING, what, why, CURE)


def _files(state: Path) -> Iterator[Path]:
    """Files that were written by this machine's clock, or when this program was built."""
    yield from _ROOT.glob("addons/*.py")
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: `~` of nobody
        folder = state.expanduser()
        yield from (folder / name for name in os.listdir(folder))


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


async def _time_of(url: str) -> float | None:
    """The time that pict-rs puts into its answers, in seconds since 1970; None where there is none."""
    timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())  # as the proxy finds it
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.get(f"{url}/healthz", allow_redirects=False) as answer,
        ):
            return parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, ValueError, KeyError, OverflowError):  # TimeoutError is an OSError
        return None


def _told(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
    except (ValueError, OverflowError, OSError):
        return f"@{at:g}"
