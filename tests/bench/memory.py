"""What the filter holds in memory: at rest, while large uploads are judged, while a large file is viewed.

Figures are RSS in bytes: of the proxy's process, and of its decoder children together. Libraries that processes share
are counted in each. The peak is sampled, so a shorter one can be missed; for the proxy there is also the
kernel's own (VmHWM).
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]

from tests.bench.client import Client, Timed

SAMPLE_SECONDS = 0.025
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rss:
    """RSS in bytes; `decoders` is the sum over the children, `total` all of it at one moment."""

    proxy: int
    decoders: int
    total: int


@dataclass(frozen=True)
class Uploads:
    """One pass over the files. `answers` counts HTTP statuses; `slowest` is in seconds; `high_water` is VmHWM or 0."""

    answers: dict[int, int]
    seconds: float
    slowest: float
    before: Rss
    peak: Rss
    high_water: int
    after: Rss


@dataclass(frozen=True)
class View:
    """One streamed view; `growth` is the proxy's peak less what it had before, in bytes."""

    status: int
    size: int
    seconds: float
    growth: int


def read(pid: int) -> Rss:
    """The figures of a process now. Raises RuntimeError when it is gone."""
    decoders = 0
    try:
        process = psutil.Process(pid)
        proxy: int = process.memory_info().rss
        for child in process.children():
            with suppress(psutil.Error):  # it has ended meanwhile
                decoders += child.memory_info().rss
    except psutil.Error as error:
        raise RuntimeError("the filter has ended") from error
    return Rss(proxy, decoders, proxy + decoders)


class Sampler:
    """Watches a process and its children while the `with` lasts; `peak` has the highest of each figure."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.before = self.peak = read(self._pid)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self._note(read(self._pid))

    def _watch(self) -> None:
        with suppress(RuntimeError):  # it has ended; whoever speaks to it says so
            while not self._over.wait(SAMPLE_SECONDS):
                self._note(read(self._pid))

    def _note(self, now: Rss) -> None:
        peak = self.peak
        self.peak = Rss(max(peak.proxy, now.proxy), max(peak.decoders, now.decoders), max(peak.total, now.total))


def of_kernel(pid: int, name: str) -> int:
    """A figure of /proc/PID/status in bytes: VmHWM, the most RSS ever, or RssAnon, what is no file's. 0 without one."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s*([0-9]+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def upload_all(pid: int, address: tuple[str, int], files: Iterable[Path], at_a_time: int, say: Say) -> Uploads:
    """Upload every file once, `at_a_time` at a time, each worker on one connection, and watch `pid` meanwhile."""
    paths = list(files)
    waiting, taking = iter(paths), threading.Lock()
    done: list[Timed] = []

    def take() -> Iterator[Path]:
        while True:
            with taking:
                path = next(waiting, None)
            if path is None:
                return
            yield path

    def work(_: int) -> None:
        with Client(address) as client:
            for path in take():
                answer = client.upload(path.read_bytes())
                with taking:
                    done.append(answer)
                    if len(done) % 10 == 0:
                        say(f"{len(done)} of {len(paths)} uploads answered")

    started = time.perf_counter()
    with Sampler(pid) as sampler, ThreadPoolExecutor(at_a_time) as pool:
        try:
            list(pool.map(work, range(at_a_time)))
        finally:
            with taking:
                deque(waiting, 0)  # after an interrupt nobody takes another one
    seconds = time.perf_counter() - started
    answers = Counter(answer.status for answer in done)
    slowest = max(answer.seconds for answer in done)
    return Uploads(dict(answers), seconds, slowest, sampler.before, sampler.peak, of_kernel(pid, "VmHWM"), read(pid))


def view(pid: int, address: tuple[str, int], size: int, pause: float = 0.0) -> View:
    """View `size` bytes through the filter; `pause` is how long the reader stops after the first piece, in seconds."""
    with Client(address) as client, Sampler(pid) as sampler:
        answer = client.view(size, pause)
    return View(answer.status, answer.size, answer.seconds, sampler.peak.proxy - sampler.before.proxy)
