"""A moment as people type it: so long ago, or a day, or a day and a time on this machine's clock."""

from __future__ import annotations

import re
import time
from datetime import datetime

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds of each unit."""
_AGO = re.compile(r"([0-9]{1,6})([smhdw])")


def moment(text: str, now: float | None = None) -> float:
    """Seconds since 1970 of `2h` (ago), `2026-11-01`, or `2026-11-01 18:30` (with T for the space, if you like).

    Without a zone it is local time. Raises ValueError, whose message says what may be typed.
    """
    if found := _AGO.fullmatch(text):
        return (time.time() if now is None else now) - int(found[1]) * UNITS[found[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError("must be like 30m, 2h, 7d (so long ago), 2026-11-01 or '2026-11-01 18:30'") from None
