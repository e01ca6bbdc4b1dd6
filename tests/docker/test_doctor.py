"""`pictrs-filter doctor` in a container, beside a real pict-rs in another: names, ways out, and published ports.

The networks are Docker's own, and so are the answers of its name server.

The sound set-up is that of docker/docker-compose.override.yml; each broken one differs from it in one thing.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from addons.state import load_key
from tests.docker.beyond import Beyond
from tests.docker.boxes import Box, Boxes, Networks, need
from tests.real.conftest import ALLOW_LOCAL

pytestmark = pytest.mark.once  # Docker's networks and the doctor's own sockets; mitmproxy has no part in it

DEFAULT, BEHIND = "default", "behind"
FILTER_NAMES = {DEFAULT: ("pictrs", "pictrs-filter"), BEHIND: ("pictrs-filter",)}
PICTRS_NAMES = {BEHIND: ("pictrs-upstream",)}
PUBLISHED = 8537  # one of those that the doctor looks at, and no program of this machine has


@dataclass
class Setup:
    """What stands where; the defaults are sound."""

    folder: Path
    version: str = "0.5.25"
    upstream: str = "http://pictrs-upstream:8080"
    callback: str = "http://pictrs-filter:8082"
    names: Networks = field(default_factory=lambda: dict(PICTRS_NAMES))
    environment: dict[str, str] = field(default_factory=lambda: dict(ALLOW_LOCAL))
    publish: str | None = None
    behind_internal: bool = True
    outside: bool = False  # whether pict-rs's way there is tried
    serves: bool = True  # whether the filter is at work beside the doctor

    def file(self) -> Path:
        """The filter's configuration, with a key."""
        path = self.folder / "filter.yaml"
        path.write_text(
            f"listen: 0.0.0.0:8080\nupstream: {self.upstream}\nstate_dir: '{self.folder}/state'\n"
            f"callback: {{listen: 0.0.0.0:8082, url: '{self.callback}'}}\nadmin: {{listen: off}}\n"
        )
        load_key(self.folder / "state")
        return path


def examined(setup: Setup) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the worst finding of each check, of a doctor in the filter's box."""
    need(setup.version)
    with contextlib.ExitStack() as running:
        outside = running.enter_context(Beyond()).url if setup.outside else ""
        boxes = running.enter_context(Boxes())
        boxes.network(DEFAULT)
        boxes.network(BEHIND, internal=setup.behind_internal)
        boxes.pictrs(setup.version, setup.names, setup.environment, setup.publish)
        box, path = boxes.filter(FILTER_NAMES), setup.file()
        if setup.serves:
            running.enter_context(serving(box, path))
        code, said = box.doctor(path, outside, quick=not setup.serves)
    found: dict[str, dict[str, Any]] = {}
    for each in said["findings"]:
        if each["severity"] in ("warning", "error") or each["check"] not in found:
            found[each["check"]] = each
    return code, found


@contextlib.contextmanager
def serving(box: Box, path: Path) -> Iterator[None]:
    """The filter, at work in its box."""
    command = box.command("-m", "tests.docker.faked", str(path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == "ready\n"
            yield
        finally:
            running.stdin.close()
            running.wait()


def wrong(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: each["severity"] for name, each in found.items() if each["severity"] in ("warning", "error")}


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6"])
def test_a_sound_one(tmp_path: Path, version: str) -> None:
    code, found = examined(Setup(tmp_path, version, outside=version == "0.5.25"))
    assert (code, wrong(found)) == (0, {})
    assert found["callback"]["severity"] == "ok"
    assert found["lemmy-time"]["severity"] == "ok"
    if version == "0.5.25":  # once: that no packet comes back takes as long as pict-rs is waited for
        assert found["way-out"]["what"].startswith("pict-rs has no way to the internet")
    assert "who shares its network is not seen" in found["past-the-filter"]["what"]  # said, and a note
    assert "--compose -" in found["past-the-filter"]["cure"]


def test_two_owners_of_the_name(tmp_path: Path) -> None:
    """`hostname: pictrs` was kept, and the default network too: Docker answers with both."""
    names = {DEFAULT: ("pictrs",), BEHIND: ("pictrs-upstream",)}
    code, found = examined(Setup(tmp_path, names=names, outside=True, serves=False))
    assert (code, wrong(found)) == (1, {"name-clash": "error", "way-out": "warning"})
    assert "the name pictrs has two owners: this filter (" in found["name-clash"]["what"]
    assert "gets past the filter every other time" in found["name-clash"]["why"]
    assert "`hostname: pictrs-upstream` in place of `hostname: pictrs`" in found["name-clash"]["cure"]
    assert "internal: true" in found["way-out"]["cure"]


def test_upstream_is_the_name_of_both(tmp_path: Path) -> None:
    """The filter asks for the name that it bears itself, and gets its own address every other time."""
    names = {DEFAULT: ("pictrs",)}
    code, found = examined(Setup(tmp_path, upstream="http://pictrs:8080", names=names))
    assert code == 1
    assert wrong(found)["name-clash"] == "error"
    assert "(this filter)" in found["name-clash"]["what"]
    assert "(pict-rs)" in found["name-clash"]["what"]
    assert "upstream: http://pictrs-upstream:8080" in found["name-clash"]["cure"]


def test_upstream_is_the_filter(tmp_path: Path) -> None:
    code, found = examined(Setup(tmp_path, upstream="http://pictrs:8080"))
    assert (code, wrong(found)["upstream"]) == (1, "error")
    assert "points at this filter itself" in found["upstream"]["what"]
    assert "upstream: http://pictrs-upstream:8080" in found["upstream"]["cure"]


def test_upstream_has_no_such_name(tmp_path: Path) -> None:
    code, found = examined(Setup(tmp_path, upstream="http://pictrs-upstraem:8080", serves=False))
    assert (code, wrong(found)["upstream"]) == (1, "error")
    assert "no name server knows that name" in found["upstream"]["what"]
    assert "upstream: http://pictrs-upstream:8080" in found["upstream"]["cure"]


def test_a_published_port_and_a_way_out(tmp_path: Path) -> None:
    setup = Setup(tmp_path, publish=f"{PUBLISHED}:8080", behind_internal=False, outside=True, serves=False)
    code, found = examined(setup)
    assert (code, wrong(found)) == (1, {"past-the-filter": "error", "way-out": "warning"})
    assert f":{PUBLISHED}" in found["past-the-filter"]["what"]
    assert found["past-the-filter"]["cure"].startswith("delete `ports:` from pict-rs's service")
    assert "it fetched http://" in found["way-out"]["what"]
    assert "internal: true" in found["way-out"]["cure"]


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6"])
def test_names_that_pict_rs_may_not_ask(tmp_path: Path, version: str) -> None:
    """No ALLOW_LOCAL_CONNECTIONS, and a validator by its name, as pictrs-safety's pages have it."""
    environment = {"PICTRS__MEDIA__EXTERNAL_VALIDATION": "http://pictrs-filter:8082/validate"}
    code, found = examined(Setup(tmp_path, version, environment=environment))
    assert code == 1
    assert {"allow-local-connections", "old-validator"} <= {*wrong(found)}
    assert found["allow-local-connections"]["cure"].startswith("PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true")
    assert "a name that leads to a private network" in found["old-validator"]["what"]
    assert "delete PICTRS__MEDIA__EXTERNAL_VALIDATION" in found["old-validator"]["cure"]
    assert re.search(r"EXTERNAL_VALIDATION=http://[0-9.]+:8082/validate ", found["old-validator"]["cure"])


def test_a_callback_name_of_another(tmp_path: Path) -> None:
    code, found = examined(Setup(tmp_path, callback="http://pictrs-upstream:8082", serves=False))
    assert code == 1
    assert wrong(found) == {"callback": "error", "name-clash": "warning"}
    assert "leads to another machine" in found["name-clash"]["what"]
    assert "callback: {url: http://pictrs-filter:8082}" in found["name-clash"]["cure"]
