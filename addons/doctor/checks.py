"""All that the doctor looks at, in the order in which it is told: what others depend on comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from addons.doctor.finding import Finding
from addons.doctor.patient import Patient

Check = Callable[[Patient], Awaitable[list[Finding]]]
"""Gives what it found; an empty list where it has nothing to look at."""

CHECKS: tuple[tuple[str, Check], ...] = ()
"""(name, check): the name is that of its findings, kebab-case."""
