"""The checks as a list: names for scripts, each once; and each survives a pict-rs that is not there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from addons.admin.doctor import WIDTH
from addons.doctor.checks import CHECKS
from tests.addons.doctor.wards import NETWORK, OF_THE_NETWORK, Ward
from tests.ports import closed_address


def test_each_has_a_name_of_its_own_that_fits() -> None:
    names = [name for name, _ in CHECKS]
    assert len({*names}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and len(name) < WIDTH for name in names)
    assert {*OF_THE_NETWORK} <= {*names}


async def test_nothing_there_is_told_once(tmp_path: Path) -> None:
    with closed_address() as (host, port):
        patient = Ward(tmp_path, f"http://{host}:{port}").patient(outside="http://example.com/")
        found = {name: [each.severity.name for each in await check(patient)] for name, check in NETWORK}
    assert found == {
        "upstream": ["ERROR"],
        "name-clash": ["OK"],
        "past-the-filter": [],
        "way-out": [],
        "callback": [],
        "old-validator": [],
        "lemmy-time": ["NOTE"],
    }


async def test_nothing_is_made(tmp_path: Path) -> None:
    """No state folder, no key: the doctor only looks."""
    with closed_address() as (host, port):
        patient = Ward(tmp_path, f"http://{host}:{port}", key=False).patient()
        for _, check in NETWORK:
            await check(patient)
    assert os.listdir(tmp_path) == ["filter.yaml"]
