"""One check, run so that nothing it does can end the doctor: it has a time limit, and its own failure is a finding."""

from __future__ import annotations

import asyncio

from addons.doctor.checks import Check
from addons.doctor.finding import Finding, Severity
from addons.doctor.masking import masked
from addons.doctor.patient import Patient

CHECK_SECONDS = 90.0
"""Seconds for one check: to load the models on a small machine takes the longest of all, up to a minute."""


async def examine(
    name: str, check: Check, patient: Patient, *, secrets: tuple[str, ...] = (), seconds: float = CHECK_SECONDS
) -> list[Finding]:
    """What `check` finds, without secrets. One that fails, or does not end in time, gives a warning that says so."""
    try:
        async with asyncio.timeout(seconds):
            found = await check(patient)
    except TimeoutError:
        found = [_undone(name, f"this check was given up: it did not end within {seconds:g} seconds")]
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with one check, the others are still wanted
        found = [_undone(name, f"this check failed itself: {type(error).__name__}: {error}")]
    return [masked(finding, secrets) for finding in found]


def _undone(name: str, what: str) -> Finding:
    why = "What it looks for is not known now: that is no fault of the set-up that was seen, and no proof of health."
    cure = "run `pictrs-filter doctor` again; if it stays so, report it with this line"
    return Finding(name, Severity.WARNING, what, why, cure)
