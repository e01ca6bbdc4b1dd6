"""The Dockerfile by itself: hadolint finds nothing, and what must not drift apart is compared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.load import OVERRIDES, load
from docker.requirements import NOT_ON_A_CPU, wanted, without_cuda
from tests.docker.engine import DOCKERFILE, TARGETS
from tests.running import repository

TEXT = DOCKERFILE.read_text("utf-8")
STAGES = dict(re.findall(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE))
SCRIPTS = ("install", "slim-torch")


def last(target: str) -> str:
    """The lines of a target, from its FROM to the next."""
    return re.split(r"^FROM \S+ AS ", TEXT, flags=re.MULTILINE)[1:][names().index(target)]


def names() -> list[str]:
    return re.findall(r"^FROM \S+ AS (\S+)$", TEXT, re.MULTILINE)


def variables() -> dict[str, str]:
    """What ENV sets, in any stage."""
    joined = re.sub(r"\\\n\s*", "", TEXT)
    return dict(pair.split("=", 1) for line in re.findall(r"^ENV (.+)$", joined, re.MULTILINE) for pair in line.split())


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    """What it may ignore is three lines that give packages of Debian's no version, which change with its updates."""
    ignored = re.findall(r"^# hadolint ignore=(.+)$", TEXT, re.MULTILINE)
    assert ignored == ["DL3008"] * 3
    broken = tmp_path / "Dockerfile"
    broken.write_text(TEXT.replace("--no-install-recommends", "", 1))
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, "--no-color", str(broken)], capture_output=True, text=True, check=False)
    assert "DL3015" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_bash(script: str) -> None:
    path = DOCKERFILE.with_name(script)
    assert subprocess.run(["bash", "-n", str(path)], capture_output=True, check=False).returncode == 0
    assert "set -euo pipefail" in path.read_text("utf-8")


def test_targets() -> None:
    assert set(TARGETS) <= set(names())
    assert names()[-1] == TARGETS[-1]
    for target in TARGETS:
        assert re.findall(r"^(?:RUN|ADD) .*$", last(target), re.MULTILINE) == []
        assert f"COPY --from=build-{target} /opt/pictrs-filter /opt/pictrs-filter\n" in last(target)
        assert re.findall(r"^USER (.+)$", last(target), re.MULTILINE) == ["10001:10001"]


def test_labels_are_the_project_s() -> None:
    project = (repository() / "pyproject.toml").read_text("utf-8")
    for target in TARGETS:
        for name in ("version", "description", "license"):
            (said,) = re.findall(rf'^{name} = "(.+)"$', project, re.MULTILINE)
            found = re.findall(rf'^ARG {name.upper()}=(.+)$|image\.{name}s?="(.+?)"', last(target), re.MULTILINE)
            assert said in [part for pair in found for part in pair], (target, name)


def test_settings_are_known_and_sound() -> None:
    """With what the image sets, and its empty configuration, the filter starts as compose files expect it."""
    env = {name: value for name, value in variables().items() if name.startswith("PICTRS_FILTER_")}
    assert env.pop("PICTRS_FILTER_CONFIG") == "/etc/pictrs-filter/filter.yaml"
    assert env.keys() <= OVERRIDES.keys()
    settings = load(DOCKERFILE.with_name("filter.yaml"), env).settings
    assert str(settings.state_folder) == "/var/lib/pictrs-filter"
    assert (settings.upstream, settings.callback.url) == ("http://pictrs-upstream:8080", "http://pictrs-filter:8082")
    ports = {place.rpartition(":")[2] for place in (settings.listen, settings.callback.listen, settings.admin.listen)}
    assert ports == set(re.findall(r"^EXPOSE (.+)$", TEXT, re.MULTILINE)[0].split())


def test_what_is_copied_is_in_the_context() -> None:
    """.dockerignore leaves everything out but what it names."""
    lines = [line for line in (repository() / ".dockerignore").read_text("utf-8").splitlines() if line[:1] not in "#"]
    assert lines[0] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE) for word in line.split()[:-1]}
    assert copied == kept
    assert [name for name in copied if not (repository() / name).exists()] == []


def test_nothing_of_cuda_is_pinned_for_a_cpu() -> None:
    lines = (repository() / "constraints.txt").read_text("utf-8").splitlines()
    kept = without_cuda(lines)
    assert not [line for line in kept if re.match(r"(torch|triton|cuda|nvidia)", line)]
    gone = [line for line in lines if line not in kept]
    assert {"torch==", "torchvision==", "triton==", "sympy=="} <= {re.sub(r"==.*", "==", line) for line in gone}
    assert all(NOT_ON_A_CPU.match(line) for line in gone)


def test_what_is_wanted_is_what_the_project_depends_on() -> None:
    found = wanted((repository() / "pyproject.toml").read_text("utf-8"))
    assert "mitmproxy>=11.0.2" in found
    assert not [line for line in found if line.startswith("pytest")]
