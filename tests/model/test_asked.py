"""The answer of one file, as its parts come in: tested together with batches in test_batcher.py."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from model.asked import Asked
from model.errors import ClassifierFailed, DeadlineExceeded
from model.line import Slice
from tests.fakemodels import scores_of, views


def ask() -> Asked:
    return Asked("m", views(1, 2, 3, 4), 100, 0, labels=2)


async def test_only_first_views_without_a_gap_are_there() -> None:
    made = ask()
    assert made.so_far == 0
    made.land(Slice(made, 2, 4), scores_of(3, 4))
    assert made.so_far == 0
    made.land(Slice(made, 0, 1), scores_of(1))
    assert made.so_far == 1
    made.land(Slice(made, 1, 2), scores_of(2))
    assert made.so_far == 4
    np.testing.assert_allclose(await made.scored(None), scores_of(1, 2, 3, 4))


async def test_enough_is_asked_each_time_more_is_there() -> None:
    made, shown = ask(), []

    def enough(rows: np.ndarray) -> bool:
        shown.append(len(rows))
        return len(rows) == 2

    task = asyncio.create_task(made.scored(enough))
    for start in range(2):
        made.land(Slice(made, start, start + 1), scores_of(start + 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(await task) == 2
    assert shown == [1, 2]


async def test_the_first_error_counts_and_nobody_waits_any_more() -> None:
    made = ask()
    made.fail(DeadlineExceeded("late"))
    made.fail(ClassifierFailed("closed"))
    assert made.gone
    with pytest.raises(DeadlineExceeded):
        await made.scored(None)
