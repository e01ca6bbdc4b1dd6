"""The real Docker engine: builds our images from the Dockerfile as it is, and runs single containers, hardened.

    built = image("cpu")    made at most once by this process, and after that from the engine's cache
    with Network("name") as net, Container(built, network=net.name, ...) as filter:
        filter.run("pictrs-filter", "selftest")

Rules this file keeps: nothing is pulled; what was started is gone afterwards, however a test ends; nothing is waited
for by sleeping for luck. Containers that belong together as admins have them are in deployed.py.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.running import repository

PROGRAM: Final = "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else shutil.which("docker") or "docker"
"""Debian's client, which brings BuildKit; others want it as a plugin."""
DOCKERFILE: Final = repository() / "docker" / "Dockerfile"
TARGETS: Final = ("cpu", "cuda")
BASE: Final = "debian:trixie-slim"
HARDENED: Final = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
"""What our compose files say, as options of `docker run`."""
WAIT_SECONDS: Final = 180.0
"""For a container to become what it must: a model takes 5 to 30 seconds, with all cores busy."""


def available() -> str | None:
    """None when images can be built and run; else what is missing and how to get it."""
    if shutil.which(PROGRAM) is None or docker("info", check=False).returncode != 0:
        return "no Docker engine: .ci/engine"
    return None if docker("images", "--quiet", BASE).stdout else f"no image {BASE}: .ci/engine"


def docker(*words: str, check: bool = True, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """The client. Raises AssertionError with what it says, unless `check` is off."""
    done = subprocess.run(
        [PROGRAM, *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
    )
    assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
    return done


@cache
def image(target: str) -> str:
    """`pictrs-filter:TARGET`, built from the Dockerfile and the tree as they are now; gives its id.

    One build at a time on a machine: those of several test runs would do the same work twice. The id, as another
    checkout's tests may give that name to theirs.
    """
    tag = f"pictrs-filter:{target}"
    with Path(tempfile.gettempdir(), "pictrs-filter-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build = ("build", "--quiet", "--network", "host", "--target", target, "--tag", tag)
        return docker(*build, "--file", str(DOCKERFILE), str(repository())).stdout.strip()


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of an image or a container."""
    found: dict[str, Any] = json.loads(docker("inspect", name).stdout)[0]
    return found


class Network:
    """A network of its own without a way out, in `with`."""

    def __init__(self, name: str) -> None:
        self.name = f"pf-{name}-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        docker("network", "create", "--internal", self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        docker("network", "rm", self.name, check=False)


class Container:
    """One running container, in `with`: an image, its environment, and options of `docker run`."""

    def __init__(
        self,
        image: str,
        *options: str,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        network: str = "none",
    ) -> None:
        self.name = f"pf-{secrets.token_hex(6)}"
        given = [word for name, value in (environment or {}).items() for word in ("--env", f"{name}={value}")]
        self._words = ("--detach", "--name", self.name, "--network", network, *options, *given, image, *command)

    def __enter__(self) -> Self:
        docker("run", *self._words)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        docker("rm", "--force", "--volumes", self.name, check=False)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command inside, as the container's own user."""
        return docker("exec", self.name, *command, check=check)

    @property
    def state(self) -> dict[str, Any]:
        """Status, ExitCode, Health and more, as the engine has it."""
        found: dict[str, Any] = inspect(self.name)["State"]
        return found

    def log(self) -> str:
        """All that it has written, to both of its streams."""
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    def wait(self, true: Callable[[Self], bool]) -> None:
        """Until something holds. AssertionError with its log when it does not in time, or when the container ends."""
        end = time.monotonic() + WAIT_SECONDS
        while not true(self):
            assert self.state["Running"], self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.2)
