"""The filter of system calls alone, tried from inside: what ends the process, what is refused, and what is allowed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from model import seccomp
from model.barriers import NO_LIBSECCOMP, NO_SECCOMP
from tests.model.attempts import ATTEMPTS, SIGSYS, WORKED, ending
from tests.model.forks import Forks

linux = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as started:
        yield started


@linux
@pytest.mark.parametrize("name", [name for name, attempt in ATTEMPTS.items() if attempt.seccomp])
def test_refuses(name: str, forks: Forks) -> None:
    attempt = ATTEMPTS[name]
    assert str(attempt.seccomp) in ending(forks.run(attempt.code, "seccomp", before=attempt.before))


ALLOWED = {
    "memory": "for size in (1, 1 << 20, 200 << 20): page = bytearray(size); page += bytes(size)",
    "giving-memory-back": "page = mmap.mmap(-1, 1 << 20); page.madvise(mmap.MADV_DONTNEED); page.close()",
    "writable-pages": "mmap.mmap(-1, 1 << 20).close()",
    "what-is-open": "assert opened.read() and opened.seek(0) == 0; opened.close()",
    "clocks": "time.time(), time.monotonic(), time.process_time(), time.perf_counter(), time.sleep(0.001)",
    "chance": "assert os.urandom(4)",
    "its-processor-time": "allow_cpu(5); allow_cpu(7); resource.getrusage(resource.RUSAGE_SELF)",
    "processors": "os.sched_getaffinity(0); os.cpu_count()",
    "locks": "lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=0.001)",
    "signals-to-itself": "signal.signal(10, lambda *_: print()); signal.raise_signal(10)",
    "another-descriptor": "os.close(os.dup(0))",
    "a-terminal-or-not": "assert not os.isatty(0)",
    "printing-why-it-died": "try: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()",
}


@linux
@pytest.mark.parametrize("code", ALLOWED.values(), ids=ALLOWED.keys())
def test_allows(code: str, forks: Forks) -> None:
    ended = forks.run(code, "seccomp", before="opened = open('/etc/passwd', 'rb')")
    assert ending(ended) == WORKED, ended


@linux
@pytest.mark.parametrize(
    ("code", "end"), [("os.abort()", "SIGABRT"), ("os._exit(0)", WORKED), ("ctypes.string_at(0)", "SIGSEGV")]
)
def test_how_it_ends_can_be_told(code: str, end: str, forks: Forks) -> None:
    assert ending(forks.run(code, "seccomp")) == end


@linux
def test_all_its_threads(forks: Forks) -> None:
    before = (
        "go = threading.Event()\nthread = threading.Thread(target=lambda: (go.wait(), socket.socket()))\nthread.start()"
    )
    assert ending(forks.run("go.set(); thread.join()", before=before)) == WORKED
    assert ending(forks.run("go.set(); thread.join()", "seccomp", before=before)) == SIGSYS


def test_without_libseccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "pyseccomp", None)
    monkeypatch.setattr(sys, "platform", "linux")
    assert seccomp.restrict() == NO_LIBSECCOMP


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert seccomp.restrict() == NO_SECCOMP


@linux
def test_a_kernel_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: object) -> None:
        raise OSError(22, "")

    monkeypatch.setattr("pyseccomp.SyscallFilter.load", load)
    assert seccomp.restrict() == NO_SECCOMP


@linux
def test_a_system_without_libseccomp(forks: Forks) -> None:
    """Where ctypes finds no library of that name, importing the package raises."""
    code = (
        "import ctypes.util, importlib\n"
        "ctypes.util.find_library = lambda name: None if name == 'seccomp' else 'libc.so.6'\n"
        "del sys.modules['pyseccomp']; importlib.reload(seccomp)\n"
        "print(seccomp.restrict())"
    )
    assert forks.run(code).said == f"{NO_LIBSECCOMP}\n"


@linux
def test_a_container_whose_profile_has_no_seccomp(forks: Forks) -> None:
    before = (
        "import pyseccomp; profile = pyseccomp.SyscallFilter(pyseccomp.ALLOW)\n"
        "profile.add_rule(pyseccomp.ERRNO(1), 'seccomp'); profile.load()"
    )
    ended = forks.run("print(seccomp.restrict())", before=before)
    assert (ended.status, ended.said) == (0, f"{NO_SECCOMP}\n")
