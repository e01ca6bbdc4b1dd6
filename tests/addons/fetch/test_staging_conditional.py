"""pict-rs 0.6 asks whether what it has still holds: what an ETag of ours is worth, and what it is not."""

from __future__ import annotations

import pytest

from addons.fetch.reading import NotModified
from addons.fetch.seal import Stamp
from addons.fetch.staging import FAILED_SECONDS, UNCHANGED_SECONDS, Staged, Unchanged
from addons.fetch.validators import Validators
from addons.pictrs import answers
from tests.addons.fetch.staged import (
    NO_VALIDATORS,
    ORIGIN,
    OTHER_URL,
    SEAL,
    URL,
    Stage,
    picture,
    settle,
    soon,
)

UNCHANGED = Unchanged(UNCHANGED_SECONDS)
REFUSED = answers.rejected("7f3a9c00")


async def etag(data: bytes = b"picture", origin: Validators = ORIGIN, judging: str = "today", url: str = URL) -> str:
    """The ETag that pict-rs was given with these bytes."""
    outcome = await Stage(judging).get(picture(data, origin), url)
    assert isinstance(outcome, Staged)
    assert outcome.etag is not None
    return outcome.etag


async def test_a_first_answer_has_all_that_pict_rs_needs() -> None:
    outcome = await Stage().get(picture(b"one"))
    assert isinstance(outcome, Staged)
    assert (outcome.data, outcome.mime) == (b"one", "image/jpeg")
    assert outcome.etag is not None
    assert SEAL.stamp(URL, outcome.etag) == Stamp(
        "today", picture(b"one").passed.verdict.sha256, ORIGIN.etag, ORIGIN.last_modified
    )


async def test_a_first_question_to_the_origin_is_unconditional() -> None:
    stage = Stage()
    await stage.get(picture())
    assert stage.retrieval.fetches[0].known is None


@pytest.mark.parametrize("origin", [ORIGIN, Validators('"v1"', None), Validators(None, ORIGIN.last_modified)])
async def test_the_origin_is_asked_with_its_own_validators(origin: Validators) -> None:
    given = await etag(origin=origin)
    stage = Stage()
    assert await stage.get(NotModified(), etag=given) == UNCHANGED
    assert stage.retrieval.fetches[0].known == origin


async def test_an_origin_without_validators_is_asked_for_all_of_it() -> None:
    given = await etag(origin=NO_VALIDATORS)
    stage = Stage()
    assert await stage.get(picture(origin=NO_VALIDATORS), etag=given) == UNCHANGED
    assert stage.retrieval.fetches[0].known is None


async def test_the_same_bytes_again_are_unchanged() -> None:
    """pict-rs would take them in anew, at every view."""
    assert await Stage().get(picture(origin=Validators('"v2"')), etag=await etag()) == UNCHANGED


async def test_other_bytes_come_with_another_etag() -> None:
    given = await etag(b"one")
    outcome = await Stage().get(picture(b"two"), etag=given)
    assert isinstance(outcome, Staged)
    assert outcome.data == b"two"
    assert outcome.etag == await etag(b"two") != given


async def test_what_passed_under_another_policy_is_judged_again() -> None:
    yesterday = await etag(judging="yesterday")
    stage = Stage()
    outcome = await stage.get(picture(), etag=yesterday)
    assert stage.retrieval.fetches[0].known is None
    assert isinstance(outcome, Staged)
    assert outcome.etag == await etag()
    assert await Stage().get(REFUSED, etag=yesterday) == REFUSED
    assert await Stage().get(answers.OVERLOADED, etag=yesterday) == answers.OVERLOADED


@pytest.mark.parametrize("forged", ['"x"', "", "*", '"A"', 'W/"x"', "other", "\xe4"])
async def test_a_forged_etag_is_worth_nothing(forged: str) -> None:
    stage = Stage()
    assert isinstance(await stage.get(picture(), etag=forged), Staged)
    assert stage.retrieval.fetches[0].known is None
    assert await Stage().get(answers.OVERLOADED, etag=forged) == answers.OVERLOADED


async def test_the_etag_of_another_address_is_worth_nothing() -> None:
    """Else who controls one address could have another's bytes left as they are."""
    stage = Stage()
    assert isinstance(await stage.get(picture(), etag=await etag(url=OTHER_URL)), Staged)
    assert stage.retrieval.fetches[0].known is None


@pytest.mark.parametrize("failure", [answers.OVERLOADED, answers.STARTING, answers.unavailable("-")])
async def test_a_failure_of_ours_costs_pict_rs_nothing(failure: answers.Answer) -> None:
    """An error would make it drop a picture that passed."""
    stage = Stage()
    view = stage.staging.open(URL, soon())
    assert await stage.get(failure, etag=await etag()) == Unchanged(FAILED_SECONDS)
    assert view.refusal is None
    assert await Stage().get(failure) == failure
    stage.staging.close(view)


async def test_no_place_costs_pict_rs_nothing_either() -> None:
    stage = Stage(places=1)
    await stage.asked(OTHER_URL)
    view = stage.staging.open(URL, soon())
    assert await stage.answer(stage.token, await etag()) == Unchanged(FAILED_SECONDS)
    for worthless in (await etag(judging="yesterday"), await etag(url=OTHER_URL), '"x"', None):
        later = stage.staging.open(URL, soon())
        assert await stage.answer(stage.token, worthless) == answers.OVERLOADED
        assert later.refusal == answers.OVERLOADED
    assert view.refusal is None


@pytest.mark.parametrize("refusal", [REFUSED, answers.not_fetched("The address answered 404 instead of 200.")])
async def test_a_refusal_makes_it_drop_what_it_has(refusal: answers.Answer) -> None:
    stage = Stage()
    view = stage.staging.open(URL, soon())
    assert await stage.get(refusal, etag=await etag()) == refusal
    assert view.refusal == refusal


async def test_what_nobody_judged_has_no_etag() -> None:
    """So that it is asked for again each time, and may be judged then."""
    outcome = await Stage().get(picture(cause="decoder"))
    assert isinstance(outcome, Staged)
    assert outcome.etag is None


async def test_the_same_bytes_unjudged_are_not_called_unchanged() -> None:
    outcome = await Stage().get(picture(cause="decoder"), etag=await etag())
    assert isinstance(outcome, Staged)
    assert outcome.etag is None


async def test_two_questions_fly_apart() -> None:
    """Who has something and who has nothing cannot be given the same answer."""
    stage = Stage()
    given = await etag()
    first, second, third = await stage.asked(), await stage.asked(etag=given), await stage.asked(etag=given)
    assert len(stage.retrieval.fetches) == 2
    stage.land(picture(), 0)
    stage.land(NotModified(), 1)
    assert isinstance(await first, Staged)
    assert [await second, await third] == [UNCHANGED, UNCHANGED]
    await settle()
    assert stage.taken == 0


async def test_an_hour_is_the_longest_that_pict_rs_accepts() -> None:
    assert (FAILED_SECONDS, UNCHANGED_SECONDS) == (60, 3600)
