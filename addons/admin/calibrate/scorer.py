"""Scores an administrator's files with the filter's own judge, several side by side, and tells how far it is.

What fails for a reason that may pass (no verdict in time, a decoder that crashed) is tried once more at the end, alone:
the judge refuses at once who would be late behind others (model/forecast.py), but nobody who comes alone.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from addons.admin.calibrate.scores import Scored, Scores
from addons.admin.files import Unreadable, printable, read_file
from addons.inspection import Judging
from model.digest import sha256
from model.verdict import Verdict

SECONDS_PER_FILE = 600.0
"""Deadline for one file, in seconds. Nobody waits for an answer: a busy machine is to cost time, and no pictures."""
ONE_MORE = 1
"""Files in hand beyond one for each decoder, so that decoders do not wait while the models look."""


@dataclass
class Scan:
    """What became of the files: those with scores by name, and how many have none, by why.

    `known` had been scored before; `again` lists what was tried once more.
    """

    scored: list[tuple[Path, Scored]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    files: int = 0
    known: int = 0
    again: list[Path] = field(default_factory=list)

    def worst(self, signal: str, most: int) -> list[tuple[Path, Scored]]:
        """Those with the highest scores of one signal, highest first."""
        having = [one for one in self.scored if signal in one[1].scores or signal in one[1].in_part]
        return sorted(having, key=lambda one: (-one[1].highest(signal), str(one[0])))[:most]


class Scorer:
    """Judges what `scores` does not know yet, `at_once` files side by side, each at most `most` bytes."""

    def __init__(
        self, judge: Judging, scores: Scores, *, most: int, at_once: int, stream: TextIO | None = None
    ) -> None:
        self._judge = judge
        self._scores = scores
        self._most = most
        self._at_once = at_once
        self._stream = stream or sys.stderr

    async def scan(self, paths: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> Scan:
        """Score them all. Raises ScoresError when scores cannot be kept any more; those until then are kept."""
        scan = Scan(files=len(paths))
        seen: set[str] = set()
        queue = iter(paths)
        # a bar for people: rate, and the time left; nothing where standard error is no terminal
        with tqdm(total=len(paths), unit="file", desc="scoring", file=self._stream, disable=None, leave=False) as bar:

            async def work() -> None:
                for path in queue:
                    if await self._file(path, scan, seen, clock):
                        bar.update()

            try:
                async with asyncio.TaskGroup() as side_by_side:
                    for _ in range(self._at_once):
                        side_by_side.create_task(work())
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
            for path in scan.again:
                await self._file(path, scan, seen, clock, last=True)
                bar.update()
        scan.scored.sort(key=lambda one: one[0])
        return scan

    async def _file(
        self, path: Path, scan: Scan, seen: set[str], clock: Callable[[], float], *, last: bool = False
    ) -> bool:
        """Whether that settles it; else it is to be tried again."""
        try:
            data = await asyncio.to_thread(read_file, path, self._most)
        except Unreadable as error:
            scan.skipped["unreadable"] += 1
            tqdm.write(f"{printable(str(path))}: cannot be read: {error}", file=self._stream)
            return True
        digest = await sha256(data)
        if digest in seen:
            scan.skipped["duplicate"] += 1
            return True
        seen.add(digest)
        scored = self._scores.get(digest)
        if scored is None:
            scored = await self._score(data, digest, clock() + SECONDS_PER_FILE)
            if scored.passes and not last:
                seen.discard(digest)
                scan.again.append(path)
                return False
            self._scores.add(scored)
        else:
            scan.known += 1
        if scored.cause is not None:
            scan.skipped[scored.cause] += 1
        elif not scored.scores:
            scan.skipped["settled"] += 1
        else:
            scan.scored.append((path, scored))
        return True

    async def _score(self, data: bytes, digest: str, deadline: float) -> Scored:
        """`digest` is of the file as it lies there, which the judge may encode anew first (`normalise`)."""
        file = await self._judge.normalised(data, deadline)
        verdict = file if isinstance(file, Verdict) else await self._judge.judge(file, deadline)
        return Scored(digest, dict(verdict.scores), dict(verdict.in_part), verdict.cause)
