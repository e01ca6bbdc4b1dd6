"""Models: real ones in a folder, sound, changed, missing; and how soon a picture is judged.

Each trial is a process that imports torch, some 6 seconds of a core; so there are few, and they run on one Python.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from addons.doctor import models as room
from addons.doctor.finding import Severity
from addons.doctor.models import model, rated
from tests.addons.doctor.patients import patient, worst
from tests.tinymodel import ABC, write_model

pytestmark = pytest.mark.once

POLICY = """\
models:
  {}
signals: {{bad: {{model: own, label: a}}}}
rules: [{{name: one, when: {{signal: bad, at_least: 0.999}}, action: reject}}]
device: cpu
backend: torch
"""
SEVERAL = """\
models:
  own: {{timm: 'local-dir:{folder}/m', sha256: {sha256}}}
  gone: {{timm: 'local-dir:{folder}/gone'}}
  far: {{timm: 'hf-hub:somebody/a-model'}}
signals: {{o: {{model: own, label: a}}, g: {{model: gone, label: a}}, f: {{model: far, label: a}}}}
rules:
  - {{name: one, when: {{any: [{{signal: o, above: 0.5}}, {{signal: g, above: 0.5}}]}}, action: reject}}
  - {{name: two, when: {{signal: f, above: 0.5}}, action: reject}}
"""


def own(folder: Path, more: str = "") -> str:
    return POLICY.format(f"own: {{timm: 'local-dir:{folder}', labels: {ABC}{more}}}")


def weights(folder: Path) -> Path:
    return write_model(folder) / "model.safetensors"


async def test_one_that_is_pinned_and_quick(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(weights(tmp_path / "m").read_bytes()).hexdigest()
    found = await model(patient(tmp_path, own(tmp_path / "m", f", sha256: {sha256}") + "deadline_seconds: 100\n"))
    (one,) = found
    assert "views of it, on cpu, torch" in one.what
    assert one.what.endswith(f"SHA-256 of the weights: own {sha256[:16]}")
    assert worst(found) is Severity.OK


@pytest.mark.parametrize(
    ("deadline", "seconds", "severity"),
    [
        (8, 3.9, Severity.OK),
        (8, 4.1, Severity.WARNING),
        (8, 8.0, Severity.ERROR),
        (30, 5.1, Severity.WARNING),
        (30, 10.0, Severity.ERROR),
    ],
)
def test_what_a_time_means(tmp_path: Path, deadline: int, seconds: float, severity: Severity) -> None:
    config = patient(tmp_path, f"deadline_seconds: {deadline}\n").config
    found = rated(config, {"seconds": seconds, "views": 13, "device": "cpu, torch", "weights": {}})
    assert worst([found]) is severity
    assert f"takes {seconds:.2f} s, 13 views of it, on cpu, torch (deadline_seconds {deadline};" in found.what
    assert severity is Severity.OK or "add `tiles: false` under `views:` (1 view in place of 13)" in found.cure


async def test_others_than_were_pinned_and_none_at_all(tmp_path: Path) -> None:
    weights(tmp_path / "m")
    found = await model(patient(tmp_path, SEVERAL.format(folder=tmp_path, sha256="ab" * 32)))
    changed, gone, far = found
    assert worst([changed, gone]) is Severity.ERROR
    assert changed.what.startswith(f"{tmp_path}/filter.yaml:2: models.own: ")
    assert f"the policy says {'ab' * 32}" in changed.what
    assert "models pin" in changed.cure
    assert gone.what.startswith(f"{tmp_path}/filter.yaml:3: models.gone: ")
    assert "write local-dir:/path" in gone.cure
    assert worst([far]) is Severity.WARNING
    assert far.what == f"{tmp_path}/filter.yaml:4: models.far: its weights are not on this machine"


async def test_a_label_that_it_has_not(tmp_path: Path) -> None:
    weights(tmp_path / "m")
    text = own(tmp_path / "m").replace(f", labels: {ABC}", "")
    found = await model(patient(tmp_path, text))
    assert worst(found) is Severity.ERROR
    assert "labels" in found[0].cure


async def test_a_process_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_COMMAND", ("/bin/sh", "-c", "echo out of memory >&2; kill -9 $$"))
    found = await model(patient(tmp_path))
    assert worst(found) is Severity.ERROR
    assert "ended with -9: out of memory" in found[0].what


async def test_one_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_COMMAND", ("/bin/sh", "-c", "exec sleep 1000"))
    monkeypatch.setattr(room, "TRIAL_SECONDS", 0.1)
    found = await model(patient(tmp_path))
    assert worst(found) is Severity.ERROR
    assert "not ready within 0.1 s" in found[0].what


async def test_quick_leaves_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_COMMAND", ("/bin/false",))
    assert worst(await model(patient(tmp_path, quick=True))) is Severity.NOTE


async def test_nobody_but_this_machine_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = """printf '{"faults": {"nsfw": "offline %s%s"}, "absent": []}' "$HF_HUB_OFFLINE" "$PICTRS_FILTER_MODE" """
    monkeypatch.setenv("PICTRS_FILTER_MODE", "shadow")
    monkeypatch.setattr(room, "_COMMAND", ("/bin/sh", "-c", said))
    (found,) = await model(patient(tmp_path))
    assert found.what.endswith("models.nsfw: offline 1")
