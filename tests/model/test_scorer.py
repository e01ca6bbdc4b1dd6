"""Bytes of views in, raw scores out: the network gets what it was trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.scorer import Scorer

MEAN, STD = (0.5, 0.25, 0.125), (0.5, 0.25, 2.0)


class Recorder(nn.Module):
    """Keeps the pixels that it is given, and answers with their means in half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.pixels = torch.empty(0)

    def forward(self, pixels: Tensor) -> Tensor:
        self.pixels = pixels
        return (pixels.mean(dim=(2, 3)) * self.weight).half()


def test_pixels_are_normalised_by_channel_and_lie_as_they_came() -> None:
    network = Recorder()
    views = np.random.default_rng(1).integers(0, 256, (2, 4, 5, 3), np.uint8)
    found = Scorer(network, MEAN, STD, 4, 5)(torch.from_numpy(views))
    wanted = ((views / 255 - np.array(MEAN)) / np.array(STD)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(network.pixels.numpy(), wanted, rtol=1e-5, atol=1e-6)
    assert network.pixels.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(found.numpy(), wanted.mean(axis=(2, 3)), atol=1e-2)
    assert found.dtype == torch.float32


def test_it_neither_trains_nor_changes() -> None:
    made = Scorer(Recorder().train(), MEAN, STD, 4, 5)
    assert not any(module.training for module in made.modules())
    assert not any(parameter.requires_grad for parameter in made.parameters())


@pytest.mark.parametrize("answer", [None, "a cat", [0.5]])
def test_an_answer_that_is_no_tensor_goes_on_as_it_is(answer: object) -> None:
    """Whoever reads it has the words for that (model/eager.py)."""

    class Odd(nn.Module):
        def forward(self, pixels: Tensor) -> object:
            return answer

    assert Scorer(Odd(), MEAN, STD, 4, 5)(torch.zeros((1, 4, 5, 3), dtype=torch.uint8)) is answer
