"""Where pict-rs's port is looked for, and what is said of it; real ports in tests/real and tests/docker."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from addons.doctor import answerer, lookup, machine
from addons.doctor.answerer import Answerer, Who
from addons.doctor.finding import Severity
from addons.doctor.past_the_filter import past_the_filter
from addons.doctor.patient import Patient
from tests.addons.doctor.wards import Ward

UPSTREAM = "http://store:8080"


class World:
    """Where pict-rs answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places, self.gateway, self.open = ["10.0.0.3"], "10.0.0.1", {UPSTREAM}
        self.own: list[str] = []
        self.asked: list[str] = []
        monkeypatch.setattr(lookup, "addresses", self._addresses)
        monkeypatch.setattr(machine, "is_own", lambda place: place.startswith("127.") or place in self.own)
        monkeypatch.setattr(machine, "own_addresses", lambda: [ipaddress.ip_address(each) for each in self.own])
        monkeypatch.setattr(machine, "gateway", lambda: self.gateway)
        monkeypatch.setattr(answerer, "answerer", self._answerer)

    async def _addresses(self, host: str) -> list[str]:
        return self.places

    async def _answerer(self, patient: Patient, base: str) -> Answerer:
        self.asked.append(base)
        return Answerer(Who.PICT_RS, "0.5") if base in self.open else Answerer(Who.NOBODY)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path, UPSTREAM)


async def test_on_this_machine(world: World, ward: Ward) -> None:
    world.places, world.own = ["127.0.0.1"], ["192.0.2.7", "2001:db8::7"]
    (found,) = await past_the_filter(ward.patient())
    assert found.severity is Severity.OK
    assert world.asked == [UPSTREAM, "http://192.0.2.7:8080", "http://[2001:db8::7]:8080"]
    world.open.add("http://[2001:db8::7]:8080")
    (found,) = await past_the_filter(ward.patient())
    assert (found.severity, "at http://[2001:db8::7]:8080" in found.what) == (Severity.ERROR, True)
    assert "PICTRS__SERVER__ADDRESS=127.0.0.1:8080" in found.cure


@pytest.mark.parametrize("port", [8080, 8537])
async def test_published(world: World, ward: Ward, port: int) -> None:
    world.open.add(f"http://10.0.0.1:{port}")
    (found,) = await past_the_filter(ward.patient())
    assert (found.severity, f"http://10.0.0.1:{port}" in found.what) == (Severity.ERROR, True)
    assert found.cure.startswith("delete `ports:`")


async def test_what_is_not_seen_is_said(world: World, ward: Ward) -> None:
    (found,) = await past_the_filter(ward.patient())
    assert (found.severity, "not published at 10.0.0.1" in found.what) == (Severity.NOTE, True)
    assert "--compose -" in found.cure
    (found,) = await past_the_filter(ward.patient(compose={"services": {}}))
    assert found.severity is Severity.OK  # the compose file tells the rest


async def test_the_gateway_that_is_pict_rs(world: World, ward: Ward) -> None:
    """A pict-rs on the machine, and the filter in a container: its port there is the one that is meant."""
    world.places = ["10.0.0.1"]
    (found,) = await past_the_filter(ward.patient())
    assert (found.severity, "no gateway to look" in found.what) == (Severity.NOTE, True)


async def test_a_public_address(world: World, ward: Ward) -> None:
    world.places = ["8.8.8.8"]
    found = await past_the_filter(ward.patient(compose={"services": {}}))
    assert [each.severity for each in found] == [Severity.WARNING]
    assert "8.8.8.8" in found[0].what
