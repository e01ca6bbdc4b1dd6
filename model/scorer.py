"""A network with its normalisation in front: bytes of views in, raw scores (logits) out. The same on every engine.

One byte per value travels to the device, where it is turned into what the network was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Scorer(nn.Module):
    """`network` in eval mode, behind `mean` and `std` of R, G and B in 0..1. It wants views of `height` x `width`."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, mean: Sequence[float], std: Sequence[float], height: int, width: int
    ) -> None:
        super().__init__()
        self.network = network
        self.height = height
        self.width = width
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def forward(self, views: Tensor) -> Tensor:
        """Logits, float32 (N, labels), of `views`, uint8 (N, height, width, 3) RGB, on the same device."""
        # NHWC in memory but called NCHW is what channels_last means.
        pixels = views.permute(0, 3, 1, 2).float() / 255
        answer: Tensor = self.network((pixels - self.mean) / self.std)
        return answer.float() if isinstance(answer, Tensor) else answer
