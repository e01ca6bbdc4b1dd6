"""How many views a second: plain mitmproxy, the filter, nginx in front of it, in turns; with straight to the upstream.

Each has one core, and the load and the upstream together another. Beside the views of a second there are those of a
second of the program's own CPU time: other programs on the machine take the one, but hardly the other.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from tests.bench import load, pinning, processes
from tests.bench.sizes import Sizes
from tests.nginx import STRAIGHT, Nginx, available

PLAIN = "plain mitmdump -q, streaming"
FILTER = "filter, judge of 0 ms"
ALONE = "nginx alone"
FAST = "nginx, fast path beside the filter"
CONNECTIONS = 8


@dataclass(frozen=True)
class Rate:
    """One way: medians over the rounds of views in a second, and in a second of CPU time.

    The ratios are the medians of each round's ratio to plain mitmproxy.
    """

    per_second: float
    per_cpu_second: float
    ratio: float
    cpu_ratio: float
    rounds: list[float]
    cpu_rounds: list[float]


@dataclass(frozen=True)
class _Way:
    address: tuple[str, int]
    pid: int


def measure(upstream: processes.Program, sizes: Sizes, say: Callable[[str], None]) -> dict[str, Rate]:
    """The rates by way; those of nginx only where it is installed."""
    measured, others = pinning.cores()
    with ExitStack() as stack:
        say("starting plain mitmproxy and a filter with a judge of 0 ms")
        plain = stack.enter_context(processes.plain(upstream.url))
        stub = stack.enter_context(processes.stubbed(upstream.url))
        stack.enter_context(pinning.pinned(upstream.pid, others))
        ways = {"straight": _Way(upstream.address, upstream.pid)}
        ways |= {name: _Way(program.address, program.pid) for name, program in ((PLAIN, plain), (FILTER, stub))}
        if missing := available():
            say(f"without nginx: {missing}")
        else:
            alone = stack.enter_context(Nginx(upstream.address, text=STRAIGHT))
            fast = stack.enter_context(Nginx(upstream.address, [stub.address]))
            ways |= {ALONE: _Way(alone.address, alone.pid), FAST: _Way(fast.address, fast.pid)}
        for name, way in ways.items():
            if name != "straight":
                stack.enter_context(pinning.pinned(way.pid, measured))
        return _rounds(ways, sizes, others, say)


def _rounds(ways: Mapping[str, _Way], sizes: Sizes, core: int, say: Callable[[str], None]) -> dict[str, Rate]:
    walls: dict[str, list[float]] = {name: [] for name in ways}
    cpus: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(sizes.view_rounds + 1):  # the first one warms up
        say(f"views of {sizes.small_view / 1000:.0f} kB, round {turn} of {sizes.view_rounds}")
        for name in ways if turn % 2 == 0 else reversed(list(ways)):
            found, spent = _round(ways[name], sizes, core)
            count = len(found.answers)
            if found.statuses() != {200: count}:
                raise RuntimeError(f"{name}: views were answered {found.statuses()}")
            if turn:
                walls[name].append(count / found.seconds)
                cpus[name].append(count / max(spent, 0.01))  # the system counts in hundredths of a second
    return {name: _rate(walls, cpus, name) for name in ways}


def _round(way: _Way, sizes: Sizes, core: int) -> tuple[load.Result, float]:
    before = psutil.Process(way.pid).cpu_times()
    spec = load.Spec(way.address, sizes.view_seconds, sizes.small_view, connections=CONNECTIONS, cpu=core)
    found = load.run(spec)
    after = psutil.Process(way.pid).cpu_times()
    return found, after.user + after.system - before.user - before.system


def _rate(walls: Mapping[str, list[float]], cpus: Mapping[str, list[float]], name: str) -> Rate:
    return Rate(
        statistics.median(walls[name]),
        statistics.median(cpus[name]),
        _ratio(walls[name], walls[PLAIN]),
        _ratio(cpus[name], cpus[PLAIN]),
        walls[name],
        cpus[name],
    )


def _ratio(mine: list[float], other: list[float]) -> float:
    return statistics.median(one / another for one, another in zip(mine, other, strict=True))


def lines(rates: Mapping[str, Rate]) -> Iterator[str]:
    """The table."""
    columns = f"{'a second':>9} {'ratio':>7} {'a CPU second':>13} {'ratio':>7}"
    yield f"{'views a second, on kept connections':<44} {columns}"
    for name, rate in rates.items():
        figures = f"{rate.per_second:>9.0f} {rate.ratio:>7.2f} {rate.per_cpu_second:>13.0f} {rate.cpu_ratio:>7.2f}"
        yield f"  {name:<42} {figures}"
    if ALONE in rates:
        fast, alone = rates[FAST], rates[ALONE]
        yield f"  the fast path against nginx alone: {_ratio(fast.rounds, alone.rounds):.2f} of its views a second"
