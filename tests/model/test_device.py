"""One device by itself: threads, halves, and rows that are checked one file at a time. Together: test_batcher.py."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from model.asked import Asked
from model.device import Answers, Device, Flight
from model.errors import ClassifierFailed
from model.line import Slice
from tests.fakemodels import Answers as Says
from tests.fakemodels import Echo, scores_of, views


def batch(*values: int) -> list[Slice[Asked]]:
    """A file of one view for each value."""
    return [Slice(Asked("m", views(value), 100, 0, labels=2), 0, 1) for value in values]


async def scored(device: Device, given: list[Slice[Asked]]) -> Answers:
    return await asyncio.wrap_future(device.submit("m", given))


async def test_each_slice_gets_its_own_rows() -> None:
    device = Device({"m": Echo()})
    for value, rows in zip((3, 9), await scored(device, batch(3, 9)), strict=True):
        assert isinstance(rows, np.ndarray)
        np.testing.assert_allclose(rows, scores_of(value), atol=1e-6)
    device.stop()
    device.join()


async def test_what_is_wrong_with_one_row_is_that_ones() -> None:
    device = Device({"m": Says(np.array([[0, 1], [np.nan, 1]], np.float32))})
    good, bad = await scored(device, batch(1, 2))
    assert isinstance(good, np.ndarray)
    assert isinstance(bad, ClassifierFailed)
    device.stop()
    device.join()


async def test_one_that_is_stopped_begins_nothing() -> None:
    device = Device({"m": Echo()})
    device.stop()
    with pytest.raises(RuntimeError):
        device.submit("m", batch(1))
    device.join()
    assert not device.revive(), "nor does it come back"


async def test_a_flight_knows_its_model_and_its_views() -> None:
    assert (Flight(batch(1, 2, 3), 0).model, Flight(batch(1, 2, 3), 0).views) == ("m", 3)
