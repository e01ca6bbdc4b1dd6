"""What runs a network: the interface of all engines, and the proof that one says the same as another.

Engines give raw scores (logits), before the softmax: two engines whose logits are close agree about every picture near
a threshold, while two scores of 0.000 agree about nothing. A score changes by a quarter of what its logits change
against each other, at most, so that what is measured there bounds what can happen to a verdict.
"""

from __future__ import annotations

import io
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.card import card
from model.errors import ModelError

SEED = 20260715
"""Of their noise: the same pictures at each start, so that what agreed once does not fail by chance."""


class Engine(Protocol):
    """Runs one network on one device. Not for two threads at once unless `lanes` says so."""

    name: str
    """For people: `onnxruntime`."""
    batch: int
    """Views that are best given to it at once, at most."""
    lanes: int
    """Threads that may call it at the same time."""

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw scores of 1 to `batch` views, uint8 (N, height, width, 3), in C order: float32 (N, labels).

        Raises MemoryError where fewer may work, and anything else.
        """
        ...


def probes(height: int, width: int) -> NDArray[np.uint8]:
    """Pictures on which engines are compared, uint8 (5, height, width, 3).

    Gradients, stripes, blobs and noise, which are drawn, and the self-test card: a picture as people make them.
    """
    random = np.random.default_rng(SEED)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    blobs = np.sin(rows[..., None] * 9 + [0, 1, 2]) * np.cos(columns[..., None] * 7 + [2, 0, 1])
    pictures = [
        np.stack([rows, columns, 1 - rows], axis=2),
        np.where((columns * 16).astype(int)[..., None] % 2 == 0, [0.9, 0.2, 0.1], [0.1, 0.3, 0.8]),
        (blobs + 1) / 4 + random.random((height, width, 3)) / 2,
        random.random((height, width, 3)),
    ]
    shown = np.asarray(Image.open(io.BytesIO(card())).convert("RGB").resize((width, height)))
    return np.concatenate([(np.stack(pictures) * 255).astype(np.uint8), shown[None]])


def difference(one: Engine, other: Engine, views: NDArray[np.uint8]) -> float:
    """By how much their scores of a view can differ, at worst: 0..1, infinite where one gives no numbers.

    Each view is scored by `one` alone, and by `other` in batches of every size that it may have a program for.
    Raises ModelError when they do not answer with the same shape, and what they raise.
    """
    wanted = np.concatenate([one.logits(view[None]) for view in views])
    apart = 0.0
    for size in [size for size in sizes(other.batch) if size <= other.batch]:
        for start in range(0, len(views), size):
            turns = [(start + number) % len(views) for number in range(size)]
            apart = max(apart, _apart(wanted[turns], other.logits(views[turns])))
    return apart


def sizes(batch: int) -> list[int]:
    """Batch sizes that engines have programs for: powers of two, up to the first that holds `batch`."""
    found = [1]
    while found[-1] < batch:
        found.append(found[-1] * 2)
    return found


def _apart(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    if wanted.shape != found.shape:
        raise ModelError(f"one engine answers with {wanted.shape}, another with {found.shape}")
    change = found.astype(np.float64) - wanted
    if not np.isfinite(change).all():
        return float("inf")
    # of a softmax only differences between logits count; of a sigmoid the one logit
    against = np.ptp(change, axis=1) if change.shape[1] > 1 else np.abs(change[:, 0])
    return float(against.max()) / 4
