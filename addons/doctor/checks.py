"""All that the doctor looks at, in the order in which it is told: what others depend on comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from addons.doctor.callback import callback
from addons.doctor.clock import clock
from addons.doctor.compose.check import compose
from addons.doctor.configuration import configuration
from addons.doctor.credentials import token, webhook
from addons.doctor.decoder import decoder
from addons.doctor.disk import disk
from addons.doctor.finding import Finding
from addons.doctor.lemmy_time import lemmy_time
from addons.doctor.lists import lists
from addons.doctor.memory import memory
from addons.doctor.models import model
from addons.doctor.name_clash import name_clash
from addons.doctor.old_validator import old_validator
from addons.doctor.past_the_filter import past_the_filter
from addons.doctor.patient import Patient
from addons.doctor.state import state
from addons.doctor.upstream import upstream
from addons.doctor.way_out import way_out

Check = Callable[[Patient], Awaitable[list[Finding]]]
"""Gives what it found; an empty list where it has nothing to look at."""

CHECKS: tuple[tuple[str, Check], ...] = (
    ("configuration", configuration),
    ("token", token),
    ("webhook", webhook),
    ("state", state),
    ("disk", disk),
    ("lists", lists),
    ("memory", memory),
    ("clock", clock),
    ("decoder", decoder),
    ("upstream", upstream),
    ("name-clash", name_clash),
    ("past-the-filter", past_the_filter),
    ("way-out", way_out),
    ("callback", callback),
    ("old-validator", old_validator),
    ("compose", compose),
    ("model", model),
    ("lemmy-time", lemmy_time),
)
"""(name, check): kebab-case; most findings of a check bear its name."""
