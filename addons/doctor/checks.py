"""All that the doctor looks at, in the order in which it is told: what others depend on comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from addons.doctor.clock import clock
from addons.doctor.compose.check import compose
from addons.doctor.configuration import configuration
from addons.doctor.credentials import token, webhook
from addons.doctor.decoder import decoder
from addons.doctor.disk import disk
from addons.doctor.finding import Finding
from addons.doctor.lists import lists
from addons.doctor.memory import memory
from addons.doctor.models import model
from addons.doctor.patient import Patient
from addons.doctor.state import state

Check = Callable[[Patient], Awaitable[list[Finding]]]
"""Gives what it found; an empty list where it has nothing to look at."""

CHECKS: tuple[tuple[str, Check], ...] = (
    ("configuration", configuration),
    ("token", token),
    ("webhook", webhook),
    ("compose", compose),
    ("state", state),
    ("disk", disk),
    ("lists", lists),
    ("memory", memory),
    ("clock", clock),
    ("decoder", decoder),
    ("model", model),
)
"""(name, check): the name is that of its findings, kebab-case."""
