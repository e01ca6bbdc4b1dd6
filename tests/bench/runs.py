"""The two parts of the benchmark, step by step. The filters are started here and have ended when a part returns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

from tests.bench import memory, processes, timing
from tests.bench.client import Client, Timed
from tests.bench.report import MemoryRun
from tests.bench.sizes import Sizes
from tests.bench.stub import read
from tests.served import own_file

LONG_DEADLINE = 60.0
"""Seconds for a verdict in the second memory run, which is made when uploads were refused in the first."""

Say = Callable[[str], None]


class Running(Protocol):
    """What is measured; processes.Program is one."""

    @property
    def pid(self) -> int: ...
    @property
    def address(self) -> tuple[str, int]: ...
    @property
    def ready_line(self) -> str: ...


Start = Callable[[str, Sequence[str]], AbstractContextManager[Running]]
"""Starts a filter before an upstream, with options of the command line."""
Seconds = dict[str, dict[str, list[float]]]
"""Question -> way -> seconds, turn by turn."""


def measure_memory(
    upstream: str, sizes: Sizes, deadline: float, folder: Path, say: Say, start: Start = processes.serve
) -> list[MemoryRun]:
    """The memory run, and once more with a long deadline when uploads were too late. Files go to `folder`."""
    files = []
    for number in range(sizes.uploads):
        files.append(folder / str(number))
        files[-1].write_bytes(sizes.large[number % len(sizes.large)].make(number))
        if (number + 1) % 10 == 0:
            say(f"{number + 1} of {sizes.uploads} large pictures made")

    def run(deadline: float) -> MemoryRun:
        say(f"starting the filter, with the embedded model and deadline_seconds: {deadline:g}")
        # no verdict is remembered, so that every pass is judged
        config = own_file(folder, f"deadline_seconds: {deadline}\ncache: {{verdicts: 0}}\n")
        with start(upstream, ("--config", str(config))) as running:
            return _memory_run(running, sizes, files, deadline, say)

    runs = [run(deadline)]
    if any(503 in each.answers for each in runs[0].passes):
        say(f"uploads were too late for deadline_seconds: {deadline:g}; once more with {LONG_DEADLINE:g}")
        runs.append(run(LONG_DEADLINE))
    return runs


def _memory_run(running: Running, sizes: Sizes, files: Sequence[Path], deadline: float, say: Say) -> MemoryRun:
    pid, address = running.pid, running.address
    ready, anonymous = memory.read(pid), memory.of_kernel(pid, "RssAnon")
    with Client(address) as client:
        client.upload(sizes.ordinary.make(0))
    warm = memory.read(pid)
    views = {}
    for name, pause in (("view", 0.0), (f"view by a reader who stops for {sizes.pause:g} s", sizes.pause)):
        say(f"{name}, {sizes.large_view / 1e6:.0f} MB")
        views[name] = memory.view(pid, address, sizes.large_view, pause)
    passes = []
    for number in range(1, sizes.passes + 1):
        say(f"pass {number} of {sizes.passes}: {len(files)} uploads, {sizes.at_a_time} at a time")
        passes.append(memory.upload_all(pid, address, files, sizes.at_a_time, say))
    mean = sum(path.stat().st_size for path in files) // len(files)
    return MemoryRun(running.ready_line, deadline, sizes.at_a_time, mean, anonymous, ready, warm, views, passes)


def measure_time(upstream: processes.Program, sizes: Sizes, say: Say) -> tuple[Seconds, dict[str, float]]:
    """Uploads and views, straight and through the filter: with the embedded model, with one of 0 ms, with no judge.

    Gives the medians of the stages of a verdict, in ms, besides: those of the model of 0 ms.
    """
    say(f"making {sizes.turns + sizes.warm_up} ordinary pictures")
    files = [sizes.ordinary.make(turn) for turn in range(sizes.turns + sizes.warm_up)]
    mean = sum(map(len, files)) / len(files)

    def upload(client: Client, turn: int) -> Timed:
        return client.upload(files[turn])

    def view(client: Client, turn: int) -> Timed:
        return client.view(sizes.small_view)

    with ExitStack() as stack:
        say("starting three filters: with the embedded model, with a model of 0 ms, and with a judge of 0 ms")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        real = stack.enter_context(processes.serve(upstream.url, ("--config", str(own_file(folder)))))
        blind = stack.enter_context(processes.stubbed(upstream.url, "zeros", folder / "figures.json"))
        stub = stack.enter_context(processes.stubbed(upstream.url))
        ways = {"straight": upstream, "filter": real, "filter, model of 0 ms": blind, "filter, judge of 0 ms": stub}
        clients = {name: stack.enter_context(Client(program.address)) for name, program in ways.items()}
        say(f"{sizes.turns} turns of an upload of {mean / 1000:.0f} kB")
        uploads = timing.side_by_side(clients, upload, sizes.turns, sizes.warm_up, 201)
        say(f"{sizes.view_turns} turns of a view of {sizes.small_view / 1000:.0f} kB")
        views = timing.side_by_side(clients, view, sizes.view_turns, sizes.warm_up, 200)
        blind.stop()
        noted = read(folder / "figures.json").stages
    stages = {stage: timing.percentile(ms, 50) for stage, ms in noted.items()}
    return {f"upload of {mean / 1000:.0f} kB": uploads, f"view of {sizes.small_view / 1000:.0f} kB": views}, stages
