"""The figures for people and for files: a table, the machine and the versions they were taken with, and JSON."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from addons.admin.bench import machine as ours
from tests import nginx
from tests.bench import growth, listed, loads, views
from tests.bench.growth import Growth
from tests.bench.listed import Listed
from tests.bench.loads import Loaded
from tests.bench.memory import Rss, Uploads, View
from tests.bench.timing import Way
from tests.bench.views import Rate
from tests.running import repository

MIB = 1024 * 1024


@dataclass(frozen=True)
class Machine:
    """Where the figures were taken. `load` is the load average of the last minute, before and after.

    `gpu` is the name of the one that torch would use; empty where there is none, and in older files.
    """

    cpu: str
    cores: int
    memory_mib: int
    system: str
    load: tuple[float, float]
    gpu: str = ""


@dataclass(frozen=True)
class MemoryRun:
    """One life of the filter; `filter` is its ready line.

    `ready_anonymous` is the proxy's RSS at rest less that of mapped files, which are libraries, in bytes.
    `passes` are the same files again and again: what grows from one to the next leaks.
    """

    filter: str
    deadline_seconds: float
    at_a_time: int
    mean_bytes: int
    ready_anonymous: int
    ready: Rss
    warm: Rss
    views: dict[str, View]
    passes: list[Uploads]


@dataclass(frozen=True)
class Report:
    """All of one run. `times` has the ways of each question, in ms; `seconds` each single figure behind them.

    `stages` are the medians of the stages of a verdict, in ms, by a model of 0 ms.
    """

    started: str
    commit: str
    machine: Machine
    versions: dict[str, str]
    memory: list[MemoryRun] = field(default_factory=list)
    times: dict[str, dict[str, Way]] = field(default_factory=dict)
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    views: dict[str, Rate] = field(default_factory=dict)
    loads: list[Loaded] = field(default_factory=list)
    lists: list[Listed] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)


def write(report: Report, folder: Path) -> Path:
    """Write `<UTC time of the start>.json` and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.started}.json"
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return path


def now() -> str:
    """The time in UTC, fit for a file name and in the order of time."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def machine(load_before: float) -> Machine:
    """This machine; `load_before` is what `load()` gave at the start."""
    found = ours.machine()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return Machine(found.cpu, found.cores, found.memory_mib, platform.platform(), (load_before, load()), gpu)


def load() -> float:
    """The load average of the last minute."""
    return ours.load_average()


def versions() -> dict[str, str]:
    """Python and the packages that the figures depend on."""
    return ours.versions() | {"aiohttp": version("aiohttp")}


def beside() -> dict[str, str]:
    """Version by name of the programs that the filter is measured beside, where they are installed."""
    found = nginx.version()
    return {"nginx": found} if found else {}


def commit() -> str:
    """The checkout's commit, `-dirty` when files differ from it; empty outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def table(report: Report) -> str:
    """The figures, to be read."""
    machine = report.machine
    names = " ".join(f"{name} {number}" for name, number in report.versions.items())
    gpu = f", {machine.gpu}" if machine.gpu else ""
    lines = [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_mib} MiB, {machine.system}{gpu}",
        f"commit {report.commit}, {names}",
    ]
    for run in report.memory:
        lines += ["", run.filter, *_memory(run)]
    for question, ways in report.times.items():
        lines += ["", *_times(question, ways)]
    if report.stages:
        told = ", ".join(f"{stage} {ms:.1f}" for stage, ms in report.stages.items())
        lines += [f"  stages of a verdict with a model of 0 ms, p50 in ms: {told}"]
    if report.views:
        lines += ["", *views.lines(report.views)]
    for loaded in report.loads:
        lines += ["", *loads.lines(loaded)]
    for one in report.lists:
        lines += ["", *listed.lines(one)]
    for grown in report.growth:
        lines += ["", *growth.lines(grown)]
    before, after = machine.load
    shared = f"Load average {before} before, {after} after. Other programs on these cores disturb every single figure:"
    return "\n".join([*lines, "", shared, "compare ratios and added times of one run, not milliseconds of two."])


def _memory(run: MemoryRun) -> Iterator[str]:
    yield f"{'memory, RSS in MiB':<52} {'proxy':>8} {'decoders':>8} {'total':>8}"
    yield _rss(f"ready ({run.ready_anonymous / MIB:.0f} of the proxy's anonymous)", run.ready)
    yield _rss("warm, after one small upload", run.warm)
    count = sum(run.passes[0].answers.values()) if run.passes else 0
    what = f"{count} uploads of {run.mean_bytes / 1e6:.1f} MB, {run.at_a_time} at a time"
    for number, one in enumerate(run.passes, 1):
        yield _rss(f"pass {number}: peak, {what}", one.peak)
        yield _rss(f"pass {number}: after", one.after)
    if run.passes:
        grown = run.passes[0].peak.proxy - run.passes[0].before.proxy
        times = grown / (run.at_a_time * run.mean_bytes)
        yield f"  the proxy's peak by the kernel (VmHWM): {run.passes[-1].high_water / MIB:.0f} MiB"
        yield f"  pass 1 made the proxy grow by {grown / MIB:.0f} MiB, {times:.1f} times the files in flight"
    for name, view in run.views.items():
        grew = f"the proxy grew by {view.growth / MIB:.1f} MiB"
        yield f"  {name}: {view.size / 1e6:.0f} MB in {view.seconds:.1f} s, {grew}"
    for number, one in enumerate(run.passes, 1):
        answers = ", ".join(f"{times} times {status}" for status, times in sorted(one.answers.items()))
        yield (
            f"  pass {number} with deadline_seconds: {run.deadline_seconds:g}: answered {answers}, "
            f"in {one.seconds:.1f} s, the slowest after {one.slowest:.1f} s"
        )


def _rss(name: str, rss: Rss) -> str:
    return f"  {name:<50} {rss.proxy / MIB:>8.0f} {rss.decoders / MIB:>8.0f} {rss.total / MIB:>8.0f}"


def _times(question: str, ways: Mapping[str, Way]) -> Iterator[str]:
    yield f"{question + ', ms':<52} {'p50':>8} {'p95':>8} {'ratio':>8} {'added':>8}"
    for name, way in ways.items():
        yield f"  {name:<50} {way.p50_ms:>8.2f} {way.p95_ms:>8.2f} {way.ratio:>8.2f} {way.added_ms:>8.2f}"
