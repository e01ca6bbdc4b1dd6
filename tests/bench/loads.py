"""What becomes of uploads when more or less of them come than the filter can judge, and how late its event loop is.

First its capacity: as many as it answers when the next one waits for the last. Then uploads at random moments, which
wait for nobody, at parts and multiples of that. Then, at 0.8 of it, views beside them: the event loop notes how late it
wakes (stub.py), and once more while uploads as large as are allowed come in. Every file that lies upstream at the end
must be one that was judged and passed; of large ones, which the upstream does not read, that is not known.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from tests.bench import load, processes, stub
from tests.bench.load import Result, Spec
from tests.bench.sizes import Sizes
from tests.bench.timing import percentile
from tests.http1 import ask

FACTORS = (0.5, 0.8, 1.0, 1.5)
LAG_FACTOR, LAG_VIEWS = 0.8, 50.0
"""While the event loop is watched: uploads as a part of capacity, and views a second."""
CONNECTIONS = 8
LARGE_CONNECTIONS = 2
LARGE_BYTES = Settings().limits.max_file_bytes - 1024
"""Of the large uploads: as large as a file may be, less a comment."""
ACCEPTED, REFUSED = 201, 503
UNKNOWN = "-"
"""Stands for a file that the upstream did not hash (upstream.py)."""

Say = Callable[[str], None]
_numbers = itertools.count(step=1_000_000)


@dataclass(frozen=True)
class Run:
    """One load. Times are milliseconds, 0 where there is none.

    goodput   uploads a second that were accepted, in time and while the load lasted, as a part of capacity
    late      accepted after more than deadline_seconds
    failed    neither accepted nor refused with 503
    """

    factor: float
    sent: int
    accepted: int
    goodput: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    refused: int
    refused_p50_ms: float
    refused_p99_ms: float
    late: int
    failed: int


@dataclass(frozen=True)
class Lag:
    """How many milliseconds late the event loop woke, of so many times."""

    times: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class Loaded:
    """All that one filter went through. `capacity` is uploads a second.

    stored      files that lie upstream
    unscanned   those of them that were not judged and passed
    unknown     those of them that are too large to know that
    """

    judge: str
    capacity: float
    runs: list[Run]
    lags: dict[str, Lag]
    stored: int
    unscanned: int
    unknown: int


def measure(upstream: processes.Program, sizes: Sizes, folder: Path, say: Say) -> list[Loaded]:
    """With the embedded model, and with one that takes a fixed time and decodes nothing."""
    picture, large = folder / "picture.jpeg", folder / "large.jpeg"
    picture.write_bytes(sizes.small.make(0))
    large.write_bytes(sizes.small.make(0)[:2] + os.urandom(min(LARGE_BYTES, sizes.largest)))
    names = {"real": "embedded model", f"sleep:{sizes.sleep_ms:g}": f"a model of {sizes.sleep_ms:g} ms, no decoding"}
    return [_one(upstream, judge, name, (picture, large), sizes, say) for judge, name in names.items()]


def _one(
    upstream: processes.Program, judge: str, name: str, files: tuple[Path, Path], sizes: Sizes, say: Say
) -> Loaded:
    figures, picture = files[0].with_name("figures.json"), str(files[0])
    before = len(stored(upstream))
    windows: dict[str, tuple[float, float]] = {}
    say(f"starting a filter with {name}")
    with processes.stubbed(upstream.url, judge, figures) as running:
        address, seconds = running.address, sizes.load_seconds
        load.run(Spec(address, sizes.capacity_seconds / 4, 0, picture, next(_numbers), CONNECTIONS))
        found = load.run(Spec(address, sizes.capacity_seconds, 0, picture, next(_numbers), CONNECTIONS))
        capacity = len(found.times(ACCEPTED)) / found.seconds
        runs = []
        for factor in FACTORS:
            rate = max(factor * capacity, 1 / seconds)
            say(f"{seconds:g} s of {factor:g} of its capacity, which is {capacity:.1f} uploads a second")
            found = load.run(Spec(address, seconds, 0, picture, next(_numbers), rate=rate))
            runs.append(summed(found, factor, capacity, seconds))
        say(f"its event loop, at {LAG_FACTOR:g} of capacity and {LAG_VIEWS:g} views a second")
        rate = max(LAG_FACTOR * capacity, 1 / seconds)
        spec = Spec(address, seconds, sizes.small_view, picture, next(_numbers), 0, rate, LAG_VIEWS)
        windows[f"{LAG_FACTOR:g} of capacity and {LAG_VIEWS:g} views a second"] = _window(load.run(spec))
        say(f"its event loop, while files of {files[1].stat().st_size / 1e6:.0f} MB come in")
        spec = Spec(address, seconds / 2, 0, str(files[1]), next(_numbers), LARGE_CONNECTIONS)
        windows[f"uploads of {files[1].stat().st_size / 1e6:.0f} MB"] = _window(load.run(spec))
    noted = stub.read(figures)
    there = stored(upstream)[before:]
    lags = {name: lag(noted.lags, window) for name, window in windows.items()}
    missed, unknown = unscanned(there, noted.passed), there.count(UNKNOWN)
    return Loaded(name, capacity, runs, lags, len(there), missed, unknown)


def stored(upstream: processes.Program) -> list[str]:
    """SHA-256 of each file that came to the upstream so far; UNKNOWN for large ones, which it does not read."""
    return ask(upstream.address, "GET", "/stored").body.decode().split()


def unscanned(there: Sequence[str], passed: Collection[str]) -> int:
    """How many of the files that lie there were not judged and passed, by SHA-256.

    A file that lies there twice counts twice, and passed once is passed for good. UNKNOWN ones do not count.
    """
    known = {UNKNOWN, *passed}
    return sum(digest not in known for digest in there)


def summed(found: Result, factor: float, capacity: float, seconds: float) -> Run:
    """The figures of one load of so many seconds."""
    deadline = Settings().deadline_seconds
    accepted, refused = found.times(ACCEPTED), found.times(REFUSED)
    began = min((sent for _, sent, _, _ in found.answers), default=0.0)
    good = sum(
        status == ACCEPTED and took <= deadline and sent + took <= began + seconds
        for _, sent, took, status in found.answers
    )
    return Run(
        factor=factor,
        sent=len(found.answers),
        accepted=len(accepted),
        goodput=good / seconds / capacity if capacity else 0.0,
        p50_ms=_ms(accepted, 50),
        p95_ms=_ms(accepted, 95),
        p99_ms=_ms(accepted, 99),
        refused=len(refused),
        refused_p50_ms=_ms(refused, 50),
        refused_p99_ms=_ms(refused, 99),
        late=sum(took > deadline for took in accepted),
        failed=len(found.answers) - len(accepted) - len(refused),
    )


def lag(lags: Sequence[tuple[float, float]], window: tuple[float, float]) -> Lag:
    """Of the wakings in a window of time."""
    late = [seconds for at, seconds in lags if window[0] <= at <= window[1]]
    return Lag(len(late), _ms(late, 50), _ms(late, 99), _ms(late, 100))


def _window(found: Result) -> tuple[float, float]:
    return (
        min((sent for _, sent, _, _ in found.answers), default=0.0),
        max((sent + took for _, sent, took, _ in found.answers), default=0.0),
    )


def _ms(seconds: Sequence[float], percent: float) -> float:
    return percentile(seconds, percent) * 1000 if seconds else 0.0


def lines(loaded: Loaded) -> Iterator[str]:
    """The table."""
    yield f"load: {loaded.judge}; capacity {loaded.capacity:.1f} uploads a second"
    columns = ("goodput", "p50", "p95", "p99", "refused", "p50", "p99", "late", "failed")
    yield f"  {'of capacity':<12} {'sent':>6} {'accepted':>9} " + " ".join(f"{name:>8}" for name in columns)
    for run in loaded.runs:
        times = run.p50_ms, run.p95_ms, run.p99_ms, run.refused, run.refused_p50_ms, run.refused_p99_ms
        yield (
            f"  {run.factor:<12g} {run.sent:>6} {run.accepted:>9} {run.goodput:>8.2f} "
            + " ".join(f"{value:>8.0f}" for value in times)
            + f" {run.late:>8} {run.failed:>8}"
        )
    yield (
        f"  {loaded.stored} files lie upstream: {loaded.unscanned} unscanned, "
        f"{loaded.unknown} not known (too large to hash)"
    )
    for name, found in loaded.lags.items():
        yield (
            f"  event loop late, ms, at {name}: p50 {found.p50_ms:.1f}, p99 {found.p99_ms:.1f}, max {found.max_ms:.1f} "
            f"(of {found.times})"
        )
