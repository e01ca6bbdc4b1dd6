"""A judge to stand behind model.cached, and the verdicts that it may give: those to keep, and those not to."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from config.policy import Origin
from model.cached import CachedJudge
from model.errors import Cause
from model.verdict import Outcome, Verdict

SECONDS = 3600.0
PASS, REJECT, UNAVAILABLE = Outcome.PASS, Outcome.REJECT, Outcome.UNAVAILABLE
OURS: list[Cause] = ["decoder", "classifier", "deadline"]
THE_FILES: list[Cause] = ["undecodable", "unsupported", "too_large"]


def verdict(data: bytes, **fields: Any) -> Verdict:
    plain = Verdict(
        PASS, PASS, None, None, hashlib.sha256(data).hexdigest(), len(data), "jpeg", "image/jpeg", {"nsfw": 0.25}, 3
    )
    return replace(plain, **{"stage_ms": {"hash": 1.0, "decode": 20.0}, **fields})


class Behind:
    """The judge behind: says what it is told to; `held`, it waits until it is let go, one call at a time."""

    device = "fake"

    def __init__(self, *, held: bool = False, **fields: Any) -> None:
        self.fields = fields
        self.calls: list[tuple[bytes, float]] = []
        self.origins: list[Origin | None] = []
        self.came_as: list[str | None] = []
        self.held = held
        self.waiting: list[asyncio.Future[dict[str, Any]]] = []
        self.closed = False
        self.asked = asyncio.Event()

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        self.calls.append((data, deadline))
        self.origins.append(origin)
        self.came_as.append(came_as)
        self.asked.set()
        fields = self.fields
        if self.held:
            self.waiting.append(asyncio.get_running_loop().create_future())
            fields = await self.waiting[-1]
        return verdict(data, **fields)

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        return data + b" anew"

    async def close(self) -> None:
        self.closed = True


def cached(
    behind: Behind, *, entries: int = 100, clock: Callable[[], float] = time.monotonic, policy: str = "p"
) -> CachedJudge:
    return CachedJudge(behind, policy=policy, entries=entries, seconds=SECONDS, clock=clock)


def soon() -> float:
    """A deadline that no test comes near."""
    return time.monotonic() + 60


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


KEPT = [
    {},
    {"outcome": REJECT, "strict": REJECT, "rule": "explicit"},
    {"outcome": PASS, "strict": REJECT, "rule": "explicit"},
    {"rule": "note"},
    *({"outcome": REJECT, "strict": REJECT, "rule": cause, "cause": cause} for cause in THE_FILES),
]
NOT_KEPT = [
    *({"outcome": UNAVAILABLE, "strict": UNAVAILABLE, "rule": cause, "cause": cause} for cause in OURS),
    *({"outcome": PASS, "strict": UNAVAILABLE, "rule": cause, "cause": cause} for cause in OURS),
    *({"outcome": PASS, "strict": REJECT, "rule": cause, "cause": cause} for cause in THE_FILES),
    {"outcome": UNAVAILABLE, "strict": UNAVAILABLE},
    *({"outcome": REJECT, "strict": REJECT, "rule": cause, "cause": cause} for cause in OURS),
]
