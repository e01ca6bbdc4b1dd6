"""All barriers together, tried from inside a process that has put them around itself, each against the same without."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from model.barriers import missing
from tests.model.attempts import ATTEMPTS, WORKED, ending
from tests.model.forks import MEMORY_BYTES, ROOT, Forks

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as started:
        yield started


@linux
@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_refused(name: str, forks: Forks) -> None:
    attempt = ATTEMPTS[name]
    free = ending(forks.run(attempt.code, before=attempt.before))
    assert attempt.free in free
    confined = ending(forks.run(attempt.code, "all", before=attempt.before))
    assert str(attempt.seccomp or attempt.rlimits) in confined
    assert confined != free


@pytest.mark.parametrize("name", [name for name, attempt in ATTEMPTS.items() if attempt.rlimits])
def test_what_the_limits_refuse(name: str, forks: Forks) -> None:
    attempt = ATTEMPTS[name]
    assert str(attempt.rlimits) in ending(forks.run(attempt.code, "rlimits", before=attempt.before))


@linux
def test_nothing_is_missing_here(forks: Forks) -> None:
    ended = forks.run(f"print(*confine.confine({MEMORY_BYTES}), sep=',')")
    words = ended.said.strip().split(",")
    assert len(words) == 3
    assert missing(words) == ""


def test_what_is_allowed_still(forks: Forks) -> None:
    ended = forks.run("data = bytearray(60 << 20); print(len(data) >> 20)", "all")
    assert (ended.status, ended.said) == (0, "60\n")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_kernel_knows_them(forks: Forks) -> None:
    before = "limits, status = (open(f'/proc/self/{name}') for name in ('limits', 'status'))"
    said = forks.run("print(limits.read(), status.read())", "all", before=before).said
    rows = [line.split() for line in said.splitlines()]
    for name, value in {
        "address space": str(MEMORY_BYTES),
        "file size": "0",
        "open files": "16",
        "processes": "0",
        "core file size": "0",
    }.items():
        words = ["Max", *name.split()]
        (row,) = [row for row in rows if row[: len(words)] == words]
        assert row[len(words) : len(words) + 2] == [value, value]
    assert ["NoNewPrivs:", "1"] in rows
    assert ["Seccomp:", "2"] in rows


@linux
def test_threads_that_would_go_unconfined(forks: Forks) -> None:
    before = "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"
    assert "has threads" in ending(forks.run("pass", "all", before=before))


def test_processor_time_is_counted_from_where_the_process_stands(forks: Forks) -> None:
    ended = forks.run(
        "while time.process_time() < 0.2: pass\n"
        "allow_cpu(5); print(resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
        "while time.process_time() < 1.1: pass\n"
        "allow_cpu(5); print(resource.getrlimit(resource.RLIMIT_CPU)[0])",
        "all",
    )
    first, second = map(int, ended.said.split())
    assert first in (6, 7)
    assert second > first


def test_processor_time_ends_the_process(forks: Forks) -> None:
    code = "while time.process_time() < 3: pass"
    assert ending(forks.run(code, "all")) == WORKED
    assert ending(forks.run(f"allow_cpu(1)\n{code}", "all")) == "SIGXCPU"


@pytest.mark.skipif(sys.platform != "linux", reason="a signal of Linux")
def test_it_dies_with_its_parent() -> None:
    parent = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-IB', '-c', sys.argv[1]], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    child = (
        f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        f"from model.confine import confine\nconfine({MEMORY_BYTES})\n"
        "print(os.getpid(), flush=True); time.sleep(1000)"
    )
    command = [sys.executable, "-c", parent, child]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    try:
        handle = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 30)[0], "it lives on"
    finally:
        os.close(handle)
