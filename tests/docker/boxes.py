"""Containers and networks of a real Docker engine, for one test: named after it, and gone with it.

The filter's box is an empty Debian with this machine's files in it, so that what runs there is the checkout, by the
Python that runs the tests, but with the container's own network and name server. Nothing is published by it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.docker import beyond
from tests.pictrs import required
from tests.running import repository

BASE = "debian:trixie-slim"
PICTRS = "asonix/pictrs:{}"
ENGINE_SECONDS = 60.0
DOCTOR_SECONDS = 120.0
Networks = Mapping[str, Sequence[str]]
"""Network -> the names of a container there."""


def available(version: str) -> str | None:
    """None where there is an engine with the images that are needed; else what is missing."""
    if shutil.which("docker") is None:
        return "there is no docker: run .ci/engine as root"
    wanted = (BASE, PICTRS.format(version))
    found = subprocess.run(["docker", "image", "inspect", *wanted], capture_output=True, text=True, check=False)
    return None if found.returncode == 0 else f"{found.stderr.strip() or 'no engine'}: run .ci/engine as root"


def need(version: str) -> None:
    """Skip the test that runs where there is no engine with this pict-rs, or fail it where it is required."""
    if reason := available(version) or beyond.available():
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


class Boxes:
    """Use it in `with`: at the end all containers and networks are gone."""

    def __init__(self) -> None:
        self._prefix = f"pictrs-filter-test-{secrets.token_hex(4)}"
        self._folder = tempfile.TemporaryDirectory()
        self._containers: list[str] = []
        self._networks: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._containers:
            self._docker("rm", "--force", "--volumes", *self._containers)
        if self._networks:
            self._docker("network", "rm", *self._networks)
        self._folder.cleanup()

    def network(self, name: str, *, internal: bool = False) -> str:
        """Make a network, and give the address of this machine in it."""
        own = f"{self._prefix}-{name}"
        self._docker("network", "create", *(["--internal"] if internal else []), own)
        self._networks.append(own)
        return str(json.loads(self._docker("network", "inspect", own))[0]["IPAM"]["Config"][0]["Gateway"])

    def pictrs(
        self, version: str, networks: Networks, environment: Mapping[str, str], publish: str | None = None
    ) -> str:
        """Start a pict-rs; `publish` is what `-p` takes."""
        options = ["--publish", publish] if publish else []
        for name, value in environment.items():
            options += ["--env", f"{name}={value}"]
        return self._start(PICTRS.format(version), networks, options)

    def filter(self, networks: Networks) -> Box:
        """A box for the filter, with this machine's files."""
        folder = Path(self._folder.name)
        (folder / "resolv.conf").write_text(
            "nameserver 127.0.0.11\noptions ndots:0\n"
        )  # Docker's own, in each container
        (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        options = ["--volume", "/:/host"]
        for file in ("resolv.conf", "hosts"):
            options += ["--volume", f"{folder / file}:/host{Path('/etc', file).resolve()}:ro"]
        name = self._start(BASE, networks, options, ["sleep", "infinity"])
        return Box(name)

    def _start(self, image: str, networks: Networks, options: list[str], command: Sequence[str] = ()) -> str:
        name = f"{self._prefix}-{len(self._containers)}"
        first, *others = networks
        self._containers.append(name)
        create = ["create", "--name", name, "--network", f"{self._prefix}-{first}", *_aliases(networks[first])]
        self._docker(*create, *options, image, *command)
        for other in others:
            aliases = [option for alias in networks[other] for option in ("--alias", alias)]
            self._docker("network", "connect", *aliases, f"{self._prefix}-{other}", name)
        self._docker("start", name)
        return name

    def _docker(self, *arguments: str) -> str:
        return docker(*arguments)


class Box:
    """A running container with this machine's files under /host."""

    def __init__(self, name: str) -> None:
        self._name = name

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs Python with these arguments in the box, from the checkout."""
        environment = ["env", "-C", str(repository()), f"PYTHONPATH={repository()}", "OMP_NUM_THREADS=1"]
        chroot = ["chroot", "/host", *environment, sys.executable, *arguments]
        return [_program(), "exec", "--interactive", self._name, *chroot]

    def doctor(self, config: Path, outside: str, *, quick: bool = False) -> tuple[int, dict[str, Any]]:
        """`pictrs-filter doctor --json` there, its checks of the network: the exit code, and what it said."""
        command = self.command("-m", "tests.docker.asked", str(config), outside, "quick" if quick else "all")
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=DOCTOR_SECONDS, stdin=subprocess.DEVNULL
        )
        if done.returncode not in (0, 1, 3) or not done.stdout:
            raise RuntimeError(f"{done.returncode}: {done.stdout}{done.stderr}")
        return done.returncode, json.loads(done.stdout)


def docker(*arguments: str) -> str:
    """Run the client, and give what it prints. Raises RuntimeError with what it complains of."""
    done = subprocess.run(
        [_program(), *arguments], capture_output=True, text=True, check=False, timeout=ENGINE_SECONDS, env=os.environ
    )
    if done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def _program() -> str:
    found = shutil.which("docker")
    if found is None:
        raise RuntimeError("there is no docker")
    return found


def _aliases(names: Sequence[str]) -> list[str]:
    return [option for name in names for option in ("--network-alias", name)]
