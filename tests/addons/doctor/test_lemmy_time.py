"""How long an upload takes, and what is said of it; the way itself is tried with real parts in tests/real."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.doctor import lemmy_time as room
from addons.doctor.answerer import Answerer, Silence, Who
from addons.doctor.drawn import Upload
from addons.doctor.finding import Severity
from addons.doctor.lemmy_time import lemmy_time, own_base
from addons.doctor.patient import Patient
from addons.pictrs.client import ClientError, Reply
from tests.addons.doctor.wards import Ward


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path, "http://127.0.0.1:1")


def taking(
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    status: int = 201,
    left: str | None = None,
    there: Answerer = Answerer(Who.THIS_FILTER),  # noqa: B008 -- frozen
) -> None:
    async def answers(patient: Patient, base: str) -> Answerer:
        return there

    async def upload(base: str) -> Upload:
        if status == 0:
            raise ClientError("no answer from it")
        return Upload(Reply(status, "said", "", "a.jpg" if status == 201 else None, "t", b""), seconds, left)

    monkeypatch.setattr(room, "answerer", answers)
    monkeypatch.setattr(room, "upload_drawn", upload)


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [
        (0.1, Severity.OK),
        (4.0, Severity.OK),
        (4.01, Severity.WARNING),
        (10.0, Severity.WARNING),
        (10.1, Severity.ERROR),
    ],
)
async def test_seconds(ward: Ward, monkeypatch: pytest.MonkeyPatch, seconds: float, severity: Severity) -> None:
    """deadline_seconds is 8; half of that is uneasy, and Lemmy waits for 10."""
    taking(monkeypatch, seconds)
    (found,) = await lemmy_time(ward.patient())
    assert found.severity is severity
    assert f"takes {seconds:.1f} seconds" in found.what
    assert ("pictrs-filter bench" in found.cure) is (severity is not Severity.OK)


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "pictrs-filter log"), (502, "log of pict-rs"), (503, "ready"), (418, "the log of pict-rs")],
)
async def test_one_that_does_not_pass(ward: Ward, monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    taking(monkeypatch, 0.1, status)
    (found,) = await lemmy_time(ward.patient())
    assert found.severity is Severity.ERROR
    assert f"{status}, said" in found.what
    assert words in found.cure


async def test_what_stays_behind_and_what_breaks_off(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, 0.1, left="a.jpg")
    (found,) = await lemmy_time(ward.patient())
    assert (found.severity, "a.jpg" in found.what) == (Severity.WARNING, True)
    taking(monkeypatch, 0.1, 0)
    (found,) = await lemmy_time(ward.patient())
    assert found.severity is Severity.ERROR


async def test_who_is_there(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, 0.1, there=Answerer(Who.NOBODY, silence=Silence.REFUSED))
    (found,) = await lemmy_time(ward.patient())
    assert found.severity is Severity.NOTE
    taking(monkeypatch, 0.1, there=Answerer(Who.STRANGER))
    (found,) = await lemmy_time(ward.patient())
    assert (found.severity, "neither pict-rs nor a filter" in found.what) == (Severity.ERROR, True)
    assert await lemmy_time(ward.patient(quick=True)) == []


@pytest.mark.parametrize(
    ("listen", "base"),
    [
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("'[::]:8080'", "http://[::1]:8080"),
        ("10.0.0.1:1", "http://10.0.0.1:1"),
    ],
)
def test_where_it_is_asked(ward: Ward, listen: str, base: str) -> None:
    ward.path.write_text(ward.path.read_text().replace(f"\nlisten: {ward.listen}", f"\nlisten: {listen}"))
    assert own_base(ward.patient()) == base
