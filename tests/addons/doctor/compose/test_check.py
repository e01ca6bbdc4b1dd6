"""The override beside each official file of Lemmy's, as the real `docker compose` merges them: nothing is found. Each
way to break it is found, with the service and the line.

Once: compose merges, and no Python of ours has a part in it. What is broken by hand is broken in YAML, and merged anew.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from addons.doctor.compose.check import compose
from addons.doctor.compose.reading import read
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from config.load import load
from tests.addons.doctor.patients import write
from tests.conftest import need_compose
from tests.docker.composed import OVERRIDE
from tests.docker.composed import compose as run_compose
from tests.docker.composed import config as merged
from tests.docker.composed import project as make
from tests.running import repository

pytestmark = pytest.mark.once

PLAIN = ["0.18.5", "0.19.3", "0.19.20", "1.0.0-beta.1", "ansible-1.5.18"]
OLD = ["0.17.4", "0.18.0"]
THIRD = "broken.yml"
"""A third file, read after the override: what an administrator broke."""
BROKEN: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("broken.yaml").read_text())
FILES = ("-f", "docker-compose.yml", "-f", OVERRIDE.name)


@pytest.fixture(autouse=True)
def _compose() -> None:
    need_compose()


async def looked(folder: Path, said: dict[str, Any]) -> list[Finding]:
    found = await compose(Patient(load(write(folder), env={}), compose=read(json.dumps(said).encode())))
    for each in found:
        assert each.check == "compose"
        assert each.severity is Severity.OK or (each.what and each.why and each.cure)
        assert "my-pictrs-key" not in str(each)
    return found


async def broken(folder: Path, text: str, version: str = "0.19.20") -> list[Finding]:
    """What is found where `text` is merged on top."""
    site = make(folder / "site", version)
    (site / THIRD).write_text(text)
    return await looked(folder, merged(site, *FILES, "-f", THIRD))


async def test_without_a_project_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert await compose(Patient(load(write(tmp_path), env={}))) == []


@pytest.mark.parametrize("version", PLAIN)
async def test_the_override_is_sound(tmp_path: Path, version: str) -> None:
    (found,) = await looked(tmp_path, merged(make(tmp_path / "site", version)))
    assert found.severity is Severity.OK
    assert found.what == "services.pictrs-filter alone reaches services.pictrs, which has no way out"


async def test_yaml_says_the_same(tmp_path: Path) -> None:
    done = run_compose(make(tmp_path / "site", "0.19.20"), "config")
    (found,) = await looked(tmp_path, read(done.stdout.encode()))
    assert found.severity is Severity.OK


async def test_with_the_fast_path_it_is_sound(tmp_path: Path) -> None:
    fast = ("-f", "pictrs-filter/docker/docker-compose.fastpath.yml")
    (found,) = await looked(tmp_path, merged(make(tmp_path / "site", "0.19.20"), *FILES, *fast))
    assert found.severity is Severity.OK


@pytest.mark.parametrize("version", [*PLAIN, *OLD])
async def test_lemmy_alone_is_not(tmp_path: Path, version: str) -> None:
    (found,) = await looked(tmp_path, merged(make(tmp_path / "site", version), *FILES[:2]))
    assert found.severity is Severity.ERROR
    assert found.what.startswith("no service in this project is pictrs-filter")
    assert "docker-compose.override.yml" in found.cure


@pytest.mark.parametrize("version", OLD)
async def test_old_files_need_the_hand_edit(tmp_path: Path, version: str) -> None:
    (found,) = await looked(tmp_path, merged(make(tmp_path / "site", version)))
    assert found.severity is Severity.ERROR
    assert found.what == "services.lemmy and the filter share no network: Lemmy does not reach it"


@pytest.mark.parametrize("name", BROKEN)
async def test_each_fault_is_found_with_its_line(tmp_path: Path, name: str) -> None:
    fault = BROKEN[name]
    found = await broken(tmp_path, fault["merged"])
    (one,) = [each for each in found if fault["what"] in each.what]
    assert one.severity.name == fault["severity"]
    assert fault["cure"] in one.cure
    assert all(each.severity <= one.severity for each in found)


@pytest.mark.parametrize("version", PLAIN)
async def test_the_hostname_trap(tmp_path: Path, version: str) -> None:
    """pict-rs that is left on Lemmy's network, under the two names that it has there."""
    found = await broken(
        tmp_path, "services:\n  pictrs:\n    hostname: pictrs\n    networks:\n      default: {}", version
    )
    (clash,) = [each for each in found if "when it asks for `pictrs`" in each.what]
    assert clash.severity is Severity.ERROR
    assert "services.pictrs and services.pictrs-filter" in clash.what
    assert "`hostname: pictrs-upstream`, and `networks: !override [pictrs-only]`" in clash.cure
    (reached,) = [each for each in found if each.what.endswith("can be reached by services.lemmy")]
    assert reached.severity is Severity.ERROR
    assert [each for each in found if "has a way out" in each.what]


@pytest.mark.parametrize(
    ("image", "severity"),
    [
        ("asonix/pictrs:0.5.21", Severity.ERROR),
        ("asonix/pictrs:0.6.0-rc.6", Severity.ERROR),
        ("asonix/pictrs:0.5.20", None),
        ("asonix/pictrs:0.4.8", None),
        ("asonix/pictrs:latest", Severity.WARNING),
        ("asonix/pictrs@sha256:" + "a" * 64, Severity.WARNING),
    ],
)
async def test_which_pictrs_has_to_be_allowed(tmp_path: Path, image: str, severity: Severity | None) -> None:
    text = f"services:\n  pictrs:\n    image: {image}\n    environment: !override {{A: b}}"
    found = [each for each in await broken(tmp_path, text) if "ALLOW_LOCAL" in each.what]
    assert [each.severity for each in found] == ([] if severity is None else [severity])


@pytest.mark.parametrize(
    ("allowed", "image", "severity", "says"),
    [
        ("true", "asonix/pictrs:0.5.25", Severity.NOTE, "still asks services.pictrs-safety"),
        ("false", "asonix/pictrs:0.5.25", Severity.ERROR, "every upload is a 500"),
        ("false", "asonix/pictrs:0.4.8", Severity.NOTE, "still asks services.pictrs-safety"),
    ],
)
async def test_an_old_validator_by_name(
    tmp_path: Path, allowed: str, image: str, severity: Severity, says: str
) -> None:
    text = f"""services:
  pictrs-safety:
    image: ghcr.io/db0/pictrs-safety:v1.2.2
    networks: [pictrs-only]
  pictrs:
    image: {image}
    environment:
      PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS: "{allowed}"
      PICTRS__MEDIA__EXTERNAL_VALIDATION: "http://pictrs-safety:14051/api/v1/scan/IPADDR"
"""
    found = [each for each in await broken(tmp_path, text) if "EXTERNAL_VALIDATION" in each.what]
    assert [each.severity for each in found] == [severity]
    assert says in f"{found[0].what} {found[0].why}"


async def test_the_filter_as_validator_is_sound(tmp_path: Path) -> None:
    text = (
        "services:\n  pictrs: {environment: {PICTRS__MEDIA__EXTERNAL_VALIDATION: 'http://pictrs-filter:8082/validate'}}"
    )
    (found,) = await broken(tmp_path, text)
    assert found.severity is Severity.OK


async def test_a_database_that_pictrs_names_may_be_with_it(tmp_path: Path) -> None:
    text = """services:
  pictrs-postgres: {image: "postgres:16", networks: [pictrs-only], environment: {POSTGRES_PASSWORD: not-shown}}
  pictrs: {environment: {PICTRS__REPO__URL: "postgres://pictrs:not-shown@pictrs-postgres:5432/x"}}
"""
    (found,) = await broken(tmp_path, text)
    assert found.severity is Severity.OK
    assert "not-shown" not in str(found)


@pytest.mark.parametrize(("compose_file", "code"), [("site", 0), ("plain", 1), ("words", 2)])
def test_the_command(tmp_path: Path, compose_file: str, code: int) -> None:
    """As it is typed, with standard input; what is no answer of compose's is a fault of the command line."""
    site = make(tmp_path / "site", "0.19.20")
    said = {
        "site": lambda: run_compose(site, "config", "--format", "json").stdout,
        "plain": lambda: run_compose(site, *FILES[:2], "config").stdout,
        "words": lambda: (site / "docker-compose.yml").read_text(),
    }[compose_file]()
    script = (
        "import asyncio, sys; from addons.admin import cli, doctor; from addons.doctor.compose.check import compose\n"
        "doctor.doctor.__kwdefaults__['checks'] = (('compose', compose),); sys.exit(cli.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "doctor", "--config", str(write(tmp_path)), "--compose", "-"]
    done = subprocess.run(command, input=said, cwd=repository(), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    if code == 2:
        assert "is a compose file as it was written" in done.stderr
