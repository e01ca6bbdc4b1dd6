"""Who reaches pict-rs, and its ways out: cases that no compose file of Lemmy's brings about."""

from __future__ import annotations

import pytest

from addons.doctor.compose.reach import reach
from addons.doctor.finding import Severity
from tests.addons.doctor.compose.casts import cast_of, gate


@pytest.mark.parametrize(
    ("mode", "severity"), [("host", Severity.ERROR), ("container:abc", Severity.WARNING), ("none", None)]
)
def test_networks_that_are_not_of_compose(mode: str, severity: Severity | None) -> None:
    found = list(reach(*cast_of(pictrs={"image": "pictrs", "network_mode": mode}, gate=gate())))
    assert [each.severity for each in found] == ([] if severity is None else [severity])


def test_the_network_of_another_service_is_its_own() -> None:
    found = list(
        reach(*cast_of(pictrs={"image": "pictrs", "network_mode": "service:web"}, web={"networks": {"out": {}}}))
    )
    assert any("services.pictrs has a way out: its network out" in each.what for each in found)
