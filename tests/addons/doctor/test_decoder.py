"""Decoders: real ones here, and under a seccomp filter that answers as old kernels and old container engines do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from addons.doctor import decoder as room
from addons.doctor.decoder import ATTEMPT, decoder
from addons.doctor.finding import Severity
from model.child import COMMAND
from tests.addons.doctor.patients import elsewhere, patient, worst, write

BEST_EFFORT = "decoder:\n  confinement: best_effort\n"
ANSWERING = """
import pyseccomp
calls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for name in {}: calls.add_rule(pyseccomp.ERRNO({}), name)
calls.load()
"""
NO_LIBRARY = (*COMMAND[:3], f"import sys; sys.modules['pyseccomp'] = None; {COMMAND[3]}", *COMMAND[4:])
LOOSE = (
    *ATTEMPT[:3],
    "import sys; sys.path.insert(0, sys.argv[1]); from model import attempt as a; a.confine = lambda _: 0; a.main()",
    *ATTEMPT[4:],
)


async def test_here(tmp_path: Path) -> None:
    (found,) = await decoder(patient(tmp_path))
    assert found.severity is Severity.OK
    assert "rlimits, landlock" in found.what
    assert found.what.endswith("to read a file, to open a socket, to run a program")


@pytest.mark.parametrize(
    ("calls", "number", "what", "cure"),
    [
        (["landlock_create_ruleset"], errno.ENOSYS, "the kernel has no Landlock", "Linux 5.13"),
        (["landlock_create_ruleset"], errno.EPERM, "seccomp profile does not permit it", "Docker Engine 20.10.24"),
        (["landlock_create_ruleset"], errno.EOPNOTSUPP, "and off", "GRUB_CMDLINE_LINUX"),
        (["seccomp"], errno.EPERM, "take a seccomp filter", "CONFIG_SECCOMP_FILTER"),
    ],
)
@pytest.mark.parametrize(
    ("text", "severity", "then"),
    [("", Severity.ERROR, "no decoder starts"), (BEST_EFFORT, Severity.WARNING, "filter.yaml:2: `confinement: best_")],
)
def test_a_kernel_that_lacks_something(
    tmp_path: Path, calls: list[str], number: int, what: str, cure: str, text: str, severity: Severity, then: str
) -> None:
    (found,) = elsewhere("decoder.decoder", write(tmp_path, text), ANSWERING.format(calls, number))
    assert worst([found]) is severity
    assert what in found.what
    assert cure in found.cure
    assert "taken" in found.why or "takes a decoder over" in found.why
    assert then in found.why


async def test_a_machine_without_libseccomp(tmp_path: Path) -> None:
    (found,) = await decoder(patient(tmp_path), NO_LIBRARY)
    assert worst([found]) is Severity.ERROR
    assert "apt-get install libseccomp2" in found.cure


async def test_none_can_be_started(tmp_path: Path) -> None:
    (found,) = await decoder(patient(tmp_path), ("/bin/false",))
    assert worst([found]) is Severity.ERROR
    assert "503" in found.why


async def test_what_works_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ATTEMPT", LOOSE)
    (found,) = await decoder(patient(tmp_path))
    assert worst([found]) is Severity.ERROR
    assert "to read a file (it worked), to open a socket (it worked), to run a program (it worked)" in found.what


async def test_what_is_not_known_is_not_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ATTEMPT", ("/bin/false",))
    (found,) = await decoder(patient(tmp_path))
    assert worst([found]) is Severity.ERROR
    assert "to read a file (not known)" in found.what
