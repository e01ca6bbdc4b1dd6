"""The programs that are measured, each a process of its own: started, waited for, ended in every case.

Rules this file keeps: nothing waits by sleeping (a program says in one line where it listens); a program dies with the
benchmark, however that ends (on Linux by SIGKILL too); the user's PICTRS_FILTER_* variables do not change a run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.http1 import NO_HEADERS
from tests.running import repository

START_SECONDS = 120.0
"""For imports and the model, which take 5 s on an idle machine."""
STOP_SECONDS = 30.0
"""For the filter to end its decoders and go; then it is killed, and they go with it."""
KEPT_LINES = 40
"""Last lines of a program's log that are shown when it fails."""
READY = re.compile(r"ready: listening on (?P<host>[0-9.]+):(?P<port>[0-9]+)")

# prctl(PR_SET_PDEATHSIG, SIGKILL) outlives execv; a parent that is gone already sends nothing any more.
_DIE_WITH_PARENT = """\
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Program:
    """A Python program that prints the ready line. Use it in `with`; then `address` is where it listens.

    Raises RuntimeError with the end of its log when it does not become ready. Start it from the main thread: the
    system takes the end of the thread that started a process for the end of its parent.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str] = NO_HEADERS) -> None:
        self._arguments = arguments
        self._environment = environment
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._spoke = threading.Event()  # it is ready, or it ended
        self._address: tuple[str, int] | None = None
        self.ready_line = ""

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) that it listens on."""
        if self._address is None:
            raise RuntimeError(f"{' '.join(self._arguments)} is not ready:\n{''.join(self._lines)}")
        return self._address

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return "http://{}:{}".format(*self.address)

    @property
    def log(self) -> str:
        """The last lines that it wrote."""
        return "".join(list(self._lines))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DIE_WITH_PARENT, str(os.getpid()), *self._arguments],
            cwd=repository(),
            env={name: value for name, value in os.environ.items() if not name.startswith("PICTRS_FILTER_")}
            | dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        try:
            self._spoke.wait(START_SECONDS)
            _ = self.address
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.append(line)
            if found := READY.search(line):
                self.ready_line = line[found.start() :].rstrip()
                self._address = (found["host"], int(found["port"]))
                self._spoke.set()
        self._spoke.set()

    def stop(self) -> None:
        """End it, if it runs."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()  # no effect on one that has ended
            self._process.wait()
            self._reader.join(STOP_SECONDS)
            if self._process.stdout is not None:
                self._process.stdout.close()


def serve(upstream: str, options: Sequence[str] = ()) -> Program:
    """`pictrs-filter serve` with the embedded model, on a free port."""
    return Program("-m", "addons.admin.cli", "serve", "--listen", "127.0.0.1:0", "--upstream", upstream, *options)


def stubbed(upstream: str, judge: str = "pass", figures: Path | None = None, config: Path | None = None) -> Program:
    """The filter with another judge (stub.py has their names); `figures` is written when it ends."""
    more = [*(["--figures", str(figures)] if figures else []), *(["--config", str(config)] if config else [])]
    return Program("-m", "tests.bench.stub", upstream, "--judge", judge, *more)


def plain(upstream: str) -> Program:
    """mitmproxy as it comes."""
    return Program("-m", "tests.bench.plain", upstream)


def upstream() -> Program:
    """What stands in pict-rs's place: it throws uploads away, and streams as many bytes as a view asks for."""
    return Program("-m", "tests.bench.upstream")
