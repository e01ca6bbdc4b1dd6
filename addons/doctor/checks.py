"""All that the doctor looks at, in the order in which it is told: what others depend on comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from addons.doctor.callback import callback
from addons.doctor.finding import Finding
from addons.doctor.lemmy_time import lemmy_time
from addons.doctor.name_clash import name_clash
from addons.doctor.old_validator import old_validator
from addons.doctor.past_the_filter import past_the_filter
from addons.doctor.patient import Patient
from addons.doctor.upstream import upstream
from addons.doctor.way_out import way_out

Check = Callable[[Patient], Awaitable[list[Finding]]]
"""Gives what it found; an empty list where it has nothing to look at."""

CHECKS: tuple[tuple[str, Check], ...] = (
    ("upstream", upstream),
    ("name-clash", name_clash),
    ("past-the-filter", past_the_filter),
    ("way-out", way_out),
    ("callback", callback),
    ("old-validator", old_validator),
    ("lemmy-time", lemmy_time),
)
"""(name, check): kebab-case; most findings of a check bear its name."""
