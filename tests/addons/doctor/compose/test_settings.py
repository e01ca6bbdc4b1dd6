"""What pict-rs is told: cases that no compose file of Lemmy's brings about."""

from __future__ import annotations

import pytest

from addons.doctor.compose.project import Service
from addons.doctor.compose.settings import refuses_local, settings
from tests.addons.doctor.compose.casts import cast_of, gate, pictrs


@pytest.mark.parametrize(
    ("tag", "refuses"),
    [
        ("0.5", True),
        ("0.5.20", False),
        ("0.5.21", True),
        ("0.6.0-rc.6", True),
        ("0.4.8", False),
        ("1", None),
        ("x", None),
    ],
)
def test_which_pictrs_refuses_local_addresses(tag: str, refuses: bool | None) -> None:
    assert refuses_local(Service("x", {"image": f"asonix/pictrs:{tag}"})) is refuses


def test_allowed_on_the_command_line() -> None:
    allowed = pictrs(command=["pict-rs", "--client-allow-local-connections", "run"])
    assert not list(settings(*cast_of(pictrs=allowed, gate=gate())))
    assert list(settings(*cast_of(pictrs=pictrs(), gate=gate())))


def test_a_validator_by_ip_address_is_no_trap() -> None:
    said = {
        "PICTRS__MEDIA__EXTERNAL_VALIDATION": "http://10.1.1.1:80/x",
        "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": "TRUE",
    }
    assert not list(settings(*cast_of(pictrs=pictrs(environment=said), gate=gate())))


@pytest.mark.parametrize(("value", "errors"), [("true", 0), ("1", 0), ("yes", 0), ("On", 0), ("false", 1), ("0", 1)])
def test_what_pictrs_takes_for_true(value: str, errors: int) -> None:
    said = pictrs(environment={"PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": value})
    assert len(list(settings(*cast_of(pictrs=said, gate=gate())))) == errors
