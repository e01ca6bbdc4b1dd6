"""One file before the judge: what becomes of it, for whoever brought it in. The only caller of the judge.

Whatever is not plainly a pass ends in an answer. What passes is exactly the bytes that were judged, and no more: those
that came or, where stills are encoded anew (`normalise`), the new ones.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from addons.pictrs import answers
from addons.pictrs.answers import Answer
from config.policy import Origin
from model.digest import sha256
from model.verdict import Outcome, Verdict

log = logging.getLogger("pictrs_filter")

Source = Origin


class Judging(Protocol):
    """What is needed of model.judge.Judge."""

    @property
    def device(self) -> str:
        """Where the model runs, for people."""
        ...

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        """Judge one file that came from `origin`; `deadline` is an absolute `time.monotonic()` second.

        `came_as` is the SHA-256 of the file that it was made of, if it is not what came.
        """
        ...

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        """The file to judge in place of `data`, which may be `data` itself, or why there is none."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


@dataclass(frozen=True)
class Decision:
    """One verdict with where its file came from: what the log, the demo's table and the tests see.

    `ms` is how long it took, `at` when it was there (seconds since 1970). `host` is the remote host that a fetched file
    came from, and empty for others: personal data, kept only where the operator chose so.
    """

    ref: str
    source: Source
    verdict: Verdict
    ms: float
    at: float = 0.0
    host: str = ""


@dataclass(frozen=True)
class Passed:
    """A file that may go on: the bytes that were judged, and their media type as the judge found it."""

    data: bytes = field(repr=False)
    verdict: Verdict

    @property
    def mime(self) -> str:
        """The media type."""
        return self.verdict.mime


class Inspector:
    """Judges and reports. `judge` is None until the model is warm; until then nothing passes.

    `observe` is called with each decision. `unscanned` counts files that passed because the operator lets a failure.
    """

    def __init__(self, observe: Callable[[Decision], None] | None = None) -> None:
        self._observe = observe
        self.judge: Judging | None = None
        self.unscanned = 0
        self._in_hand: Counter[int] = Counter()  # by the identity of a judge: files before it
        self._left = asyncio.Event()

    async def done_with(self, judge: Judging) -> None:
        """Wait until the files that a judge who is not in office any more has in hand are judged."""
        while self._in_hand[id(judge)]:
            self._left.clear()
            await self._left.wait()
        del self._in_hand[id(judge)]

    @contextmanager
    def _asked(self, judge: Judging) -> Iterator[None]:
        """While a file is before a judge, it is not closed."""
        self._in_hand[id(judge)] += 1
        try:
            yield
        finally:
            self._in_hand[id(judge)] -= 1
            self._left.set()

    async def inspect(self, source: Source, data: bytes, deadline: float, host: str = "") -> Passed | Answer:
        """Judge one file. `deadline` is an absolute `time.monotonic()` second; `host` is where it was fetched from.

        Raises ValueError on a verdict about more bytes than there are: a fault of ours, for which nothing passes.
        """
        judge = self.judge
        if judge is None:
            return answers.STARTING
        started = time.monotonic()
        with self._asked(judge):
            # what pict-rs wants validated lies there already: nothing can take its place
            file = data if source == "hook" else await judge.normalised(data, deadline)
            if isinstance(file, Verdict):
                verdict = file
            else:
                came_as = None if file is data else await sha256(data)
                data = file
                verdict = await judge.judge(data, deadline, source, came_as)
        ref = secrets.token_hex(4)
        ms = round((time.monotonic() - started) * 1000, 1)
        self._report(Decision(ref, source, verdict, ms, time.time(), host))
        refusal = _refusal(verdict, ref)
        if refusal is not None:
            return refusal
        if not 0 < verdict.size <= len(data):
            raise ValueError(f"a verdict on {verdict.size} bytes of {len(data)}")
        # what stands behind the end of a still was not judged
        return Passed(data if verdict.size == len(data) else data[: verdict.size], verdict)

    def _report(self, decision: Decision) -> None:
        verdict = decision.verdict
        if verdict.unscanned:
            self.unscanned += 1
            log.warning("ref=%s passed without a verdict (%s); %d so far", decision.ref, verdict.cause, self.unscanned)
        log.info(
            "ref=%s source=%s outcome=%s%s rule=%s type=%s bytes=%d views=%d%s%s ms=%s%s%s",
            decision.ref,
            decision.source,
            verdict.outcome,
            "" if verdict.outcome is verdict.strict else f" (would be {verdict.strict})",
            verdict.rule or "-",
            verdict.media or "-",
            verdict.size,
            verdict.views,
            f" sampled={verdict.sampled.replace(' of ', '/')}" if verdict.sampled else "",
            "".join(f" {name}={score:.3f}" for name, score in verdict.scores.items())
            + "".join(f" {name}(part)={score:.3f}" for name, score in verdict.in_part.items()),
            decision.ms,
            " cached" if getattr(verdict, "cached", False) else "",
            f" ({verdict.detail})" if verdict.detail else "",
        )
        if self._observe is not None:
            self._observe(decision)


def _refusal(verdict: Verdict, ref: str) -> Answer | None:
    """The answer for a verdict, or None when the file may go on. Whatever is not plainly PASS does not."""
    if verdict.outcome is Outcome.PASS:
        return None
    if verdict.outcome is Outcome.REJECT and verdict.cause is None:
        return answers.rejected(ref)
    if verdict.outcome is Outcome.REJECT and verdict.cause is not None and verdict.cause in answers.UNUSABLE:
        return answers.unusable(verdict.cause, ref)
    if verdict.outcome is Outcome.UNAVAILABLE and verdict.cause == "deadline":
        return answers.busy(ref)
    return answers.unavailable(ref)
