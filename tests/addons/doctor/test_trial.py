"""The trial of check `model`, in this process: what it says of models that are there, and of those that are not.

Once: which engine is quicker, and how a model is loaded, has tests of its own on each Python.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from addons.doctor.trial import trial
from tests.addons.doctor.patients import patient
from tests.tinymodel import ABC, write_model

pytestmark = pytest.mark.once

POLICY = """\
models: {{own: {{timm: 'local-dir:{folder}/m', labels: {labels}}}}}
signals: {{bad: {{model: own, label: a}}}}
rules: [{{name: one, when: {{signal: bad, at_least: 0.999}}, action: reject}}]
device: cpu
backend: torch
"""


async def test_a_model_that_is_there(tmp_path: Path) -> None:
    file = write_model(tmp_path / "m") / "model.safetensors"
    said = await trial(patient(tmp_path, POLICY.format(folder=tmp_path, labels=ABC)).config)
    assert said["weights"] == {"own": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert (said["faults"], said["absent"], said["device"]) == ({}, [], "cpu, torch")
    assert said["views"] > 1
    assert 0 < said["seconds"] < 60
    assert json.loads(json.dumps(said)) == said


async def test_one_that_is_not(tmp_path: Path) -> None:
    said = await trial(patient(tmp_path, POLICY.format(folder=tmp_path, labels=ABC)).config)
    assert list(said) == ["faults", "absent"]
    assert "no config.json" in said["faults"]["own"]


async def test_decoders_that_do_not_take_the_picture(tmp_path: Path) -> None:
    write_model(tmp_path / "m")
    text = POLICY.format(folder=tmp_path, labels=ABC) + "limits: {max_side_pixels: 100}\n"
    said = await trial(patient(tmp_path, text).config)
    assert said["faults"][""].startswith("a picture was not judged: ")
