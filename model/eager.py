"""The network as torch runs it, step by step: on the CPU, and what every other engine is compared with.

Nothing is fused or compiled. On two cores folding batch norm into convolutions gained at most 7 % (open-nsfw; nothing
for ResNet-50 and MobileNetV3), and torch.compile at most 16 %, for up to 72 seconds of compiling at each start and the
need of a compiler, while onnxruntime takes 0.71, 1.09 and 0.44 of eager's time for these three.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.errors import ModelError
from model.scorer import Scorer

CPU_BATCH = 4
"""Views in one forward on a CPU. A view takes as long in a batch of 4 as in a larger one (open-nsfw on two cores: 33 ms
against 39), and the end of a wait is noticed between two batches."""


class EagerEngine:
    """An Engine: torch on the CPU, channels_last, in inference mode."""

    name = "torch"
    batch = CPU_BATCH
    lanes = 1

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer.to(memory_format=torch.channels_last)

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Engine."""
        with torch.inference_mode():
            return as_array(self._scorer(torch.from_numpy(views)))


def as_array(answer: object) -> NDArray[np.float32]:
    """What a network gave, as an array. Raises ModelError for what is no tensor."""
    if not isinstance(answer, Tensor):
        raise ModelError(f"the model answers with {type(answer).__name__}, not with scores of a picture; use another")
    found: NDArray[np.float32] = answer.cpu().numpy()
    return found
