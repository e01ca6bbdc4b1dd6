"""Networks as torch runs them, which is what every other engine is compared with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.eager import EagerEngine, as_array
from model.engine import probes
from model.errors import ModelError
from model.scorer import Scorer
from tests.model.test_onnxengine import scorer
from tests.tinymodel import TINY


def test_logits_are_those_of_the_network_on_normalised_pixels() -> None:
    made = scorer(TINY)
    views = probes(made.height, made.width)
    pixels = (views / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
    with torch.inference_mode():
        wanted = made.network(torch.from_numpy(pixels.transpose(0, 3, 1, 2)).float())
    found = EagerEngine(made).logits(views)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4)
    assert found.dtype == np.float32


def test_a_network_runs_channels_last_and_in_inference_mode() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, pixels: Tensor) -> Tensor:
            for tensor in (pixels, self.conv.weight, self.conv(pixels)):
                assert tensor.is_contiguous(memory_format=torch.channels_last)
            assert torch.is_inference_mode_enabled()
            return pixels.mean(dim=(2, 3))

    views = probes(8, 8)
    assert EagerEngine(Scorer(Network(), (0,) * 3, (1,) * 3, 8, 8)).logits(views).shape == (len(views), 3)


def test_a_network_that_gives_no_tensor_is_refused() -> None:
    with pytest.raises(ModelError, match="answers with tuple"):
        as_array((1, 2))
