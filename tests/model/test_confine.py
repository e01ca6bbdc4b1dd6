"""The limits are in force in a process that has set them on itself; root is told apart where it is not bound."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024


def script(code: str, before: str = "") -> str:
    """Python code that runs after the process has confined itself; `before` runs before that."""
    start = f"import os, sys; sys.path.insert(0, {str(ROOT)!r})\nfrom model.confine import allow_cpu, confine\n"
    return f"{start}{before}\nconfine(256 * {MIB})\n{code}"


def confined(code: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, "-IB", "-c", script(code, before)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={}, check=False)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("bytearray(300 << 20)", "MemoryError"),
        ("open('/tmp/written-by-a-decoder', 'w').write('x' * 99999)", "File too large"),
        ("[os.dup(0) for _ in range(20)]", "Too many open files"),
    ],
    ids=["memory", "writing", "files"],
)
def test_what_is_refused(code: str, error: str) -> None:
    done = confined(code)
    assert error in done.stderr
    assert done.returncode == 1


def test_what_is_allowed_still() -> None:
    done = confined("data = bytearray(60 << 20); open('/dev/null', 'rb').close(); print(len(data) >> 20)")
    assert (done.stdout, done.stderr) == ("60\n", "")


def test_no_processes() -> None:
    assert "BlockingIOError" in confined("os.fork()", before="os.geteuid() or os.setuid(65534)").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_kernel_knows_them() -> None:
    done = confined("print(open('/proc/self/limits').read(), open('/proc/self/status').read())")
    rows = [line.split() for line in done.stdout.splitlines()]
    for name, value in {
        "address space": str(256 * MIB),
        "file size": "0",
        "open files": "16",
        "processes": "0",
        "core file size": "0",
    }.items():
        words = ["Max", *name.split()]
        (row,) = [row for row in rows if row[: len(words)] == words]
        assert row[len(words) : len(words) + 2] == [value, value]
    assert ["NoNewPrivs:", "1"] in rows


def test_processor_time_is_counted_from_where_the_process_stands() -> None:
    done = confined(
        "import resource, time\n"
        "while time.process_time() < 0.2: pass\n"
        "allow_cpu(5); print(resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
        "while time.process_time() < 1.1: pass\n"
        "allow_cpu(5); print(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )
    first, second = map(int, done.stdout.split())
    assert first in (6, 7)
    assert second > first


def test_processor_time_ends_the_process() -> None:
    assert confined("allow_cpu(1)\nwhile True: pass").returncode == -signal.SIGXCPU


@pytest.mark.skipif(sys.platform != "linux", reason="a signal of Linux")
def test_it_dies_with_its_parent() -> None:
    parent = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-IB', '-c', sys.argv[1]], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    child = script("import signal; print(os.getpid(), flush=True); signal.pause()")
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
