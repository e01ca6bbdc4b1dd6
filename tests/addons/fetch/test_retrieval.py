"""Fetch and judge: what is remembered of what came to nothing, and what never is."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

from addons.fetch.errors import FetchUnable
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.recent import Recent
from addons.fetch.remote import (
    Claim,
    FetchBusy,
    FetchError,
    FetchFailed,
    FetchForbidden,
    FetchTimeout,
    FetchTooLarge,
    Validators,
)
from addons.fetch.retrieval import FAIR_SECONDS, Retrieval, Retrieved
from addons.fetch.shares import Shares
from addons.inbound import Hold
from addons.inspection import Decision, Inspector
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from model.verdict import Outcome
from tests.addons.desk import FakeFetcher, SetJudge
from tests.addons.fetch.staged import HANGS_SECONDS, settle
from tests.running import FORBIDDEN, FakeJudge

URL = "http://h/a.png"
KNOWN = Validators('"v1"', None)


class Room:
    """A retrieval with fakes behind it. `now` is the clock of what is remembered."""

    def __init__(self, found: bytes | FetchError | NotModified = b"fetched", judge: FakeJudge | None = None) -> None:
        self.fetcher = FakeFetcher(found)
        self.decisions: list[Decision] = []
        self.inspector = Inspector(self.decisions.append)
        self.judge = self.inspector.judge = judge or FakeJudge()
        self.now = 0.0
        self.recent = Recent(entries=9, refused_seconds=300, failed_seconds=60, clock=lambda: self.now)
        self.retrieval = Retrieval(self.fetcher, self.recent, self.inspector, Shares(2, 1000))
        self.asked_for_room: list[int] = []

    async def retrieve(
        self, url: str = URL, seconds: float = 60.0, known: Validators | None = None
    ) -> Retrieved | NotModified | Answer:
        return await self.retrieval.retrieve("fetch", url, time.monotonic() + seconds, self.hold, known)

    def hold(self, size: int) -> bool:
        self.asked_for_room.append(size)
        return True


async def test_what_passes_is_given_with_its_validators() -> None:
    room = Room()
    room.fetcher.validators = KNOWN
    found = await room.retrieve()
    assert isinstance(found, Retrieved)
    assert (found.passed.data, found.validators) == (b"fetched", KNOWN)
    assert room.asked_for_room == [len(b"fetched")]
    assert [decision.source for decision in room.decisions] == ["fetch"]


async def test_a_pass_is_never_remembered() -> None:
    room = Room()
    await room.retrieve()
    room.fetcher.found = FORBIDDEN
    assert isinstance(await room.retrieve(), Answer)
    assert len(room.fetcher.asked) == 2


async def test_the_deadline_holds_for_both() -> None:
    judge = SetJudge()
    room = Room(judge=judge)
    await room.retrieval.retrieve("proxy", URL, deadline := time.monotonic() + 5, room.hold)
    assert room.fetcher.asked == [(URL, deadline)]
    assert judge.deadlines == [deadline]


async def test_a_refusal_costs_no_second_fetch_for_a_while() -> None:
    room = Room(FORBIDDEN)
    first = await room.retrieve()
    assert first == answers.rejected(room.decisions[0].ref)
    room.now = 299.0
    assert await room.retrieve() == first  # the same ref: it leads to the line in the log
    assert room.recent.find(URL) == first
    assert len(room.fetcher.asked) == 1
    assert isinstance(await room.retrieve("http://h/b.png"), Answer)
    assert len(room.fetcher.asked) == 2
    room.now = 300.0
    assert room.recent.find(URL) is None
    await room.retrieve()
    assert len(room.fetcher.asked) == 3


@pytest.mark.parametrize("kind", [FetchForbidden, FetchFailed, FetchTooLarge, FetchTimeout])
async def test_a_failed_fetch_is_told_in_public_words_and_remembered(
    caplog: pytest.LogCaptureFixture, kind: type[FetchError]
) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    room = Room(kind("Public words.", "private words"))
    assert await room.retrieve() == answers.not_fetched("Public words.")
    assert caplog.messages == ["fetch failed: private words"]
    room.now = 59.0
    assert await room.retrieve() == answers.not_fetched("Public words.")
    assert len(room.fetcher.asked) == 1
    room.now = 60.0
    await room.retrieve()
    assert len(room.fetcher.asked) == 2
    assert room.judge.seen == []


async def test_no_room_for_the_bytes_says_nothing_about_the_address() -> None:
    room = Room(FetchBusy("busy"))
    assert await room.retrieve() == answers.OVERLOADED
    assert room.recent.find(URL) is None
    await room.retrieve()
    assert len(room.fetcher.asked) == 2


async def test_a_deadline_that_is_over_fetches_nothing_and_is_not_remembered() -> None:
    """pict-rs was slow, not the origin."""
    room = Room()
    answer = await room.retrieve(seconds=0.0)
    assert isinstance(answer, Answer)
    assert (answer.status, room.fetcher.asked) == (503, [])
    assert room.recent.find(URL) is None
    assert isinstance(await room.retrieve(), Retrieved)


async def test_an_origin_that_was_given_little_time_was_not_slow() -> None:
    """pict-rs used up the rest of it; the next view may have more."""
    room = Room(FetchTimeout("Too late."))
    assert await room.retrieve(seconds=FAIR_SECONDS - 1) == answers.not_fetched("Too late.")
    assert room.recent.find(URL) is None
    room.fetcher.found = FetchFailed("Nothing there.")
    assert await room.retrieve(seconds=FAIR_SECONDS - 1) == answers.not_fetched("Nothing there.")
    assert room.recent.find(URL) is not None


async def test_an_origin_that_was_given_time_enough_was() -> None:
    room = Room(FetchTimeout("Too late."))
    assert await room.retrieve(seconds=FAIR_SECONDS + 1) == answers.not_fetched("Too late.")
    assert room.recent.find(URL) is not None


async def test_what_is_remembered_is_told_after_the_deadline_too() -> None:
    room = Room(FORBIDDEN)
    first = await room.retrieve()
    assert await room.retrieve(seconds=-1.0) == first


@pytest.mark.parametrize("fields", [{"outcome": Outcome.UNAVAILABLE, "cause": "deadline"}, {"outcome": None}])
async def test_a_judge_who_could_not_tell_says_nothing_about_the_address(fields: dict[str, object]) -> None:
    room = Room(judge=SetJudge(**fields))
    answer = await room.retrieve()
    assert isinstance(answer, Answer)
    assert answer.status == 503
    assert room.recent.find(URL) is None


async def test_no_judge_yet_says_nothing_about_the_address() -> None:
    room = Room()
    room.inspector.judge = None
    assert await room.retrieve() == answers.STARTING
    assert room.recent.find(URL) is None


async def test_a_file_that_is_of_no_use_is_remembered() -> None:
    room = Room(judge=SetJudge(outcome=Outcome.REJECT, cause="undecodable"))
    first = await room.retrieve()
    assert await room.retrieve() == first
    assert len(room.fetcher.asked) == 1


async def test_what_has_not_changed_is_handed_on_and_not_judged() -> None:
    room = Room(NotModified())
    assert await room.retrieve(known=KNOWN) == NotModified()
    assert room.fetcher.known == [KNOWN]
    assert room.judge.seen == []
    assert room.recent.find(URL) is None


async def test_without_validators_the_question_is_unconditional() -> None:
    room = Room()
    await room.retrieve()
    assert room.fetcher.known == [None]


async def test_an_error_of_ours_is_the_callers_and_not_remembered() -> None:
    class Broken(FakeJudge):
        async def judge(self, *_: object) -> Any:
            raise RuntimeError("a fault of ours")

    room = Room(judge=Broken())
    with pytest.raises(RuntimeError):
        await room.retrieve()
    assert room.recent.find(URL) is None


async def test_a_fetcher_that_cannot_work_says_nothing_about_the_address(caplog: pytest.LogCaptureFixture) -> None:
    """No file can be opened any more, say."""
    room = Room(FetchUnable("busy", "private words"))
    answer = await room.retrieve()
    assert isinstance(answer, Answer)
    assert (answer.status, caplog.messages) == (503, ["nothing can be fetched: private words"])
    assert room.recent.find(URL) is None
    await room.retrieve()
    assert len(caplog.messages) == 1  # strangers choose how often this is said


class SlowFetcher(FakeFetcher):
    """Gives nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def fetch(
        self,
        url: str,
        deadline: float,
        *,
        known: Validators | None = None,
        hold: Hold | None = None,
        claim: Claim | None = None,
    ) -> Fetched | NotModified:
        self.asked.append((url, deadline))
        await self.go.wait()
        if url.endswith("broken"):
            raise FetchFailed("Broken.")
        return Fetched(b"fetched", Validators())


async def test_one_host_is_asked_for_so_much_at_once_and_no_more() -> None:
    """A slow one leaves places for the others."""
    inspector = Inspector()
    inspector.judge = FakeJudge()
    fetcher = SlowFetcher()
    recent = Recent(entries=9, refused_seconds=300, failed_seconds=60)
    shares = Shares(2, 1000)
    retrieval = Retrieval(fetcher, recent, inspector, shares)

    def retrieve(url: str) -> asyncio.Task[Retrieved | NotModified | Answer]:
        return asyncio.create_task(retrieval.retrieve("fetch", url, time.monotonic() + 60, lambda _: True))

    slow = [retrieve("http://h/1"), retrieve("http://h/broken")]
    await settle()
    assert await asyncio.wait_for(retrieve("http://h/3"), HANGS_SECONDS) == answers.OVERLOADED
    assert recent.find("http://h/3") is None
    for same in ("http://h:81/", "http://h./"):
        assert await asyncio.wait_for(retrieve(same), HANGS_SECONDS) == answers.OVERLOADED
    others = [retrieve("http://h.other/"), retrieve("http://[2001:db8::1]/")]
    await settle()
    assert [url for url, _ in fetcher.asked] == [
        "http://h/1",
        "http://h/broken",
        "http://h.other/",
        "http://[2001:db8::1]/",
    ]
    slow[0].cancel()
    await settle()
    again = retrieve("http://h/4")  # whoever leaves makes room
    await settle()
    fetcher.go.set()
    assert isinstance(await slow[1], Answer)
    assert all(isinstance(each, Retrieved) for each in await asyncio.gather(again, *others))
    assert shares.empty  # and nothing is kept of it


@pytest.mark.parametrize(("size", "held"), [(1000, True), (1001, False)])
async def test_one_host_holds_so_many_bytes_and_no_more(size: int, held: bool) -> None:
    room = Room(b"x" * size)
    await room.retrieve()
    assert room.fetcher.held == [held]
    assert room.asked_for_room == ([size] if held else [])  # what one host may not hold takes nothing from others
