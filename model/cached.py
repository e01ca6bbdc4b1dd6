"""A judge with a memory: the same bytes under the same policy are judged once.

What is kept depends on the bytes and the policy alone: passes, rejections by a rule, and rejections for what is wrong
with the file itself. A failure of ours is never kept, and neither is a pass of a file that nobody looked at: both may
be otherwise a moment later. Mode, limits and the settings of `failure` go into a verdict too, so a memory belongs to
one judge, made from one configuration, and ends with the process.

Bytes that are being judged already are waited for, within the waiter's own deadline. A first that ends without a
verdict to keep (cancelled, failed) is nobody else's failure: who waited judges for himself, and waits no second time,
or senders who break off could keep him waiting for ever. One asyncio loop, hence no locks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from cachetools import TTLCache

from config.policy import Origin
from model.digest import sha256
from model.errors import Cause, JudgeError
from model.verdict import Outcome, Verdict

Key = tuple[str, str, Origin | None, str | None]

OF_THE_FILE: frozenset[Cause] = frozenset(error.cause for error in JudgeError.__subclasses__() if error.sender_at_fault)
"""Causes that lie in the file: they are there the next time as well."""


class Judging(Protocol):
    """The judge behind, and what this one is to others."""

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
        """The file to judge in place of `data`, or why there is none."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


class CachedJudge:
    """Gives the verdicts of `judge`, and keeps the last `entries` of them for `seconds` each; 0 entries: none.

    `policy` is the hash of all that `judge` goes by (`Config.judging`): what was kept under another one is not found. A
    hit counts as use, but makes nobody's `seconds` longer. `by_origin`: what comes from elsewhere is judged anew.
    A kept verdict is about a kilobyte: its texts are cut to a length by the decoder's pool, and it holds no pixels.
    """

    def __init__(
        self,
        judge: Judging,
        *,
        policy: str,
        entries: int,
        seconds: float,
        by_origin: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self._by_origin = by_origin
        self._judge = judge
        self._entries = entries
        self._age = 0
        self._kept: TTLCache[Key, Verdict, float] = TTLCache(entries, seconds, clock)
        self._running: dict[Key, asyncio.Future[Verdict | None]] = {}

    @property
    def device(self) -> str:
        """Where the model runs, for people."""
        return self._judge.device

    def forget(self, policy: str) -> None:
        """Judge everything anew, under `policy`, since something has changed. What is being judged is not kept."""
        self.policy = policy
        self._kept.clear()
        self._age += 1

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        """The verdict on `data`, from memory if it is there; then `cached` is True and `stage_ms` has the hash alone.

        `deadline` is an absolute `time.monotonic()` second. A waiter who is past his asks the judge behind, which
        knows the verdict for that. Raises what the judge behind raises.
        """
        if not self._entries:
            return await self._judge.judge(data, deadline, origin, came_as)
        started = time.monotonic()
        key = (self.policy, await sha256(data), origin if self._by_origin else None, came_as)
        stage_ms = {"hash": round((time.monotonic() - started) * 1000, 1)}
        found = self._kept.get(key)
        if found is None and key in self._running:
            found = await _result(self._running[key], deadline)
        if found is None:
            return await self._judge_now(key, data, deadline, origin, came_as)
        return replace(found, stage_ms=stage_ms)

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        """What the judge behind says, each time: nothing of a picture is kept. The same file comes out of the same
        bytes, so that its verdict is found here.
        """
        return await self._judge.normalised(data, deadline)

    async def close(self) -> None:
        """Close the judge behind."""
        await self._judge.close()

    async def _judge_now(
        self, key: Key, data: bytes, deadline: float, origin: Origin | None, came_as: str | None
    ) -> Verdict:
        mine: asyncio.Future[Verdict | None] | None = None
        if key not in self._running:
            mine = self._running[key] = asyncio.get_running_loop().create_future()
        shared, age = None, self._age
        try:
            verdict = await self._judge.judge(data, deadline, origin, came_as)
            if _lasts(verdict) and age == self._age:
                shared = self._kept[key] = replace(verdict, cached=True, stage_ms={})
        finally:
            if mine is not None:
                del self._running[key]
                mine.set_result(shared)
        return verdict


def _lasts(verdict: Verdict) -> bool:
    """Whether the same bytes would get this verdict again, for all that can be known."""
    if verdict.cause is None:
        return verdict.outcome in (Outcome.PASS, Outcome.REJECT)
    return verdict.outcome is Outcome.REJECT and verdict.cause in OF_THE_FILE


async def _result(running: asyncio.Future[Verdict | None], deadline: float) -> Verdict | None:
    """What another's judging comes to, or None if that is nothing to share, or not there by the deadline."""
    await asyncio.wait([running], timeout=max(0.0, deadline - time.monotonic()))
    return running.result() if running.done() else None
