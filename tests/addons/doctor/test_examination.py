"""A check that fails, or never ends, is a finding; and none of its words is a secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from addons.doctor.examination import examine
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from tests.addons.doctor.wards import Ward


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Ward(tmp_path, "http://127.0.0.1:1", key=False).patient()


async def test_what_a_check_finds(patient: Patient) -> None:
    async def sound(_: Patient) -> list[Finding]:
        return [Finding("sound", Severity.OK, "well, hunter2")]

    assert await examine("sound", sound, patient, secrets=("hunter2",)) == [Finding("sound", Severity.OK, "well, ***")]


async def test_one_that_fails(patient: Patient) -> None:
    async def broken(_: Patient) -> list[Finding]:
        raise KeyError("hunter2")

    (found,) = await examine("broken", broken, patient, secrets=("hunter2",))
    assert (found.check, found.severity) == ("broken", Severity.WARNING)
    assert found.what == "this check failed itself: KeyError: '***'"
    assert found.why
    assert found.cure


async def test_one_that_does_not_end(patient: Patient) -> None:
    async def endless(_: Patient) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    (found,) = await examine("endless", endless, patient, seconds=0.01)
    assert found.severity is Severity.WARNING
    assert found.what == "this check was given up: it did not end within 0.01 seconds"


async def test_an_interruption_is_none_of_these(patient: Patient) -> None:
    async def interrupted(_: Patient) -> list[Finding]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await examine("interrupted", interrupted, patient)
