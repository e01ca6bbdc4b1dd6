"""Views in, scores out: the interface that every place where models run shares (model/batcher.py is the one here).

What a model answers is checked before it counts: the right number of finite scores in 0..1, row by row. A missing row
or one too many would be a wrong verdict about somebody's picture; it is ClassifierFailed, never a score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.errors import ClassifierFailed

Enough = Callable[[NDArray[np.float32]], bool]
"""Whether the scores of a file's first views, (n, labels), decide already, so that the others need not be judged."""

SUM_TOLERANCE = 1e-3
"""How far from 1 the scores of a row may add up: float32 rounding over thousands of labels stays below it, and a model
whose scores are not a softmax does not."""

ROUNDING = 1e-6
"""How far beyond 0..1 a score may lie: a softmax in float32 can round to the number after 1."""


@dataclass(frozen=True)
class Load:
    """What a backend does, for metrics: files that are with it; views and seconds of the last batch."""

    files: int = 0
    views: int = 0
    seconds: float = 0.0


class Backend(Protocol):
    """Where models run. `device` is for people: `cpu, onnxruntime` or `cuda:0 (name)`."""

    device: str

    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> NDArray[np.float32]:
        """Score `views`, uint8 (N, height, width, 3), with `model`: float32 (N, labels), row i for view i, in 0..1.

        Fewer rows only where `enough` was true of them. `deadline` is an absolute `time.monotonic()` second. The views
        must not change until this returns. Raises DeadlineExceeded, Overloaded when too many wait, what `enough`
        raised, and ClassifierFailed for everything else that goes wrong.
        """
        ...

    def expects(self, views: int) -> float:
        """In how many seconds `views` more views would be scored, by all models; 0 when that is not known yet."""
        ...

    def close(self) -> None:
        """End what runs; calls that wait get ClassifierFailed. May take as long as one forward."""
        ...


class Model(Protocol):
    """What a backend needs of a model (model.weights.LoadedModel is one)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the scores, in the order of the columns."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, for people."""
        ...

    @property
    def batch(self) -> int:
        """Views that are best scored in one forward, at most."""
        ...

    def forward(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score 1 to `batch` views: (N, height, width, 3) to (N, labels). MemoryError: with fewer it may work.

        May raise anything else as well.
        """
        ...


def checked(scores: NDArray[np.float32], views: int, labels: int) -> NDArray[np.float32]:
    """Return `scores` if they are float32 (views, labels), finite, in 0..1, and rows of two labels or more add up to 1.

    Raises ClassifierFailed otherwise. What rounding put beyond 0..1 comes back as 0 or 1.
    """
    if not isinstance(scores, np.ndarray) or scores.dtype != np.float32 or scores.shape != (views, labels):
        kind = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
        raise ClassifierFailed(f"the model answered with {kind}, not with float32 ({views}, {labels})")
    if not np.isfinite(scores).all():
        raise ClassifierFailed("the model answered with scores that are not numbers")
    if scores.min() < -ROUNDING or scores.max() > 1 + ROUNDING:
        raise ClassifierFailed("the model answered with scores outside 0..1")
    if labels > 1 and np.abs(scores.sum(axis=1, dtype=np.float64) - 1).max() > SUM_TOLERANCE:
        raise ClassifierFailed("the model answered with scores that do not add up to 1")
    return scores.clip(0, 1)
