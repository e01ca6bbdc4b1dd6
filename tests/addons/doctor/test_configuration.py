"""What loads, and is worth a second thought: each choice with its line; and none where there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.doctor import configuration as room
from addons.doctor.configuration import configuration
from addons.doctor.finding import Severity
from tests.addons.doctor.patients import patient, worst

POLICY = """\
models: {own: {timm: 'hf-hub:somebody/a-model'}}
signals: {bad: {model: own, label: bad}}
rules:
  - {name: one, when: {signal: bad, at_least: 0.5}, action: reject, sources: [upload]}
"""
PINNED = POLICY.replace("a-model'", f"a-model', revision: {'a' * 40}, sha256: {'b' * 64}").replace(
    ", sources: [upload]", ""
)

SOURCES = PINNED.replace("reject}", "reject, sources: [upload, fetch, import, hook]}")


@pytest.fixture(autouse=True)
def _outside_of_containers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(room, "IN_A_CONTAINER", (tmp_path / "dockerenv",))
    monkeypatch.setattr(room, "KUBERNETES", tmp_path / "kubernetes")


@pytest.mark.parametrize("text", ["", "admin: {listen: '[::1]:8083'}\n", PINNED])
async def test_a_sound_one(tmp_path: Path, text: str) -> None:
    (found,) = await configuration(patient(tmp_path, text))
    assert (found.severity, found.why, found.cure) == (Severity.OK, "", "")


@pytest.mark.parametrize(
    ("text", "line", "severity", "what", "cure"),
    [
        ("\nmode: shadow\n", 2, Severity.NOTE, "shadow mode", "`mode: enforce`"),
        ("deadline_seconds: 10\n", 1, Severity.WARNING, "10 s", "`deadline_seconds: 8`"),
        ("failure:\n  deadline: pass\n", 2, Severity.WARNING, "UNSEEN on `deadline`", "`deadline: refuse`"),
        ("admin:\n  listen: 0.0.0.0:9000\n", 2, Severity.WARNING, "0.0.0.0:9000", "`listen: 127.0.0.1:9000`"),
        ("decoder:\n  confinement: best_effort\n", 2, Severity.NOTE, "without", "`confinement: required`"),
        ("fetch:\n  allow_networks: [10.0.0.0/8]\n", 2, Severity.WARNING, "10.0.0.0/8", "`allow_networks: []`"),
        (PINNED.replace(f", revision: {'a' * 40}", ""), 1, Severity.WARNING, "no `revision:`", "models pin --config"),
        (SOURCES, 3, Severity.NOTE, "from: proxy", "add proxy"),
    ],
)  # fmt: skip
async def test_a_choice_with_its_line(
    tmp_path: Path, text: str, line: int, severity: Severity, what: str, cure: str
) -> None:
    (found,) = await configuration(patient(tmp_path, text))
    assert found.severity is severity
    assert found.what.startswith(f"{tmp_path / 'filter.yaml'}:{line}: ")
    assert what in found.what
    assert cure in found.cure
    assert worst([found]) is severity


async def test_all_at_once(tmp_path: Path) -> None:
    found = await configuration(
        patient(tmp_path, f"failure: {{decoder: pass, deadline: pass}}\nmode: shadow\n{POLICY}")
    )
    assert [each.severity for each in found].count(Severity.WARNING) == 3
    assert len(found) == 5


@pytest.mark.parametrize("marker", ["dockerenv", "kubernetes"])
async def test_in_a_container_every_address_is_how_it_must_be(tmp_path: Path, marker: str) -> None:
    (tmp_path / marker).touch()
    (found,) = await configuration(patient(tmp_path, "admin: {listen: 0.0.0.0:8083}\n"))
    assert found.severity is Severity.OK
