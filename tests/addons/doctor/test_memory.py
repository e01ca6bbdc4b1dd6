"""Memory and open files: real limits of this process, real control groups, and the files of the other version."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.doctor.finding import Severity
from addons.doctor.memory import CGROUPS, least, memory
from config.media import MIB
from tests.addons.doctor.patients import elsewhere, patient, root, worst, write
from tests.pictrs import required

NEEDED = 1100 + 3 * 256 + 2 * 150
JOINED = "open('{}/cgroup.procs', 'w').write(str(os.getpid()))"


def _missing(reason: str) -> None:
    if required():
        pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
    pytest.skip(reason)


async def test_here(tmp_path: Path) -> None:
    if least()[0] < NEEDED * MIB:
        _missing("this machine has less memory than a filter takes")
    (found,) = await memory(patient(tmp_path))
    assert found.severity is Severity.OK
    assert f"about {NEEDED} are needed" in found.what


def test_the_machine_alone(tmp_path: Path) -> None:
    most, where = least(tmp_path, "")
    (line,) = [line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:")]
    assert most == int(line.split()[1]) * 1024
    assert where == "of the machine"


@pytest.mark.parametrize(
    ("membership", "files", "mib"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": str(7 * MIB)}, 7),
        ("0::/a/b\n", {"a/b/memory.max": str(5 * MIB), "a/memory.max": str(7 * MIB)}, 5),
        ("0::/\n", {"memory.max": str(6 * MIB)}, 6),  # a container with a namespace of its own
        ("0::/../../elsewhere\n", {"memory.max": str(6 * MIB)}, 6),
        ("4:memory:/docker/x\n", {"memory/docker/x/memory.limit_in_bytes": str(9 * MIB)}, 9),
        ("4:memory:/docker/x\n", {"memory/memory.limit_in_bytes": str(9 * MIB)}, 9),  # the path is the host's
        ("4:memory:/\n0::/\n", {"memory/memory.limit_in_bytes": str(9 * MIB), "unified/memory.max": str(8 * MIB)}, 8),
    ],
)
def test_limits_of_control_groups(tmp_path: Path, membership: str, files: dict[str, str], mib: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    most, where = least(tmp_path, membership)
    assert most == mib * MIB
    assert any(where == str(tmp_path / name) for name in files)


@pytest.mark.parametrize("text", ["max", "9223372036854771712", "nonsense", ""])
def test_no_limit(tmp_path: Path, text: str) -> None:
    (tmp_path / "memory.max").write_text(text)
    (tmp_path / "memory.limit_in_bytes").write_text(text)
    assert least(tmp_path, "0::/\n4:memory:/\n")[1] == "of the machine"


@pytest.fixture
def group() -> Iterator[Path]:
    """A real control group, of either version, that bounds memory."""
    name = f"pictrs-filter-test-{os.getpid()}"
    for here, limit in ((CGROUPS / "memory", "memory.limit_in_bytes"), (CGROUPS, "memory.max")):
        folder = here / name
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / limit).exists():
            break
        folder.rmdir()
    else:
        _missing("no control group with a limit of memory can be made here")
    try:
        yield folder / limit
    finally:
        folder.rmdir()


@root
@pytest.mark.parametrize(
    ("mib", "severity", "cure"),
    [
        (2100, Severity.WARNING, "`mem_limit: 2168m`"),
        (2100, Severity.WARNING, "write `media_mib: 233`"),
        (1500, Severity.WARNING, "write `media_mib: 64`"),
        (1000, Severity.ERROR, "`mem_limit: 2168m`"),
        (3000, Severity.OK, ""),
    ],
)
def test_a_real_control_group(tmp_path: Path, group: Path, mib: int, severity: Severity, cure: str) -> None:
    group.write_text(str(mib * MIB))
    config = write(tmp_path, "overload:\n  media_mib: 256\n")
    (found,) = elsewhere("memory.memory", config, JOINED.format(group.parent))
    assert worst([found]) is severity
    assert cure in found.cure
    assert f"{mib} MiB" in found.what
    assert str(group) in found.what


def test_too_few_files(tmp_path: Path) -> None:
    config = write(tmp_path, "overload:\n  requests: 512\n")
    limited = "resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))"
    found = [each for each in elsewhere("memory.memory", config, limited) if "files" in each.what]
    assert worst(found) is Severity.WARNING
    assert "may open 1024 files, and 3840" in found[0].what
    assert "LimitNOFILE=3840" in found[0].cure
    assert f"{tmp_path}/filter.yaml:2: write `requests: 109`" in found[0].cure


def test_files_enough(tmp_path: Path) -> None:
    limited = "resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))"
    config = write(tmp_path, "overload:\n  requests: 109\n")
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 1024
    assert not [each for each in elsewhere("memory.memory", config, limited) if "files" in each.what]
