"""Why a view got no picture: what pict-rs was refused, what it did not ask for, and what is its own affair."""

from __future__ import annotations

import pytest

from addons.fetch.staging import Staged
from addons.pictrs import answers
from tests.addons.fetch.staged import FETCH_PLACES, OTHER_URL, URL, Stage, picture, settle, soon

REFUSED = answers.rejected("7f3a9c00")


async def test_a_refusal_reaches_every_open_view_of_that_address_and_no_other() -> None:
    stage = Stage()
    closed = stage.staging.open(URL, soon())
    stage.staging.close(closed)
    views = [stage.staging.open(URL, soon()) for _ in range(2)]
    other = stage.staging.open(OTHER_URL, soon())
    assert await stage.get(REFUSED) == REFUSED
    assert [view.refusal for view in (*views, closed, other)] == [REFUSED, REFUSED, None, None]
    assert stage.staging.refusal(views[1], 500) == REFUSED
    assert stage.staging.refusal(other, 500) is None
    await settle()
    assert stage.taken == 0  # nothing of it is kept


async def test_a_view_whose_own_call_passed_hears_no_other_ones_refusal() -> None:
    """What pict-rs then says of the picture, which it has, is its own affair."""
    stage = Stage()
    passed = stage.staging.open(URL, soon())
    assert isinstance(await stage.get(picture()), Staged)
    later, waits = (stage.staging.open(URL, soon()) for _ in range(2))
    assert await stage.get(REFUSED) == REFUSED
    assert (passed.called, later.called, waits.called) == (True, True, False)
    assert [stage.staging.refusal(view, 500) for view in (passed, later, waits)] == [None, REFUSED, REFUSED]


async def test_a_view_forgets_another_ones_refusal_when_its_own_call_passes() -> None:
    stage = Stage()
    first, later = (stage.staging.open(URL, soon()) for _ in range(2))
    assert await stage.get(REFUSED) == REFUSED
    assert (later.called, stage.staging.refusal(later, 500)) == (False, REFUSED)
    assert isinstance(await stage.get(picture()), Staged)
    assert [stage.staging.refusal(view, 500) for view in (first, later)] == [REFUSED, None]


async def test_every_view_whose_call_joined_a_flight_hears_its_refusal() -> None:
    stage = Stage()
    views = [stage.staging.open(URL, soon()) for _ in range(2)]
    tasks = [await stage.asked() for _ in range(2)]
    assert all(view.called for view in views)
    stage.land(REFUSED)
    assert [await task for task in tasks] == [REFUSED, REFUSED]
    assert [stage.staging.refusal(view, 500) for view in views] == [REFUSED, REFUSED]


async def test_every_callback_of_a_flight_is_given_its_refusal() -> None:
    stage = Stage()
    tasks = [await stage.asked() for _ in range(2)]
    stage.land(REFUSED)
    assert [await task for task in tasks] == [REFUSED, REFUSED]


async def test_no_place_left() -> None:
    stage = Stage()
    view = stage.staging.open(URL, soon())
    tasks = [await stage.asked(f"http://h/{number}") for number in range(FETCH_PLACES)]
    assert await stage.answer(stage.token) == answers.OVERLOADED
    assert stage.staging.refusal(view, 500) == answers.OVERLOADED
    assert len(stage.retrieval.fetches) == FETCH_PLACES
    assert not (await stage.asked("http://h/0")).done()  # what flies already may be joined
    tasks[1].cancel()
    await settle()
    assert isinstance(await stage.get(picture()), Staged)


@pytest.mark.parametrize("status", [404, 405, 412, 416])
async def test_what_pictrs_says_of_a_picture_that_it_has_is_its_own_affair(status: int) -> None:
    stage = Stage()
    view, other = (stage.staging.open(URL, soon()) for _ in range(2))
    assert await stage.get(REFUSED) == REFUSED
    assert (view.called, other.called) == (True, False)
    assert stage.staging.refusal(view, status) == REFUSED
    assert stage.staging.refusal(other, status) is None
    assert not stage.staging.doubted.is_set()


# A pict-rs that does not ask


async def test_an_error_without_a_call_raises_doubt() -> None:
    stage = Stage()
    view = stage.staging.open(URL, soon())
    assert stage.staging.refusal(view, 400) is None  # pict-rs's own words stand
    assert stage.staging.doubted.is_set()


async def test_a_look_up_of_what_is_not_there_raises_none() -> None:
    stage = Stage()
    stage.staging.blocked = "it does not ask"
    view = stage.staging.open(URL, soon())
    assert stage.staging.refusal(view, 404) is None
    assert not stage.staging.doubted.is_set()


async def test_an_error_after_a_call_is_pict_rs_s_own() -> None:
    """A picture that it cannot process, say."""
    stage = Stage()
    stage.staging.blocked = "it does not ask"
    view = stage.staging.open(URL, soon())
    await stage.get(picture())
    assert stage.staging.blocked is None  # it does
    assert stage.staging.refusal(view, 500) is None
    assert not stage.staging.doubted.is_set()
    stage.staging.close(view)


async def test_when_it_is_known_not_to_ask_that_is_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    stage.staging.blocked = "set callback.url"
    views = [stage.staging.open(URL, soon()) for _ in range(3)]
    assert [stage.staging.refusal(view, 400) for view in views] == [answers.NOT_STAGED] * 3
    assert stage.staging.doubted.is_set()
    assert caplog.messages == ["proxied media are refused: set callback.url"]  # once in a while


async def test_it_complains_again_after_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addons.fetch.staging.COMPLAIN_SECONDS", 0.0)
    stage = Stage()
    stage.staging.blocked = "set callback.url"
    view = stage.staging.open(URL, soon())
    for _ in range(2):
        stage.staging.refusal(view, 400)
    assert len(caplog.messages) == 2
