"""Cases of single rules that no compose file of Lemmy's brings about: reach, naming, settings, housing."""

from __future__ import annotations

from typing import Any

import pytest

from addons.doctor.compose.housing import housing
from addons.doctor.compose.naming import host_of, naming
from addons.doctor.compose.project import Project, Service
from addons.doctor.compose.reach import reach
from addons.doctor.compose.roles import Roles, roles
from addons.doctor.compose.settings import refuses_local, settings
from addons.doctor.finding import Severity

SAFE = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "volumes": [{"type": "volume", "source": "state", "target": "/var/lib/pictrs-filter"}],
}


def cast_of(**services: dict[str, Any]) -> tuple[Project, Roles]:
    networks = {"in": {"internal": True}, "out": {}}
    project = Project({"services": services, "networks": networks})
    return project, roles(project)


def pictrs(**said: Any) -> dict[str, Any]:
    return {"image": "asonix/pictrs:0.5.25", "networks": {"in": {"aliases": ["upstream"]}}} | said


def gate(**environment: str) -> dict[str, Any]:
    return {"image": "pictrs-filter:cpu", "networks": {"in": None, "out": None}, "environment": environment, **SAFE}


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


def test_ports_where_the_compose_file_says_others() -> None:
    said = gate(PICTRS_FILTER_LISTEN="0.0.0.0:1234") | {
        "ports": [{"target": 1234, "published": "80"}, {"target": 8080}]
    }
    (found,) = housing(*cast_of(gate=said))
    assert "80:1234 (PICTRS_FILTER_LISTEN)" in found.what


@pytest.mark.parametrize(
    ("volume", "lasts"),
    [
        ({"type": "bind", "source": "/srv/state", "target": "/var/lib/pictrs-filter"}, True),
        ({"type": "volume", "source": "all", "target": "/var/lib"}, True),
        ({"type": "volume", "source": "all", "target": "/var/lib/pictrs-filter/lists"}, False),
        ({"type": "volume", "target": "/var/lib/pictrs-filter"}, False),
        ({"type": "tmpfs", "target": "/var/lib/pictrs-filter"}, False),
    ],
)
def test_what_lasts(volume: dict[str, str], lasts: bool) -> None:
    found = list(housing(*cast_of(gate=gate() | {"volumes": [volume]})))
    assert bool(found) is not lasts


def test_a_state_folder_of_his_own() -> None:
    volume = {"type": "volume", "source": "s", "target": "/srv/state"}
    said = gate(PICTRS_FILTER_STATE_DIR="/srv/state") | {"volumes": [volume]}
    assert not list(housing(*cast_of(gate=said)))


@pytest.mark.parametrize(("value", "errors"), [("true", 0), ("1", 0), ("yes", 0), ("On", 0), ("false", 1), ("0", 1)])
def test_what_pictrs_takes_for_true(value: str, errors: int) -> None:
    said = pictrs(environment={"PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": value})
    assert len(list(settings(*cast_of(pictrs=said, gate=gate())))) == errors


def test_two_pictrs_of_one_name() -> None:
    given = {"pictrs": pictrs(), "second": pictrs(), "gate": gate(PICTRS_FILTER_UPSTREAM="http://upstream:8080")}
    (found,) = naming(*cast_of(**given), "")
    assert found.severity is Severity.ERROR
    assert "services.pictrs and services.second answer to that" in found.what


def test_a_container_with_more_than_it_had() -> None:
    more = {"cap_add": ["NET_ADMIN"], "user": "0:0", "security_opt": ["no-new-privileges:true", "seccomp=unconfined"]}
    (found,) = housing(*cast_of(gate=gate() | more))
    assert all(part in found.cure for part in ("(NET_ADMIN)", "`seccomp:unconfined`", "`user:`"))


def test_nobody_waits_for_the_filters_health() -> None:
    waiting = {"image": "nginx", "depends_on": {"gate": {"condition": "service_healthy"}}}
    (found,) = housing(*cast_of(gate=gate(), proxy=waiting))
    assert "services.proxy waits until services.gate is healthy" in found.what
