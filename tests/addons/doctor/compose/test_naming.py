"""Names: cases that no compose file of Lemmy's brings about."""

from __future__ import annotations

import pytest

from addons.doctor.compose.naming import host_of, naming
from addons.doctor.finding import Severity
from tests.addons.doctor.compose.casts import cast_of, gate, pictrs


def test_a_name_of_the_doctors_own_configuration() -> None:
    assert not list(naming(*cast_of(pictrs=pictrs(), gate=gate()), "upstream"))
    (found,) = naming(*cast_of(pictrs=pictrs(), gate=gate()), "gate")
    assert (found.severity, "in a circle" in found.why) == (Severity.ERROR, True)


def test_a_name_that_lemmy_does_not_ask_for() -> None:
    lemmy = {"image": "dessalines/lemmy:1", "networks": {"out": None}}
    (found,) = naming(*cast_of(pictrs=pictrs(), gate=gate(), lemmy=lemmy), "upstream")
    assert (found.severity, found.cure) == (Severity.NOTE, "at services.gate, networks.out: `aliases: [pictrs]`")


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://a.b:1/x", "a.b"), ("http://10.0.0.1:1", ""), ("http://[fd00::1]:1", ""), ("http://[", ""), ("", "")],
)
def test_the_name_in_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


def test_two_pictrs_of_one_name() -> None:
    given = {"pictrs": pictrs(), "second": pictrs(), "gate": gate(PICTRS_FILTER_UPSTREAM="http://upstream:8080")}
    (found,) = naming(*cast_of(**given), "")
    assert found.severity is Severity.ERROR
    assert "services.pictrs and services.second answer to that" in found.what
