"""What compose writes is read in both of its forms; whatever else it is, is said."""

from __future__ import annotations

import json

import pytest
import yaml

from addons.doctor.compose import reading
from addons.doctor.compose.reading import ComposeError, read

SAID = {"name": "lemmy", "services": {"pictrs": {"image": "asonix/pictrs:0.5", "networks": {"default": None}}}}


@pytest.mark.parametrize("text", [json.dumps(SAID), yaml.safe_dump(SAID), "\ufeff" + yaml.safe_dump(SAID)])
def test_json_and_yaml(text: str) -> None:
    assert read(text.encode()) == SAID


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("no configuration file provided: not found", "has no services"),
        ("[1, 2]", "holds no mapping"),
        ("{", "is neither JSON nor YAML: line 1"),
        ("a: b\nc: [d\n", "is neither JSON nor YAML: line 3"),
        ("\x00\x01", "is neither JSON nor YAML"),
        ("!!python/object:os.system {}", "is neither JSON nor YAML"),
        ("[" * 100_000, "is neither JSON nor YAML"),
        ("name: x", "has no services"),
        ("name: x\nservices: {}", "has no services"),
        ("name: x\nservices: {a: 1}", "a service 'a' that is no mapping"),
        ("name: x\nservices: {a: {environment: [A=1]}}", "services.a.environment is in its short form"),
        ("name: x\nservices: {a: {networks: [b]}}", "services.a.networks is in its short form"),
        ("name: x\nservices: {a: {depends_on: [b]}}", "services.a.depends_on is in its short form"),
        ("name: x\nservices: {a: {ports: ['1:1']}}", "services.a.ports is in its short form"),
        ("name: x\nservices: {a: {volumes: ['a:/b']}}", "services.a.volumes is in its short form"),
        ("services: {a: {image: b}}", "has no project name"),
    ],
)
def test_what_it_is_not(text: str, says: str) -> None:
    with pytest.raises(ComposeError, match=r"^(is|has|holds) ") as error:
        read(text.encode())
    assert says in str(error.value)
    assert "line" in str(error.value) or "docker compose config" in str(error.value) or "neither" in str(error.value)


def test_one_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    with pytest.raises(ComposeError, match="larger than 10 bytes"):
        read(json.dumps(SAID).encode())
