"""Views, callbacks and flights: who shares a fetch, whose deadline it has, and when it ends and leaves its place."""

from __future__ import annotations

import asyncio
import time

import pytest

from addons.fetch.address import AddressError
from addons.fetch.staging import PROBE, Staged
from addons.pictrs import answers
from tests.addons.fetch.staged import (
    BASE,
    HANGS_SECONDS,
    MIB,
    OTHER_URL,
    SEAL,
    URL,
    Stage,
    picture,
    settle,
    soon,
)


def data_of(outcome: object) -> bytes:
    assert isinstance(outcome, Staged)
    return outcome.data


# Addresses


async def test_an_address_is_asked_for_in_one_spelling() -> None:
    staging = Stage().staging
    assert staging.normalise("HTTP://H:80/x/../a.png#part") == URL
    with pytest.raises(AddressError):
        staging.normalise("http://h:81/a.png")


async def test_a_staged_address_is_one_of_ours() -> None:
    staging = Stage().staging
    assert staging.staged(URL) == f"{BASE}/v/{SEAL.token(URL)}"
    staging.base = ""
    with pytest.raises(RuntimeError, match="nothing listens for callbacks yet"):
        staging.staged(URL)


@pytest.mark.parametrize("token", ["", "x", "A" * 40])
async def test_what_was_not_sealed_here_is_not_fetched(token: str) -> None:
    stage = Stage()
    answer = await stage.answer(token)
    assert isinstance(answer, answers.Answer)
    assert (answer.status, stage.retrieval.fetches, stage.taken) == (404, [], 0)


async def test_the_probe_leads_to_nothing_and_shows_that_pict_rs_asks() -> None:
    stage = Stage()
    stage.staging.blocked = "it does not ask"
    assert stage.staging.probe == stage.staging.staged(PROBE)
    assert not stage.staging.probed.is_set()
    answer = await stage.answer(SEAL.token(PROBE))
    assert isinstance(answer, answers.Answer)
    assert (answer.status, stage.retrieval.fetches, stage.taken) == (404, [], 0)
    assert stage.staging.probed.is_set()
    assert stage.staging.blocked is None
    with pytest.raises(AddressError):
        stage.staging.normalise(PROBE)  # no client can have it staged


# One flight


async def test_callbacks_for_one_address_share_a_fetch() -> None:
    stage = Stage()
    tasks = [await stage.asked() for _ in range(3)]
    other = await stage.asked(OTHER_URL)
    assert [fetch.url for fetch in stage.retrieval.fetches] == [URL, OTHER_URL]
    assert stage.taken == 2
    stage.land(picture(b"one"), 0)
    stage.land(picture(b"two"), 1)
    assert [data_of(await task) for task in (*tasks, other)] == [b"one"] * 3 + [b"two"]
    await settle()
    assert stage.taken == 0


async def test_without_a_view_nothing_is_kept() -> None:
    stage = Stage()
    assert data_of(await stage.get(picture(b"one"))) == b"one"
    await settle()
    assert stage.taken == 0
    assert data_of(await stage.get(picture(b"two"))) == b"two"


async def test_what_passed_is_there_for_each_view_that_has_not_asked_yet() -> None:
    """pict-rs asks once for each view that it has nothing for; with the last one it is gone."""
    stage = Stage()
    views = [stage.staging.open(URL, soon()) for _ in range(3)]
    assert data_of(await stage.get(picture(b"one"))) == b"one"
    await settle()
    assert [view.called for view in views] == [True, False, False]
    stage.staging.close(views[0])  # it has asked: it keeps nothing, and a client that reads slowly neither
    assert stage.taken == 1
    assert data_of(await stage.answer(stage.token)) == b"one"
    assert stage.taken == 1
    assert data_of(await stage.answer(stage.token)) == b"one"
    await settle()
    assert len(stage.retrieval.fetches) == 1
    assert stage.taken == 0
    assert data_of(await stage.get(picture(b"two"))) == b"two"


async def test_a_view_that_ends_without_asking_keeps_nothing() -> None:
    stage = Stage()
    views = [stage.staging.open(URL, soon()) for _ in range(2)]
    await stage.get(picture(b"one"))
    await settle()
    stage.staging.close(views[1])
    assert stage.taken == 0
    assert data_of(await stage.get(picture(b"two"))) == b"two"


async def test_what_passed_is_kept_no_longer_than_a_view_can_use_it() -> None:
    stage = Stage()
    stage.staging.open(URL, soon())
    stage.staging.open(URL, time.monotonic() + 0.2)  # it never asks, and never ends
    await stage.get(picture(b"one"))
    await settle()
    assert stage.taken == 1
    async with asyncio.timeout(HANGS_SECONDS):
        while stage.taken:  # noqa: ASYNC110 -- it is a timer that ends it
            await asyncio.sleep(0.01)


async def test_a_purge_is_the_end_of_what_is_kept() -> None:
    stage = Stage()
    for _ in range(2):
        stage.staging.open(URL, soon())
    await stage.get(picture(b"one"))
    await settle()
    stage.staging.forget(OTHER_URL)
    assert stage.taken == 1
    stage.staging.forget(URL)
    assert stage.taken == 0
    assert data_of(await stage.get(picture(b"two"))) == b"two"


async def test_a_purge_does_not_end_a_fetch_that_goes_on() -> None:
    stage = Stage()
    task = await stage.asked()
    stage.staging.forget(URL)
    stage.land(picture(b"one"))
    assert data_of(await task) == b"one"


async def test_a_view_that_was_opened_later_keeps_nothing_longer() -> None:
    """Else a steady stream of views would keep a picture for ever."""
    stage = Stage()
    first, second = (stage.staging.open(URL, soon()) for _ in range(2))
    await stage.get(picture(b"one"))
    await settle()
    third = stage.staging.open(URL, soon())
    stage.staging.close(first)
    stage.staging.close(second)
    assert stage.taken == 0
    assert data_of(await stage.get(picture(b"two"))) == b"two"
    stage.staging.close(third)
    await settle()
    assert stage.taken == 0


async def test_a_view_of_another_address_keeps_nothing() -> None:
    stage = Stage()
    other = stage.staging.open(OTHER_URL, soon())
    await stage.get(picture())
    await settle()
    assert stage.taken == 0
    stage.staging.close(other)


async def test_a_view_may_end_twice() -> None:
    stage = Stage()
    views = [stage.staging.open(URL, soon()) for _ in range(2)]
    await stage.get(picture())
    await settle()
    assert stage.taken == 1
    for view in (*views, *views):
        stage.staging.close(view)
    assert stage.taken == 0


# The end of a flight


async def test_a_flight_ends_when_its_only_caller_leaves() -> None:
    stage = Stage()
    view = stage.staging.open(URL, soon())
    task = await stage.asked()
    task.cancel()
    await settle()
    assert stage.retrieval.fetches[0].end.cancelled()
    assert stage.taken == 0
    again = await stage.asked()
    assert len(stage.retrieval.fetches) == 2
    stage.land(picture(b"one"))
    assert data_of(await again) == b"one"
    stage.staging.close(view)


async def test_a_flight_goes_on_while_another_waits() -> None:
    stage = Stage()
    first, second = await stage.asked(), await stage.asked()
    first.cancel()
    await settle()
    assert stage.taken == 1
    stage.land(picture(b"one"))
    assert data_of(await second) == b"one"
    await settle()
    assert stage.taken == 0


async def test_a_view_that_ends_does_not_end_the_flight_of_a_callback() -> None:
    """pict-rs goes on for a client that has left; its own call is what counts."""
    stage = Stage()
    view = stage.staging.open(URL, soon())
    task = await stage.asked()
    stage.staging.close(view)
    await settle()
    stage.land(picture(b"one"))
    assert data_of(await task) == b"one"
    await settle()
    assert stage.taken == 0


async def test_an_error_reaches_every_caller_and_leaves_no_place() -> None:
    stage = Stage()
    view = stage.staging.open(URL, soon())
    tasks = [await stage.asked() for _ in range(2)]
    stage.land(RuntimeError("a fault of ours"))
    for task in tasks:
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await task
    await settle()
    assert stage.taken == 0
    assert view.refusal is None
    assert data_of(await stage.get(picture(b"one"))) == b"one"
    stage.staging.close(view)


async def test_an_error_that_nobody_waits_for_leaves_no_place() -> None:
    stage = Stage()
    task = await stage.asked()
    stage.land(RuntimeError("a fault of ours"))
    task.cancel()
    await settle()
    assert stage.taken == 0


async def test_a_flight_asks_for_room_in_its_own_place() -> None:
    stage = Stage()
    task = await stage.asked()
    hold = stage.retrieval.fetches[0].hold
    assert hold(3 * MIB)
    assert stage.admission.bytes == 3 * MIB
    assert not hold(9 * MIB)
    stage.land(picture())
    await task
    await settle()
    assert stage.admission.bytes == 0


async def test_what_passed_before_verdicts_changed_is_for_nobody_new() -> None:
    stage = Stage()
    for _ in range(2):
        stage.staging.open(URL, soon())
    await stage.get(picture(b"one"))
    await settle()
    stage.staging.judge_anew("other")
    assert (stage.taken, stage.staging.judging) == (0, "other")
    assert data_of(await stage.get(picture(b"two"))) == b"two"


async def test_what_is_on_its_way_when_verdicts_change_is_for_those_who_wait_and_nobody_else() -> None:
    stage = Stage()
    first = await stage.asked()
    stage.staging.judge_anew("other")
    second = await stage.asked()
    assert len(stage.retrieval.open) == 2
    stage.land(picture(b"one"), 0)
    assert data_of(await first) == b"one"
    assert not second.done()
    stage.land(picture(b"two"), 1)
    assert data_of(await second) == b"two"
    await settle()
    assert stage.taken == 0
