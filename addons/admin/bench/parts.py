"""The parts of a filter by themselves: how fast pictures are decoded, and how fast the models look at them.

The pool of decoders and the models are the filter's own, started as it starts them, and called as it calls them.
"""

from __future__ import annotations

import time
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from addons.admin.bench.pace import Pace
from addons.admin.bench.pictures import Pictures
from addons.admin.bench.report import Decoding, Modelling
from addons.admin.bench.steps import Steps
from config.load import Config
from model.formats.sniff import sniff
from model.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from model.parts import Parts

PATIENCE_SECONDS = 120.0
"""Deadline for one picture, or one call of a model: here they are to be measured, however slow they are."""

Array = NDArray[np.uint8]


class BenchError(Exception):
    """There is nothing to measure; the message is for the administrator."""


class PartsBench:
    """Measures `parts`, which were started for `config`."""

    def __init__(self, config: Config, parts: Parts, steps: Steps) -> None:
        self._config = config
        self._parts = parts
        self._steps = steps

    async def decoding(self, kind: Pictures) -> Decoding:
        """Decode one kind, with all decoders at once. Raises BenchError where there is no verdict on one of them."""
        views, refused = await self._look(kind)
        pace = None if refused else await self._decode(kind)
        self._steps.progress.end(f"{pace.per_second:.3g} pictures a second" if pace else f"refused: {refused}")
        return Decoding(kind.title, len(kind.files), kind.mean_bytes, views, refused, pace)

    async def modelling(self, model: str, views: Array, at_once: int) -> Modelling:
        """Give all of `views` to a model in each call."""

        async def classify(_: int) -> bool:
            await self._parts.backend.classify(model, views, _deadline())
            return True

        many = "1 view a call" if len(views) == 1 else f"{len(views)} views a call"
        pace = await self._steps.measure(f"model {model}: {many}", classify, at_once=at_once)
        row = Modelling(model, len(views), at_once, pace)
        self._steps.progress.end(f"{row.per_second:.3g} views a second")
        return row

    async def views(self, data: bytes) -> tuple[Array, ...]:
        """The views of a file, by model: uint8 (N, height, width, 3)."""
        media = sniff(data)
        if media is None:
            raise BenchError("not a format that is known here")
        return (await self._parts.decoder.decode(data, media, _deadline())).arrays

    async def _decode(self, kind: Pictures) -> Pace:
        async def decode(turn: int) -> bool:
            await self.views(kind.files[turn % len(kind.files)])
            return True

        processes = self._config.settings.decoder.processes
        return await self._steps.measure(f"decoding: {kind.title}", decode, at_once=processes)

    async def _look(self, kind: Pictures) -> tuple[float | None, str | None]:
        """Judge each file that somebody named, or one that was drawn: (mean number of views, why it is refused).

        Raises BenchError for what is wrong with a named file, and for a failure of ours.
        """
        from model.judge import Judge

        judge = Judge(self._config, self._parts.decoder, self._parts.backend, self._parts.labels)
        self._steps.progress.begin(f"judging: {kind.title}")
        views = []
        files = kind.files if kind.names else kind.files[:1]
        for number, data in enumerate(files):
            verdict = await judge.judge(data, _deadline())
            self._steps.progress.at((number + 1) / len(files))
            if verdict.cause is None:
                views.append(verdict.views)
            elif kind.names:
                raise BenchError(f"{kind.names[number]}: cannot be judged: {_why(verdict)}")
            elif verdict.strict is not Outcome.REJECT:
                raise BenchError(f"a picture cannot be judged: {_why(verdict)}")
            else:
                return None, _why(verdict)
        return round(fmean(views), 2), None


def _deadline() -> float:
    return time.monotonic() + PATIENCE_SECONDS


def _why(verdict: Verdict) -> str:
    return f"{verdict.detail} (failure.{verdict.cause})"
