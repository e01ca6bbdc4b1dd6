"""A compose project on the real engine, and what its containers can do.

    with Deployed(folder) as site:      a folder with compose files
        site.up()
        site.ask("lemmy", "http://pictrs:8080/healthz").status     an HTTP request from inside a container
        site.connects("pictrs", "1.2.3.4", 80)                      does a connection come about from in there?

Rules this file keeps: containers, networks and volumes are gone afterwards, however a test ends; one project with our
published ports (8083) at a time, on one machine; our image is built from the tree as it is, and nothing is pulled.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import subprocess
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.docker import engine
from tests.docker.composed import compose
from tests.docker.engine import docker

READY_SECONDS: Final = 180.0
"""Until a filter must be ready: its model took 5 to 30 seconds, with all cores busy."""
CONNECT_SECONDS: Final = 2
"""For a connection that must not come about. One that does takes a millisecond."""
ADMIN: Final = ("127.0.0.1", 8083)
"""Where our files publish the filter's internal port."""

ASK: Final = """
import base64, http.client, json, sys, urllib.parse
said = json.load(sys.stdin)
url = urllib.parse.urlsplit(said["url"])
target = said["url"].partition(url.netloc)[2]
try:
    connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=said["seconds"])
    connection.request(said["method"], target, base64.b64decode(said["body"]), said["headers"])
    got = connection.getresponse()
    body = base64.b64encode(got.read()).decode()
    told = {"status": got.status, "headers": dict(got.getheaders()), "body": body}
except OSError as error:
    told = {"error": repr(error)}
json.dump(told, sys.stdout)
"""

IMAGES: Final = ("nginx:1.28", "asonix/pictrs:0.5.25")
"""What the tests run beside our own image."""


def available() -> str | None:
    """None when containers can be run; else what is missing and how to get it."""
    if os.geteuid() != 0:
        return "not root: namespaces and folders of other users are made"
    if reason := engine.available():
        return reason
    found = docker("image", "inspect", *IMAGES, check=False)
    return None if found.returncode == 0 else f"an image is missing: {found.stderr.strip()}; .ci/engine"


def ready() -> bool:
    """Whether the filter whose internal port is published here can judge."""
    connection = http.client.HTTPConnection(*ADMIN, timeout=5.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Told:
    """What came of a request: an answer, or `error` and status 0."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    error: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Deployed:
    """A project in a folder. Its name is the folder's, as compose has it."""

    def __init__(self, folder: Path, *files: str) -> None:
        self.folder = folder
        self.name = f"pf-{folder.name}-{os.getpid()}".lower()
        self.files = files

    def __enter__(self) -> Self:
        engine.image("cpu")
        self._lock = Path(tempfile.gettempdir(), "pictrs-filter-docker.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.compose("down", "--volumes", "--remove-orphans", "--timeout", "2")
            for kind_of in ("network", "volume"):  # of files that are gone by now: `down` does not know them
                mine = ("--filter", f"label=com.docker.compose.project={self.name}")
                for left in docker(kind_of, "ls", "--quiet", *mine).stdout.split():
                    docker(kind_of, "rm", left, check=False)
        finally:
            self._lock.close()

    def compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`docker compose` in this project."""
        return compose(self.folder, *self.files, *words, COMPOSE_PROJECT_NAME=self.name, DOCKER_CLI_HINTS="false")

    def up(self, *words: str) -> None:
        """`docker compose up -d`, as an admin says it; raises AssertionError with what compose says."""
        done = self.compose("up", "--detach", "--no-build", "--timeout", "2", *words)
        assert done.returncode == 0, done.stderr

    def run(self, service: str, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command inside a running container."""
        return docker("exec", "--interactive", self.container(service), *command, given=given, check=False)

    def container(self, service: str) -> str:
        """The id of the one container of a service."""
        found = self.compose("ps", "--quiet", service).stdout.split()
        assert len(found) == 1, (service, found)
        return found[0]

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine says of a service's container."""
        done = subprocess.run(
            ["docker", "inspect", self.container(service)], capture_output=True, text=True, check=True
        )
        told: dict[str, Any] = json.loads(done.stdout)[0]
        return told

    def addresses(self, service: str) -> dict[str, str]:
        """Network (without the project's name): address of the service there."""
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return {name.removeprefix(f"{self.name}_"): said["IPAddress"] for name, said in networks.items()}

    def started(self, service: str) -> str:
        """Which container it is, and since when it runs: the same as long as nobody touched it."""
        told = self.inspect(service)
        return f"{told['Id']} {told['State']['StartedAt']}"

    def ask(
        self,
        service: str,
        url: str,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = 30.0,
    ) -> Told:
        """An HTTP request out of a container that has Python. The target goes out exactly as it stands in `url`."""
        said = {
            "url": url,
            "method": method,
            "body": b64encode(body).decode(),
            "headers": dict(headers or {}),
            "seconds": seconds,
        }
        done = self.run(service, "python3", "-c", ASK, given=json.dumps(said))
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        return Told(
            told.get("status", 0), b64decode(told.get("body", "")), told.get("headers", {}), told.get("error", "")
        )

    def connects(self, service: str, host: str, port: int) -> bool:
        """Whether a TCP connection from inside a container comes about (bash makes it: there is no Python in all)."""
        probe = f"exec 3<>/dev/tcp/{host}/{port}"
        done = self.run(service, "timeout", str(CONNECT_SECONDS), "bash", "-c", probe)
        assert done.returncode in (0, 1, 124), done.stderr
        return done.returncode == 0

    def settle(self, true: Callable[[], bool]) -> None:
        """Until something holds; raises AssertionError when it does not in time."""
        end = time.monotonic() + READY_SECONDS
        while not true():
            assert time.monotonic() < end, self.compose("logs", "--tail", "20").stdout
            time.sleep(0.2)

    def wait(self) -> None:
        """Until the filter says that it is ready."""
        self.settle(ready)

    def log(self, service: str) -> str:
        """All that a service has written so far."""
        return self.compose("logs", "--no-color", "--no-log-prefix", service).stdout
