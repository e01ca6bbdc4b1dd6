"""Whose deadline a fetch for pict-rs has: that of the view that caused it."""

from __future__ import annotations

import time

from tests.addons.fetch.staged import OTHER_URL, SECONDS, URL, Stage, settle, soon


async def test_the_deadline_is_that_of_the_view_that_caused_it() -> None:
    stage = Stage()
    deadlines = [soon(100), soon(50), soon(200)]
    views = [stage.staging.open(URL, deadline) for deadline in deadlines]
    other = stage.staging.open(OTHER_URL, soon(1))
    for number, deadline in enumerate(deadlines):
        task = await stage.asked()
        assert stage.retrieval.fetches[-1].deadline == deadline
        assert [view.called for view in views] == [True] * (number + 1) + [False] * (2 - number)
        task.cancel()
        await settle()
    assert not other.called


async def test_without_a_view_it_has_a_deadline_of_its_own() -> None:
    stage = Stage()
    view = stage.staging.open(URL, soon(1))
    stage.staging.close(view)
    before = time.monotonic()
    await stage.asked()
    assert before + SECONDS <= stage.retrieval.fetches[0].deadline <= time.monotonic() + SECONDS


async def test_a_view_whose_time_is_over_is_no_cause() -> None:
    """Its client has gone, or is about to; what pict-rs asks now is for somebody else."""
    stage = Stage()
    late = stage.staging.open(URL, time.monotonic() - 1)
    stage.staging.open(URL, deadline := soon(10))
    await stage.asked()
    assert stage.retrieval.fetches[0].deadline == deadline
    assert not late.called


async def test_who_joins_a_flight_makes_it_no_longer() -> None:
    stage = Stage()
    stage.staging.open(URL, deadline := soon(10))
    await stage.asked()
    second = stage.staging.open(URL, soon(100))
    await stage.asked()
    assert [fetch.deadline for fetch in stage.retrieval.fetches] == [deadline]
    assert second.called
