"""The filter with another judge, and with a notebook: what it judged, how long each stage took, how late its event loop
was.

    pass       lets everything pass at once: what is left is the proxy's own time
    zeros      decodes as the real one does, for a model that takes no time and finds nothing
    sleep:MS   takes so many milliseconds a file, one after another, and decodes nothing
    real       the real one

A program of its own: `python -m tests.bench.stub http://127.0.0.1:8080 --judge zeros --figures FILE`. It runs until
SIGTERM, and writes the notebook then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from addons.inspection import Decision, Judging
from addons.judges import StartJudge
from addons.launcher import Filter, sparing_the_collector
from config.load import Config, load
from config.policy import Origin
from model.classifier import Enough
from model.digest import sha256
from model.verdict import Outcome, Verdict
from tests.served import own_file

TICK_SECONDS = 0.005
"""How long the task sleeps that notes how late it wakes."""


@dataclass
class Figures:
    """`lags` are (the system's `time.monotonic()`, seconds too late), `passed` the SHA-256 of each file that was judged
    and may be stored, `stages` the milliseconds of each stage of each verdict."""

    lags: list[tuple[float, float]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)

    def note(self, decision: Decision) -> None:
        """Note a verdict."""
        verdict = decision.verdict
        if verdict.outcome is Outcome.PASS and not verdict.unscanned:
            self.passed.append(verdict.sha256)
        for stage, ms in (*verdict.stage_ms.items(), ("verdict, all of it", decision.ms)):
            self.stages.setdefault(stage, []).append(ms)

    async def watch(self) -> None:
        """Note how late the loop is, for ever."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            self.lags.append((before, max(0.0, time.monotonic() - before - TICK_SECONDS)))


def read(path: Path) -> Figures:
    """The notebook of a filter that has ended."""
    found = json.loads(path.read_text())
    return Figures([(at, late) for at, late in found["lags"]], found["passed"], found["stages"])


class PassAtOnce:
    """A judge that does not look."""

    device = "nothing"

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        """Pass it."""
        return _passed(data, "")

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        """As it is."""
        return data

    async def close(self) -> None:
        """Nothing to free."""


class Sleeps(PassAtOnce):
    """A model that takes so many seconds a file, one file at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._one = asyncio.Lock()

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        """Pass it after its time; past the deadline there is no verdict, and no time is lost on it."""
        digest = await sha256(data)
        try:
            async with asyncio.timeout_at(deadline):
                async with self._one:
                    await asyncio.sleep(self._seconds)
        except TimeoutError:
            late = Outcome.UNAVAILABLE
            return Verdict(late, late, "deadline", "deadline", digest, len(data), "jpeg", "image/jpeg")
        return _passed(data, digest)


class Zeros:
    """Answers at once that there is nothing to be seen: all of the score is that of `column`."""

    device = "nothing"

    def __init__(self, labels: int, column: int) -> None:
        self._row = np.zeros((1, labels), np.float32)
        self._row[0, column] = 1

    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> NDArray[np.float32]:
        """See model.classifier.Backend."""
        return self._row.repeat(len(views), axis=0)

    def expects(self, views: int) -> float:
        """At once."""
        return 0.0

    def close(self) -> None:
        """Nothing to free."""


def _passed(data: bytes, digest: str) -> Verdict:
    return Verdict(Outcome.PASS, Outcome.PASS, None, None, digest, len(data), "jpeg", "image/jpeg")


def start_judge(name: str) -> StartJudge | None:
    """How the judge of this name is made; None for the real one."""

    async def start(config: Config) -> Judging:
        kind, _, number = name.partition(":")
        if kind == "sleep":
            return Sleeps(float(number) / 1000)
        return await _blind(config) if kind == "zeros" else PassAtOnce()

    return None if name == "real" else start


async def _blind(config: Config) -> Judging:
    from model.judge import Judge  # torch, which the others do without
    from model.parts import start_parts

    parts = await start_parts(config)
    parts.backend.close()
    (labels,) = parts.labels.values()
    counted = {label for signal in config.policy.signals.values() for label in signal.label_names}
    zeros = Zeros(len(labels), next(place for place, label in enumerate(labels) if label not in counted))
    return Judge(config, parts.decoder, zeros, parts.labels)


async def main(upstream: str, judge: str, figures: Path | None, config: Path | None) -> Figures:
    """Serve on a free port until SIGTERM; the filter's own log says on which. The loop is watched for `figures`."""
    ended, noted = asyncio.Event(), Figures()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    with tempfile.TemporaryDirectory() as folder:
        path = config or own_file(Path(folder))
        running = Filter(load(path, {"PICTRS_FILTER_UPSTREAM": upstream}), noted.note, start_judge(judge))
        await running.start()
        watch = asyncio.create_task(noted.watch()) if figures else None
        with sparing_the_collector(running):  # as `pictrs-filter serve` does
            await ended.wait()
            if watch is not None:
                watch.cancel()
            await running.stop()
    return noted


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stub")
    parser.add_argument("upstream")
    parser.add_argument("--judge", default="pass")
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--config", type=Path)
    return parser.parse_args(given)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", stream=sys.stderr)
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)  # as `pictrs-filter serve` does
    options = arguments()
    written = asyncio.run(main(**vars(options)))
    if options.figures is not None:
        options.figures.write_text(json.dumps(asdict(written)))
