"""Names that lead to the wrong place, or to two; with Docker's own answers in tests/docker/test_doctor.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.doctor import answerer, lookup, machine
from addons.doctor import name_clash as room
from addons.doctor.answerer import Answerer, Who
from addons.doctor.finding import Severity
from addons.doctor.name_clash import name_clash
from addons.doctor.patient import Patient
from tests.addons.doctor.wards import Ward

OWN, OTHER, THIRD = "10.0.0.2", "10.0.0.3", "10.0.0.4"


class World:
    """Who bears which name, and who answers where."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[str]] = {}
        self.who: dict[str, Who] = {}
        self.one = True
        self.compared: tuple[str, ...] = ()
        monkeypatch.setattr(lookup, "addresses", self._addresses)
        monkeypatch.setattr(machine, "is_own", lambda place: place == OWN)
        monkeypatch.setattr(answerer, "answerer", self._answerer)
        monkeypatch.setattr(room, "_is_one", self._is_one)

    async def _addresses(self, host: str) -> list[str]:
        return self.names.get(host, [])

    async def _answerer(self, patient: Patient, base: str) -> Answerer:
        host = base.removeprefix("http://").rpartition(":")[0].strip("[]")
        return Answerer(self.who.get(host, Who.NOBODY))

    async def _is_one(self, *bases: str) -> bool:
        self.compared = bases
        return self.one


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path, "http://store:8080", callback=", url: 'http://filter:8082'")


async def severities(ward: Ward, *, quick: bool = False) -> list[Severity]:
    return [finding.severity for finding in await name_clash(ward.patient(quick=quick))]


async def test_a_sound_one(world: World, ward: Ward) -> None:
    world.names = {"store": [OTHER], "pictrs": [OWN], "filter": [OWN]}
    world.who = {OTHER: Who.PICT_RS, OWN: Who.THIS_FILTER}
    assert await severities(ward) == [Severity.OK]


@pytest.mark.parametrize("second", [Who.THIS_FILTER, Who.FILTER, Who.STRANGER])
async def test_upstream_of_two(world: World, ward: Ward, second: Who) -> None:
    world.names, world.who = {"store": [OTHER, THIRD]}, {OTHER: Who.PICT_RS, THIRD: second}
    (found,) = await name_clash(ward.patient())
    assert found.severity is Severity.ERROR
    assert f"{OTHER} (pict-rs), {THIRD} ({second})" in found.what
    assert "hostname: pictrs-upstream" in found.cure
    assert "upstream: http://pictrs-upstream:8080" in found.cure


async def test_upstream_of_two_pict_rs(world: World, ward: Ward) -> None:
    world.names, world.who = {"store": [OTHER, THIRD]}, {OTHER: Who.PICT_RS, THIRD: Who.PICT_RS}
    assert await severities(ward) == [Severity.OK]  # one program on two networks
    assert world.compared == (f"http://{OTHER}:8080", f"http://{THIRD}:8080")
    world.one = False
    assert await severities(ward) == [Severity.ERROR]
    world.compared = ()
    await severities(ward, quick=True)
    assert world.compared == ()  # nothing is uploaded


async def test_an_address_at_which_nobody_is(world: World, ward: Ward) -> None:
    world.names, world.who = {"store": [OTHER, THIRD]}, {OTHER: Who.PICT_RS}
    assert await severities(ward) == [Severity.WARNING]
    world.names = {"store": [OTHER, "fd00::9"]}  # as localhost is, often: the other kind is tried at once
    assert await severities(ward) == [Severity.OK]


async def test_the_alias_of_pict_rs_alone(world: World, ward: Ward) -> None:
    world.names, world.who = {"pictrs": [OTHER]}, {OTHER: Who.PICT_RS}
    (found,) = await name_clash(ward.patient())
    assert (found.severity, "past the filter" in found.what) == (Severity.WARNING, True)
    assert "aliases: [pictrs]" in found.cure


async def test_the_alias_of_both(world: World, ward: Ward) -> None:
    world.names, world.who = {"pictrs": [OWN, OTHER]}, {OTHER: Who.PICT_RS}
    (found,) = await name_clash(ward.patient())
    assert (found.severity, "two owners" in found.what) == (Severity.ERROR, True)
    world.who = {OTHER: Who.FILTER}  # a second filter is no way past
    assert await severities(ward) == [Severity.OK]


async def test_the_callback_of_another_machine(world: World, ward: Ward) -> None:
    world.names = {"filter": [OTHER]}
    assert await severities(ward) == [Severity.WARNING]
    world.names = {"filter": [OTHER, OWN]}
    assert await severities(ward) == [Severity.ERROR]
    world.who = {OTHER: Who.THIS_FILTER}  # nginx before several, which share a key
    assert await severities(ward) == [Severity.OK]
