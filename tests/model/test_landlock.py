"""Landlock alone, tried from inside: what it refuses, what it leaves, and what it is called where there is none."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator

import pytest

from model import landlock
from model.barriers import LANDLOCK_OFF, NEWEST_LANDLOCK, NO_LANDLOCK, WORDS
from tests.model.attempts import ATTEMPTS, WORKED, ending
from tests.model.forks import Forks

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as started:
        yield started


@linux
@pytest.mark.parametrize("name", [name for name, attempt in ATTEMPTS.items() if attempt.landlock])
def test_refuses(name: str, forks: Forks) -> None:
    attempt = ATTEMPTS[name]
    if landlock.version() < attempt.abi:
        pytest.skip(f"this kernel's Landlock is older than version {attempt.abi}")
    assert str(attempt.landlock) in ending(forks.run(attempt.code, "landlock", before=attempt.before))


@linux
def test_leaves_what_is_open(forks: Forks) -> None:
    code = "assert opened.read(4) and os.write(1, b'written'); os.kill(os.getpid(), 0); bytearray(9 << 20)"
    ended = forks.run(code, "landlock", before="opened = open('/etc/passwd')")
    assert (ending(ended), ended.said) == (WORKED, "written")


@linux
def test_leaves_no_descriptor_behind(forks: Forks) -> None:
    code = "print(os.dup(0))"
    assert forks.run(code, "landlock").said == forks.run(code).said


@pytest.mark.parametrize(
    ("version", "files", "network", "scopes"),
    [(1, 13, 0, 0), (2, 14, 0, 0), (3, 15, 0, 0), (4, 15, 2, 0), (5, 16, 2, 0), (6, 16, 2, 2), (7, 16, 2, 2)],
)
def test_rights_of_each_version(version: int, files: int, network: int, scopes: int) -> None:
    assert landlock.rights(version) == (2**files - 1, 2**network - 1, 2**scopes - 1)


@linux
@pytest.mark.parametrize("version", range(1, NEWEST_LANDLOCK + 1))
def test_older_versions_on_a_newer_kernel(version: int, forks: Forks) -> None:
    if landlock.version() < version:
        pytest.skip(f"this kernel's Landlock is older than version {version}")
    restrict = f"landlock.version = lambda: {version}\nprint(landlock.restrict(), flush=True)\nopen('/etc/passwd')"
    ended = forks.run(restrict)
    assert ended.said.startswith(f"landlock {version}\n")
    assert "PermissionError" in ending(ended)


@linux
def test_a_version_of_the_future_is_used_as_far_as_it_is_known(forks: Forks) -> None:
    if landlock.version() < NEWEST_LANDLOCK:
        pytest.skip("this kernel's Landlock is older")
    ended = forks.run("landlock.version = lambda: 99\nprint(landlock.restrict())")
    assert ended.said == f"landlock {NEWEST_LANDLOCK}\n"
    assert ended.said.strip() in WORDS[1]


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ENOSYS, NO_LANDLOCK), (errno.EPERM, NO_LANDLOCK), (errno.EOPNOTSUPP, LANDLOCK_OFF)],
    ids=["ENOSYS", "EPERM", "EOPNOTSUPP"],
)
def test_a_kernel_without(number: int, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "")

    monkeypatch.setattr(landlock, "_call", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    assert landlock.restrict() == word


def test_another_refusal_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, "")

    monkeypatch.setattr(landlock, "_call", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(OSError, match=f"{errno.EINVAL}"):
        landlock.restrict()


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert landlock.restrict() == NO_LANDLOCK
