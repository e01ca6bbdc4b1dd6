"""`pictrs-filter bench`: how many pictures this machine can judge, how soon, and whether that is fast enough.

In this order: decoding, the models, the whole path. Figures go to standard output, everything else to standard error;
what was measured is shown when somebody interrupts it, too. What else runs on the machine, Lemmy and pict-rs among it,
has its part of it and is not measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from addons.admin.bench import table
from addons.admin.bench.advice import Costs, assess
from addons.admin.bench.machine import load_average, machine, versions
from addons.admin.bench.parts import Array, BenchError, PartsBench
from addons.admin.bench.pictures import Pictures, drawn, given
from addons.admin.bench.progress import Progress
from addons.admin.bench.report import Report, Setup, as_object
from addons.admin.bench.steps import ALONE, BUSY, Steps
from addons.admin.bench.subject import SubjectError
from addons.admin.bench.uploads import Uploads
from addons.admin.files import Unreadable
from config.load import Config
from model.errors import JudgeError, ModelError

if TYPE_CHECKING:
    from model.parts import Parts

StartParts = Callable[[Config], Awaitable["Parts"]]
Draw = Callable[[], list[Pictures]]


async def bench(
    config: Config,
    files: Sequence[Path] = (),
    *,
    seconds: float,
    at_once: int | None = None,
    as_json: bool = False,
    start_parts: StartParts | None = None,
    draw: Draw = drawn,
) -> int:
    """Measure with `files`, or with drawn pictures, and print it. Gives the exit code: 1 when it could not be measured.

    `seconds` are for all steps together, warm-ups not counted; `at_once` uploads wait side by side in the last step,
    without it twice as many as there are decoders.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(now, str(config.path), machine(), versions(), load_average())
    steps = Steps(seconds, Progress(sys.stderr))
    run = _Run(config, report, steps, at_once)
    show = _print_json if as_json else _print_text
    try:
        await run.all(files, start_parts or _start_parts, draw)
    except asyncio.CancelledError:
        steps.progress.clear()
        if report.decode:
            print("pictrs-filter: interrupted; this is what was measured until then", file=sys.stderr)
            show(report)
        else:
            print("pictrs-filter: interrupted before anything was measured", file=sys.stderr)
        raise
    except (BenchError, JudgeError, ModelError, SubjectError, Unreadable) as error:
        steps.progress.clear()
        print(f"pictrs-filter: {error}", file=sys.stderr)
        return 1
    show(report)
    return 0


async def _start_parts(config: Config) -> Parts:
    start = await asyncio.to_thread(_parts)
    return await start(config)


def _parts() -> StartParts:
    from model.parts import start_parts  # brings torch, which takes seconds: only once they are announced

    return start_parts


def _print_json(report: Report) -> None:
    print(json.dumps(as_object(report)), flush=True)


def _print_text(report: Report) -> None:
    print(table.text(report), flush=True)


class _Run:
    def __init__(self, config: Config, report: Report, steps: Steps, at_once: int | None) -> None:
        self._config = config
        self._report = report
        self._steps = steps
        most = config.settings.overload.media_requests
        self._at_once = at_once or min(most, 2 * config.settings.decoder.processes)

    async def all(self, files: Sequence[Path], start_parts: StartParts, draw: Draw) -> None:
        """Every step, each into the report as soon as it is there."""
        pictures = given(files, self._config.settings.limits.max_file_bytes) if files else []
        names = ", ".join(spec.timm for spec in self._config.policy.models.values())
        progress = self._steps.progress
        print(f"loading {names} (configuration: {self._config.path}) ...", file=sys.stderr, flush=True)
        parts = await start_parts(self._config)
        try:
            self._report.setup = self._setup(parts)
            if not pictures:
                progress.begin("drawing photographs to measure with")
                pictures = await asyncio.to_thread(draw)
                progress.end()
            self._steps.plan(len(pictures) + 2 * len(self._config.policy.models))
            measuring = PartsBench(self._config, parts, self._steps)
            ordinary, views = await self._decode(measuring, pictures)
            for model, array in zip(self._config.policy.models, views, strict=True):
                for some, at_once in ((array[:1], 1), (array, self._at_once)):
                    self._report.model.append(await measuring.modelling(model, some, at_once))
        finally:
            await parts.close()
        async with Uploads.started(self._config, ordinary, self._steps) as uploads:
            for at_once, share in ((1, ALONE), (self._at_once, BUSY)):
                self._report.whole.append(await uploads.measure(at_once, share))
        self._report.load_after = load_average()
        alone, busy = self._report.whole
        self._report.result = assess(alone, busy, self._costs(ordinary))

    async def _decode(self, measuring: PartsBench, pictures: Sequence[Pictures]) -> tuple[Pictures, tuple[Array, ...]]:
        """Decode each kind. Gives the ordinary pictures, and the views of one by model."""
        found = None
        for kind in pictures:
            row = await measuring.decoding(kind)
            self._report.decode.append(row)
            if kind.ordinary and row.refused:
                raise BenchError(f"these settings refuse an ordinary picture ({kind.title}): {row.refused}")
            if kind.ordinary:
                found = kind, await measuring.views(kind.files[0])
        if found is None:
            raise BenchError("there is no ordinary picture to measure with")
        return found

    def _setup(self, parts: Parts) -> Setup:
        settings = self._config.settings
        return Setup(
            {name: spec.timm for name, spec in self._config.policy.models.items()},
            parts.backend.device,
            settings.decoder.processes,
            parts.decoder.confinement,
            settings.views.tiles,
            settings.deadline_seconds,
        )

    def _costs(self, ordinary: Pictures) -> Costs:
        settings, report = self._config.settings, self._report
        decoding = next(row for row in report.decode if row.pictures == ordinary.title)
        views = decoding.mean_views or 1.0
        rate = decoding.pace.per_second if decoding.pace else 0.0
        return Costs(
            deadline_seconds=settings.deadline_seconds,
            views=views,
            model_ms=sum(views * (row.ms_per_view or 0.0) for row in report.model[1::2]),
            decode_ms=1000 / rate if rate else 0.0,
            tiles=settings.views.tiles,
            device=report.setup.device if report.setup else "",
            decoders=settings.decoder.processes,
            cores=report.machine.cores,
            load_before=report.load_before,
            backend=settings.backend,
        )
