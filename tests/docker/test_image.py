"""The CPU image as it is built and run: what is in it, and a filter out of it between a client and a real pict-rs.

Once: the image has a Python of its own. It is built by the real engine from docker/Dockerfile, run as our compose files
run it (root read-only, no capability, no new privileges), and beside a real pict-rs on a network with no way out.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_real
from tests.docker.composed import DOCKER
from tests.docker.conftest import need_engine
from tests.docker.engine import BASE, HARDENED, Container, Network, docker, image, inspect
from tests.docker.page import commands
from tests.imagenet import picture
from tests.running import repository

pytestmark = pytest.mark.once
Record = Callable[[str, object], None]

PICTRS = "0.5.25"
MOST_MIB = 1200
"""What the image may add to Debian's; 1080 were seen. CUDA alone would be 2500."""
MOST_MEMORY_MIB = 1000
"""Of the whole container after some pictures; 580 to 650 were seen, decoders and all."""
APART = 0.005
"""By how much a score may differ between Debian's torch 2.6 and ours."""
PICTURES = ("chelsea.png", "coffee.png", "rocket.jpg")
INSIDE = r"""
find / -xdev -type f -perm /6000 | sed 's/^/setuid: /'
find / -xdev \( -iname '*cuda*.so*' -o -iname 'libcu[bdfrs]*.so*' -o -iname 'libnv[rjt]*.so*' \) | sed 's/^/cuda: /'
find / -xdev -type d \( -path '*/site-packages/nvidia' -o -path '*/site-packages/triton' \) | sed 's/^/cuda: /'
find / -xdev -type d \( -name pip -o -name ensurepip \) -path '*python*' | sed 's/^/pip: /'
find / -xdev -type d -path '*/.cache' | sed 's/^/cache: /'
ls -A /var/cache/apt /var/lib/apt/lists /tmp /build /tools 2>/dev/null | grep -v ':$' | grep . | sed 's/^/left over: /'
for name in gcc cc c++ clang ld make as pip pip3; do command -v $name | sed 's/^/program: /'; done
find /opt /etc/pictrs-filter -xdev \( -user 10001 -o -perm /022 \) ! -type l | sed 's/^/may be changed: /'
dpkg-query -W -f '${Status} ${Package}\n' | grep -v '^install ok installed' | sed 's/^/half installed: /'
find /opt -name '*.py' -path '*/site-packages/addons/*' | while read -r file; do
    [ -e "$(dirname "$file")/__pycache__/$(basename "$file" .py).cpython-313.pyc" ] || echo "not compiled: $file"
done
"""
"""What must not be there, a line each."""
CONFINED = """
import json, os, pathlib
told = {}
for path in pathlib.Path("/proc").glob("[0-9]*/status"):
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    wanted = ("Seccomp", "Seccomp_filters", "NoNewPrivs", "CapEff")
    told[path.parent.name] = {name: lines[name].strip() for name in wanted}
print(json.dumps(told))
"""
"""What the kernel says of each process in the container."""
TORCH = """
import sys, torch, torchvision
print(torch.__version__, torch.version.cuda, torch.__file__, *sys.version_info[:2])
"""


@pytest.fixture(scope="module")
def cpu() -> str:
    need_engine()
    return image("cpu")


@pytest.fixture(scope="module")
def running(cpu: str) -> Iterator[Container]:
    """A filter that is ready, in front of a real pict-rs, on a network with no way out."""
    need_real(PICTRS)
    with (
        Network("image") as network,
        Container(
            f"asonix/pictrs:{PICTRS}",
            *("--network-alias", "pictrs-upstream"),
            environment={"PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": "true"},
            network=network.name,
        ),
        Container(
            cpu,
            *HARDENED,
            *("--network-alias", "pictrs-filter", "--volume", f"{picture(PICTURES[0]).parent}:/pictures:ro"),
            network=network.name,
        ) as judging,
    ):
        judging.wait(lambda it: "ready: listening on" in it.log())
        yield judging


def test_says_what_it_is(cpu: str) -> None:
    config = inspect(cpu)["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("10001:10001", ["pictrs-filter"], ["serve"])
    assert set(config["Volumes"]) == {"/var/lib/pictrs-filter", "/var/cache/pictrs-filter"}
    assert (config["StopSignal"], config["Healthcheck"]["Test"]) == ("SIGTERM", ["CMD", "pictrs-filter", "healthcheck"])
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert labels.keys() >= {"title", "description", "licenses", "version", "revision", "source", "documentation"}
    assert all(labels.values())
    assert labels["licenses"] == "Apache-2.0"


def test_holds_nothing_that_it_does_not_need(cpu: str) -> None:
    """As root, who sees everything: no CUDA, no pip, no compiler, no cache, nothing that acts as its owner."""
    ran = docker("run", "--rm", "--network", "none", "--user", "0:0", "--entrypoint", "bash", cpu, "-c", INSIDE)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_is_no_larger_than_it_says(cpu: str, record_property: Record) -> None:
    """The engine counts the base in; ours is a larger one than what Debian's name stands for in a registry."""
    mib = (inspect(cpu)["Size"] - inspect(BASE)["Size"]) / 2**20
    record_property("figures", f"the CPU image adds {mib:.0f} MiB to {BASE}")
    assert mib < MOST_MIB


def test_torch_is_debian_s(cpu: str) -> None:
    ran = docker("run", "--rm", "--network", "none", *HARDENED, "--entrypoint", "python", cpu, "-c", TORCH)
    version, cuda, *rest = ran.stdout.split()
    assert version.endswith("+debian")
    assert (cuda, *rest) == ("None", "/usr/lib/python3/dist-packages/torch/__init__.py", "3", "13")
    assert ran.stderr == ""


def test_is_offline_from_the_first_second(cpu: str) -> None:
    """The model is inside: a picture is judged with no network at all."""
    card = repository() / "model" / "card.png"
    mount = ("--volume", f"{card}:/card.png:ro")
    ran = docker("run", "--rm", "--network", "none", *HARDENED, *mount, cpu, "classify", "--json", "/card.png")
    assert json.loads(ran.stdout)["outcome"] == "reject"


def test_the_pages_lines_run(cpu: str) -> None:
    lines = commands(DOCKER / "images.md", "What a container needs")[0].splitlines()
    assert len(lines) == 2
    said = [docker(*shlex.split(line.replace("pictrs-filter:cpu", cpu))[1:]).stdout for line in lines]
    assert said[0].startswith("/etc/pictrs-filter/filter.yaml: sound")
    assert "strict" in said[1]


def test_becomes_healthy(running: Container) -> None:
    assert running.run("pictrs-filter", "healthcheck", "--ready").stdout.startswith("ready: ")
    running.wait(lambda it: it.state["Health"]["Status"] != "starting")
    health = running.state["Health"]
    assert health["Status"] == "healthy", health
    assert health["Log"][-1]["Output"].startswith("alive: ")


def test_refuses_and_passes_before_a_real_pictrs(running: Container) -> None:
    ran = running.run("pictrs-filter", "selftest")
    assert "all is well: the filter refuses the card" in ran.stdout, ran.stdout
    assert "self-test-card" in running.run("pictrs-filter", "log", "--since", "1h").stdout


def test_runs_the_network_by_onnxruntime(running: Container) -> None:
    (line,) = [line for line in running.log().splitlines() if "ready: listening on" in line]
    assert "model open-nsfw on cpu, onnxruntime" in line


def scores(lines: str) -> dict[str, dict[str, float]]:
    """Of `classify --json`: for each picture's SHA-256 its scores, those of its parts under name + '~'."""
    found: list[dict[str, Any]] = [json.loads(line) for line in lines.splitlines()]
    return {
        one["sha256"]: {**one["scores"], **{f"{name}~": score for name, score in one["in_part"].items()}}
        for one in found
    }


def test_scores_are_ours(running: Container) -> None:
    """What this machine's environment, with PyPI's torch, says of the same pictures."""
    inside = running.run("pictrs-filter", "classify", "--json", *(f"/pictures/{name}" for name in PICTURES)).stdout
    command = [sys.executable, "-m", "addons.admin.cli", "classify", "--json", *(str(picture(one)) for one in PICTURES)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PICTRS_FILTER_")}
    here = subprocess.run(command, cwd=repository(), env=kept, capture_output=True, text=True, check=True).stdout
    ours, theirs = scores(here), scores(inside)
    assert len(ours) == len(PICTURES)
    assert theirs.keys() == ours.keys()
    for name, said in ours.items():
        assert theirs[name] == pytest.approx(said, abs=APART)


def test_decoders_are_confined(running: Container) -> None:
    """By Landlock and seccomp, under the engine's own profile of system calls: two filters where others have one."""
    (line,) = [line for line in running.log().splitlines() if "decoders are confined by" in line]
    assert "rlimits, landlock " in line
    assert line.endswith("seccomp")
    told = json.loads(running.run("python", "-c", CONFINED).stdout)
    assert sorted(one["Seccomp_filters"] for one in told.values()).count("2") == 2, told  # decoder.processes
    assert told["1"]["Seccomp_filters"] == "1"
    assert {(one["Seccomp"], one["NoNewPrivs"], one["CapEff"]) for one in told.values()} == {("2", "1", "0" * 16)}


def test_under_a_profile_without_landlock_nothing_is_judged(cpu: str, tmp_path: Path) -> None:
    """As engines before 2022 answer to calls that they do not know: the log says what is missing."""
    refused = {"names": [f"landlock_{name}" for name in ("create_ruleset", "add_rule", "restrict_self")]}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{**refused, "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    options = (*HARDENED, "--security-opt", f"seccomp={tmp_path}/profile.json", "--network", "none")
    ran = docker("run", "--rm", *options, cpu, "classify", "/etc/pictrs-filter/filter.yaml", check=False)
    assert ran.returncode == 1
    assert "no Landlock, which keeps it from files" in ran.stderr
    assert ran.stdout == ""


def test_writes_only_where_it_may(running: Container) -> None:
    for place in ("/", "/opt/pictrs-filter", "/etc/pictrs-filter", "/home", "/var/log", "/pictures"):
        ran = running.run("touch", f"{place}/x", check=False)
        assert ran.returncode == 1, place
        assert "Read-only file system" in ran.stderr, ran.stderr
    for place in ("/tmp", "/var/lib/pictrs-filter", "/var/cache/pictrs-filter"):
        assert running.run("sh", "-c", f"touch {place}/x && rm {place}/x").returncode == 0
    ran = running.run("stat", "-c", "%a %u %g", "/var/lib/pictrs-filter", "/var/lib/pictrs-filter/key")
    assert ran.stdout.splitlines() == ["700 10001 10001", "600 10001 10001"]
    changed = [line for line in docker("diff", running.name).stdout.splitlines() if line not in ("A /pictures", "C /")]
    assert [
        line for line in changed if not line.startswith(("C /var", "A /var/lib/pictrs", "A /var/cache/pictrs"))
    ] == []


def test_memory(running: Container, record_property: Record) -> None:
    """After the pictures above: of the control group, without files that the kernel could drop."""
    said = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", running.name).stdout.split("/")[0].strip()
    mib = float(said[:-3]) * {"MiB": 1, "GiB": 1024}[said[-3:]]
    record_property("figures", f"the CPU image's container takes {mib:.0f} MiB of memory")
    assert 100 < mib < MOST_MEMORY_MIB


def test_sigterm_ends_it_cleanly(running: Container) -> None:
    """The last test of the file, as it ends what the others ask. Killed after ten seconds it would be 137."""
    docker("stop", "--time", "10", running.name)
    assert running.state["ExitCode"] == 0
    assert "stopping: finishing the requests in hand" in running.log()
