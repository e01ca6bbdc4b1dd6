"""Names and networks of a project, by what compose says of it."""

from __future__ import annotations

from typing import Any

import pytest

from addons.doctor.compose.project import Project, Published, Service

SAID: dict[str, Any] = {
    "name": "x",
    "services": {
        "a": {"networks": {"one": {"aliases": ["alias"]}, "two": None}, "hostname": "host", "container_name": "box"},
        "b": {"networks": {"one": None}, "network_mode": ""},
        "joined": {"network_mode": "service:a"},
        "alone": {"network_mode": "none"},
        "host": {"network_mode": "host"},
        "plain": {},
    },
    "networks": {"one": {"name": "x_one"}, "two": {"internal": True}, "far": {"external": True, "name": "theirs"}},
}


def named(services: list[Service]) -> list[str]:
    return [each.name for each in services]


def test_the_names_of_a_service_on_each_network() -> None:
    project = Project(SAID)
    assert project.networks(project.services["a"]) == {
        "one": {"a", "host", "box", "alias"},
        "two": {"a", "host", "box"},
    }
    assert project.networks(project.services["plain"]) == {"default": {"plain"}}
    assert project.networks(project.services["joined"]) == project.networks(project.services["a"])
    assert project.networks(project.services["alone"]) == project.networks(project.services["host"]) == {}


def test_who_answers() -> None:
    project = Project(SAID)
    assert named(project.on("one")) == ["a", "b", "joined"]
    assert named(project.owners("alias", "two")) == []
    assert [(network, who.name) for network, who in project.answering(project.services["b"], "host")] == [
        ("one", "a"),
        ("one", "joined"),
    ]


@pytest.mark.parametrize(("network", "internal"), [("one", False), ("two", True), ("far", None), ("default", False)])
def test_what_leads_out(network: str, internal: bool | None) -> None:
    assert Project(SAID).is_internal(network) is internal


def test_the_engines_names() -> None:
    assert [Project(SAID).real_name(name) for name in ("one", "two", "far")] == ["x_one", "two", "theirs"]


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("asonix/pictrs:0.5", "pictrs", "0.5"),
        ("localhost:5000/a/pict-rs", "pict-rs", ""),
        ("pictrs@sha256:abc", "pictrs", ""),
        ("pictrs:0.4@sha256:abc", "pictrs", "0.4"),
        ("", "", ""),
    ],
)
def test_an_image(image: str, name: str, tag: str) -> None:
    service = Service("x", {"image": image})
    assert (service.image_name, service.tag) == (name, tag)


def test_what_it_is_told() -> None:
    said = {
        "environment": {"A": "http://one:1/x", "B": None, "C": 5},
        "command": ["run", "--at", "two:2"],
        "entrypoint": "/bin/x --y",
        "depends_on": {"z": {"condition": "service_healthy"}, "y": None},
    }
    service = Service("x", said)
    assert service.environment == {"A": "http://one:1/x", "C": "5"}
    assert service.words == ["/bin/x", "--y", "run", "--at", "two:2"]
    assert {"one", "two"} <= service.hosts()
    assert service.depends_on == {"z": "service_healthy", "y": "service_started"}


def test_nothing_of_its_environment_is_shown() -> None:
    assert "secret" not in repr(Service("x", {"environment": {"KEY": "secret"}}))


@pytest.mark.parametrize(
    ("row", "text", "local"),
    [
        ({"target": 80, "published": "8080", "host_ip": "127.0.0.1"}, "127.0.0.1:8080:80", True),
        ({"target": 80, "published": "8080", "host_ip": "::1"}, "::1:8080:80", True),
        ({"target": 80, "published": "8080"}, "8080:80", False),
        ({"target": 80, "published": "8080", "host_ip": "0.0.0.0"}, "0.0.0.0:8080:80", False),
        ({"target": 80}, "?:80", False),
    ],
)
def test_a_port(row: dict[str, object], text: str, local: bool) -> None:
    (port,) = Service("x", {"ports": [row]}).ports
    assert isinstance(port, Published)
    assert (str(port), port.local) == (text, local)


@pytest.mark.parametrize("nonsense", [None, 1, "x", [1], [{"target": "x"}]])
def test_nonsense_is_nothing(nonsense: object) -> None:
    service = Service("x", dict.fromkeys(("ports", "volumes", "environment", "depends_on"), nonsense))
    assert service.ports == ()
    assert service.environment == service.depends_on == {}
    assert Project({"services": nonsense}).services == {}
