"""One batch to a device and back, without one. What the order of streams is: test_cuda.py; on a GPU: test_gpu.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.lane import Lane
from tests.model.nogpu import without_a_gpu

SHAPE = (4, 2, 3, 3)


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> Lane:
    without_a_gpu(monkeypatch)
    return Lane(SHAPE, (4, 2), torch.device("cpu"))


def views(*values: int) -> NDArray[np.uint8]:
    return np.stack([np.full(SHAPE[1:], value, np.uint8) for value in values])


def test_views_arrive_and_what_is_beyond_them_is_of_an_earlier_batch(lane: Lane) -> None:
    there = torch.zeros(SHAPE, dtype=torch.uint8)
    lane.send(views(1, 2, 3, 4))
    lane.deliver(there)
    np.testing.assert_array_equal(there.numpy(), views(1, 2, 3, 4))
    lane.send(views(9))
    lane.deliver(there[:2])
    np.testing.assert_array_equal(there.numpy(), views(9, 2, 3, 4))


def test_what_was_sent_may_change_afterwards(lane: Lane) -> None:
    given, there = views(5, 6), torch.zeros(SHAPE, dtype=torch.uint8)
    lane.send(given)
    given[:] = 0
    lane.deliver(there)
    np.testing.assert_array_equal(there[:2].numpy(), views(5, 6))


def test_answers_are_a_copy_of_those_that_were_fetched(lane: Lane) -> None:
    answers = torch.arange(8, dtype=torch.float32).reshape(4, 2)
    lane.fetch(answers[:3]).synchronize()
    found = lane.read(3)
    lane.fetch(answers[:3] * 0).synchronize()
    np.testing.assert_array_equal(found, [[0, 1], [2, 3], [4, 5]])
    assert found.dtype == np.float32
