"""A project as the engine is told it: services, the networks that they are on, and the names that they have there.

Docker's rules of names (docs.docker.com, "Networking in Compose"): on a network a service answers to its own name, its
container's, its aliases there, and its `hostname:`. A name that several have is answered for by each in turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT = "default"
_HOST_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Published:
    """A port of a container that is shown outside of its networks. `host_ip` is empty for all of the machine's."""

    host_ip: str
    published: str
    target: int

    @property
    def local(self) -> bool:
        """Whether this machine alone reaches it."""
        return self.host_ip.startswith("127.") or self.host_ip == "::1"

    def __str__(self) -> str:
        """As a short form in a compose file."""
        return f"{self.host_ip + ':' if self.host_ip else ''}{self.published}:{self.target}"


@dataclass(frozen=True)
class Service:
    """One service. Values of its environment may be secrets: none is ever told."""

    name: str
    said: Mapping[str, Any] = field(repr=False)

    @property
    def image(self) -> str:
        """The image's name with its tag; empty where it is only built."""
        return str(self.said.get("image") or "")

    @property
    def image_name(self) -> str:
        """The last part of the image's name, without tag: `pictrs` of `docker.io/asonix/pictrs:0.5`."""
        return re.split("[:@]", self.image.rpartition("/")[2])[0]

    @property
    def tag(self) -> str:
        """The image's tag; empty without one."""
        return self.image.rpartition("/")[2].partition("@")[0].partition(":")[2]

    @property
    def environment(self) -> dict[str, str]:
        """Variables that are given a value."""
        return {
            str(key): str(value) for key, value in _mapping(self.said.get("environment")).items() if value is not None
        }

    @property
    def words(self) -> list[str]:
        """Entry point and command, word by word."""
        found: list[str] = []
        for key in ("entrypoint", "command"):
            value = self.said.get(key)
            found += [str(word) for word in value] if isinstance(value, list) else str(value or "").split()
        return found

    @property
    def network_mode(self) -> str:
        """`host`, `none`, `service:NAME`, `container:NAME`; empty for the networks that are listed."""
        return str(self.said.get("network_mode") or "")

    @property
    def ports(self) -> tuple[Published, ...]:
        """What it publishes."""
        return tuple(
            Published(str(row.get("host_ip") or ""), str(row.get("published") or "?"), int(row["target"]))
            for row in _rows(self.said.get("ports"))
            if str(row.get("target", "")).isdigit()
        )

    @property
    def volumes(self) -> list[Mapping[str, Any]]:
        """What is mounted in it: `type`, `source`, `target`."""
        return _rows(self.said.get("volumes"))

    @property
    def depends_on(self) -> dict[str, str]:
        """For whom it waits -> until when: `service_started`, `service_healthy`, ..."""
        found = _mapping(self.said.get("depends_on"))
        return {name: str(_mapping(how).get("condition", "service_started")) for name, how in found.items()}

    def hosts(self) -> set[str]:
        """Everything in its environment and command that could be the name of a machine."""
        return {word for text in (*self.environment.values(), *self.words) for word in _HOST_WORD.findall(text)}


class Project:
    """`said` is what reading.read gave."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.services = {name: Service(name, one) for name, one in _mapping(said.get("services")).items()}
        self._networks = {name: _mapping(one) for name, one in _mapping(said.get("networks")).items()}

    def networks(self, service: Service) -> dict[str, set[str]]:
        """The networks of a service -> the names that it has there."""
        mode, _, other = service.network_mode.partition(":")
        if mode == "service" and other in self.services and other != service.name:
            return self.networks(self.services[other])
        if service.network_mode:
            return {}
        listed = service.said.get("networks")
        own = {service.name, service.said.get("hostname"), service.said.get("container_name")} - {None, ""}
        if listed is None:
            return {DEFAULT: {str(name) for name in own}}
        return {
            name: {str(one) for one in (*own, *(_mapping(how).get("aliases") or []))} for name, how in listed.items()
        }

    def on(self, network: str) -> list[Service]:
        """Who is on that network."""
        return [service for service in self.services.values() if network in self.networks(service)]

    def owners(self, name: str, network: str) -> list[Service]:
        """Who answers to a name there."""
        return [service for service in self.on(network) if name in self.networks(service)[network]]

    def answering(self, service: Service, name: str) -> Iterator[tuple[str, Service]]:
        """Who may answer when `service` asks for a name: (network, who), on all of its networks."""
        for network in self.networks(service):
            for owner in self.owners(name, network):
                yield network, owner

    def is_internal(self, network: str) -> bool | None:
        """Whether nothing leads out of a network; None where another project made it, so that it is not told here."""
        said = self._networks.get(network, {})
        return None if said.get("external") else said.get("internal") is True

    def real_name(self, network: str) -> str:
        """The engine's name for a network."""
        return str(self._networks.get(network, {}).get("name") or network)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
