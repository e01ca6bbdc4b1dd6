"""What is remembered of an address, for how long, and what is not."""

from __future__ import annotations

import gc
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.fetch.recent import Fate, Recent
from addons.pictrs import answers
from addons.pictrs.answers import Answer

REFUSED_SECONDS, FAILED_SECONDS = 300.0, 60.0
LIFETIMES = [(Fate.REFUSED, REFUSED_SECONDS), (Fate.FAILED, FAILED_SECONDS)]
URL = "http://pictures.example/cat.jpg?width=640&s=a%2Fb"
REJECTED = answers.rejected("7f3a9c")
NOT_FETCHED = answers.not_fetched("The server of this image did not answer")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def recent(clock: Clock, entries: int = 100) -> Recent:
    return Recent(entries=entries, refused_seconds=REFUSED_SECONDS, failed_seconds=FAILED_SECONDS, clock=clock)


@pytest.mark.parametrize(("fate", "seconds"), LIFETIMES)
def test_an_answer_lives_as_long_as_its_fate_says_however_often_it_is_found(fate: Fate, seconds: float) -> None:
    clock = Clock()
    room = recent(clock)
    room.remember(URL, REJECTED, fate, 0)
    for part in (0.0, 0.5, 0.999):
        clock.now = 1000 + seconds * part
        assert room.find(URL) == REJECTED
    clock.now = 1000 + seconds
    assert room.find(URL) is None


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize(
    "answer", [answers.rejected("a"), answers.unusable("undecodable", "b"), NOT_FETCHED, Answer(499, "", "")]
)
def test_refusals_and_failed_fetches_are_kept_as_they_were_answered(answer: Answer, fate: Fate) -> None:
    room = recent(Clock())
    room.remember(URL, answer, fate, 0)
    assert room.find(URL) == answer


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize(
    "answer",
    [
        answers.unavailable("a"),
        answers.STARTING,
        answers.STOPPING,
        answers.UPSTREAM,
        *(Answer(status, "", "") for status in (200, 399, 500)),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else None,
)
def test_failures_of_ours_are_not_kept_and_do_not_replace_what_is(answer: Answer, fate: Fate) -> None:
    room = recent(Clock())
    room.remember(URL, answer, fate, 0)
    assert room.find(URL) is None
    room.remember(URL, REJECTED, Fate.REFUSED, 0)
    room.remember(URL, answer, fate, 0)
    assert room.find(URL) == REJECTED


def test_the_last_word_counts_with_its_own_lifetime() -> None:
    clock = Clock()
    room = recent(clock)
    room.remember(URL, REJECTED, Fate.REFUSED, 0)
    clock.now += 10
    room.remember(URL, NOT_FETCHED, Fate.FAILED, 0)
    assert room.find(URL) == NOT_FETCHED
    clock.now += FAILED_SECONDS
    assert room.find(URL) is None


@pytest.mark.parametrize(
    "other", [URL + "&", URL.replace("%2F", "/"), URL.replace("http", "https"), URL.upper(), URL[:-1], ""]
)
def test_another_spelling_is_another_address(other: str) -> None:
    room = recent(Clock())
    room.remember(URL, REJECTED, Fate.REFUSED, 0)
    assert room.find(other) is None


def test_the_least_used_goes_first() -> None:
    room = recent(Clock(), entries=2)
    for url in ("a", "b"):
        room.remember(url, answers.rejected(url), Fate.REFUSED, 0)
    assert room.find("a") == answers.rejected("a")
    room.remember("c", answers.rejected("c"), Fate.FAILED, 0)
    assert [room.find(url) is not None for url in "abc"] == [True, False, True]


def test_no_entries_switch_it_off() -> None:
    room = recent(Clock(), entries=0)
    room.remember(URL, REJECTED, Fate.REFUSED, 0)
    assert room.find(URL) is None


def test_any_text_is_an_address() -> None:
    room = recent(Clock())
    for url in ("", "\ud800", "ü", "\x00", "x" * 100_000):
        room.remember(url, answers.rejected(str(len(url))), Fate.REFUSED, 0)
        assert room.find(url) == answers.rejected(str(len(url)))


def test_the_address_is_neither_kept_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    room = recent(Clock())
    room.remember(URL, REJECTED, Fate.REFUSED, 0)
    room.find(URL)
    found: list[object] = [room]
    seen: set[int] = set()
    texts = []
    while found:  # everything that can be reached from the room, but for modules and code
        thing = found.pop()
        if id(thing) in seen or isinstance(thing, type) or callable(thing):
            continue
        seen.add(id(thing))
        texts.append(thing if isinstance(thing, str | bytes) else "")
        found += gc.get_referents(thing)
    assert REJECTED.msg in texts  # the walk does get to what is kept
    assert not [text for text in texts if "example" in str(text) or "cat" in str(text)]
    assert not caplog.records


STEPS = st.tuples(st.sampled_from("abcde"), st.sampled_from([*Fate, None]), st.sampled_from([0.0, 1.0, 59.0, 61.0]))


@settings(deadline=None)
@given(st.lists(STEPS, max_size=40), st.integers(1, 4))
def test_only_what_was_said_of_that_address_within_its_time_and_never_more_than_fits(
    steps: list[tuple[str, Fate | None, float]], entries: int
) -> None:
    clock = Clock()
    room = recent(clock, entries)
    said: dict[str, tuple[Answer, float]] = {}
    lifetimes = dict(LIFETIMES)
    for number, (url, fate, wait) in enumerate(steps):
        clock.now += wait
        if fate is None:
            room.find(url)
        else:
            answer = answers.rejected(f"{url}{number}")
            room.remember(url, answer, fate, 0)
            said[url] = answer, clock.now + lifetimes[fate]
            assert room.find(url) == answer
        found = {name: room.find(name) for name in "abcde"}
        kept = {name: answer for name, answer in found.items() if answer is not None}
        assert len(kept) <= entries
        for name, answer in kept.items():
            assert (answer, clock.now < said[name][1]) == (said[name][0], True)
        living = [name for name, (_, until) in said.items() if clock.now < until]
        assert len(said) > entries or set(kept) == set(living)
