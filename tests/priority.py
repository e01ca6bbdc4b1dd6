"""The priority of the tests' own process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Undo what SVT-AV1, FFmpeg's encoder of AV1, does where root runs it: it takes real-time priority, and keeps it.

    Whatever is started later inherits that. A real pict-rs then waits in a loop for threads that cannot run beside it.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)
