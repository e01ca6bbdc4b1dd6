"""Pictures and a judge for chaos: everything behind the judge's door is real but the network, which looks for red.

Decoders are the real processes, and the model runs in the real classifier's thread. `undisturbed` is what the judge
says when nobody disturbs it: the measure of what may ever reach pict-rs.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from config.load import Config
from config.policy import PolicySpec
from model.batcher import Batcher
from model.device import Device
from model.judge import Judge
from model.preprocess import ViewSpec
from model.sandbox import DecoderPool
from model.verdict import Outcome
from tests.running import config

LABELS = ("ordinary", "red")
SPEC = ViewSpec(32, 32, 1.0, "squash", "bilinear")
POLICY = PolicySpec.model_validate(
    {
        "models": {"red": {"timm": "local-dir:/nowhere"}},  # not loaded; it is RedModel
        "signals": {"red": {"model": "red", "sum_labels": ["red"]}},
        "rules": [{"name": "no-red", "when": {"signal": "red", "at_least": 0.5}, "action": "reject"}],
    }
)
TRAILER = b"what a phone adds behind the end of a picture"
UNDISTURBED_SECONDS = 60.0

PIECE_BYTES = 16
"""So many bytes in a row, which no picture has that passes, are not in a record by chance."""
PIECES = 32
"""Places of a forbidden picture that are looked for; tables that all files of a format share are not among them."""

Scores = NDArray[np.float32]
Fault = Callable[[], Scores]
"""Takes the place of one forward: raises, or answers nonsense."""


class RedModel:
    """A network without weights that tells how red a view is. `fault`, when set, takes the place of one forward."""

    labels = LABELS
    device = "cpu"
    batch = 16

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.last = time.monotonic()

    def forward(self, views: NDArray[np.uint8]) -> Scores:
        """See model.classifier.Model; `last` is when one began."""
        self.last = time.monotonic()
        fault, self.fault = self.fault, None
        if fault is not None:
            return fault()
        means = torch.from_numpy(views).float().mean(dim=(1, 2))
        red = torch.sigmoid((means[:, 0] - means[:, 1:].amax(dim=1)) / 8)
        scores: Scores = torch.stack([1 - red, red], dim=1).numpy()
        return scores


async def start_judge(given: Config, model: RedModel) -> Judge:
    """As Judge.start, with this model."""
    pool = DecoderPool(given.settings.decoder, given.settings.limits, [SPEC])
    backend = Batcher([Device({"red": model}, prepare=lambda: torch.set_num_threads(1))])
    await pool.start()
    return Judge(given, pool, backend, {"red": LABELS})


def chaos_config(upstream: tuple[str, int], **settings: Any) -> Config:
    """As running.config, with the policy that refuses red."""
    return replace(config(upstream, **settings), policy=POLICY)


def paint(number: int, kind: str = "png", *, red: bool = False, side: int = 48) -> bytes:
    """A picture of blue and green, or of red; each number gives another one."""
    noise = np.random.default_rng(number).integers(0, 60, (side, side, 3), np.uint8)
    noise[..., 0 if red else 1 + number % 2] += 160
    out = io.BytesIO()
    Image.fromarray(noise).save(out, kind.upper())
    return out.getvalue()


@dataclass(frozen=True)
class Gallery:
    """`passed` maps the SHA-256 of what an undisturbed judge lets pass, as it may go on, to those bytes.

    `traces` are pieces of the forbidden ones by which these are known.
    """

    ordinary: tuple[bytes, ...]
    forbidden: tuple[bytes, ...]
    passed: Mapping[str, bytes]
    traces: tuple[bytes, ...]


def gallery() -> Gallery:
    """Ordinary and forbidden pictures of several kinds and sizes, and what an undisturbed judge says of each."""
    kinds = ("png", "jpeg", "webp", "gif")
    ordinary = [paint(number, kind) for number, kind in enumerate(kinds)]
    ordinary += [paint(10, side=500), paint(11, "jpeg", side=600), paint(12, "jpeg") + TRAILER]
    forbidden = [paint(20 + number, kind, red=True) for number, kind in enumerate(kinds)]
    forbidden.append(paint(30, red=True, side=500))
    passed = asyncio.run(undisturbed([*ordinary, *forbidden]))
    assert len(passed) == len(ordinary)
    assert all(any(data.startswith(allowed) for allowed in passed.values()) for data in ordinary)
    pieces = [piece for data in forbidden for piece in traces(data, passed.values())]
    return Gallery(tuple(ordinary), tuple(forbidden), passed, tuple(pieces))


def traces(data: bytes, passed: Iterable[bytes]) -> list[bytes]:
    """Pieces of a picture that none of those that pass has; there is at least one."""
    step = max(1, (len(data) - PIECE_BYTES) // PIECES)
    pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data) - PIECE_BYTES, step)]
    known = list(passed)
    own = [piece for piece in pieces if not any(piece in each for each in known)]
    if not own:
        raise ValueError("a forbidden picture that is made of pieces of others")
    return own


async def undisturbed(files: list[bytes]) -> dict[str, bytes]:
    """SHA-256 of what may go on to what may go on, of those files that a judge lets pass."""
    judge = await start_judge(chaos_config(("127.0.0.1", 9)), RedModel())
    passed = {}
    try:
        for data in files:
            verdict = await judge.judge(data, time.monotonic() + UNDISTURBED_SECONDS)
            assert verdict.cause is None, verdict
            if verdict.outcome is Outcome.PASS:
                passed[hashlib.sha256(data[: verdict.size]).hexdigest()] = data[: verdict.size]
    finally:
        await judge.close()
    return passed
