"""Sessions end, and wrong tokens are few."""

from __future__ import annotations

import pytest

from addons.page.sessions import (
    MAX_ADDRESSES,
    MAX_SESSIONS,
    SESSION_SECONDS,
    WRONG_SECONDS,
    WRONG_TRIES,
    Sessions,
    TooMany,
)
from addons.page.token import Token

TOKEN = "0123456789abcdef"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(Token(TOKEN), clock)


def test_session_is_found_by_its_key_until_it_ends(sessions: Sessions, clock: Clock) -> None:
    one, other = sessions.begin(), sessions.begin()
    assert sessions.get(one.key) is one
    assert one.owns(one.form)
    assert not one.owns(other.form)
    assert [sessions.get(key) for key in (None, "", one.form, "\udcff")] == [None] * 4
    sessions.end(one)
    assert (sessions.get(one.key), sessions.get(other.key)) == (None, other)
    clock.now = SESSION_SECONDS
    assert sessions.get(other.key) is None


def test_there_are_so_many_sessions_and_no_more(sessions: Sessions) -> None:
    begun = [sessions.begin() for _ in range(MAX_SESSIONS + 1)]
    assert sessions.get(begun[0].key) is None
    assert sessions.get(begun[-1].key) is begun[-1]


def test_after_wrong_tokens_the_right_one_has_to_wait(sessions: Sessions, clock: Clock) -> None:
    for _ in range(WRONG_TRIES):
        assert not sessions.is_token("wrong", "192.0.2.1")
    with pytest.raises(TooMany):
        sessions.is_token(TOKEN, "192.0.2.1")
    assert sessions.is_token(TOKEN, "192.0.2.2")
    clock.now = WRONG_SECONDS
    assert sessions.is_token(TOKEN, "192.0.2.1")


def test_many_addresses_do_not_make_a_count_forgotten(sessions: Sessions) -> None:
    for _ in range(WRONG_TRIES):
        sessions.is_token("wrong", "192.0.2.1")
    for index in range(MAX_ADDRESSES - 2):
        assert not sessions.is_token("wrong", f"2001:db8::{index}")
    for index in range(WRONG_TRIES):
        assert not sessions.is_token("wrong", f"2001:db8:1::{index}")
    with pytest.raises(TooMany):
        sessions.is_token("wrong", "2001:db8:2::1")
    with pytest.raises(TooMany):
        sessions.is_token(TOKEN, "192.0.2.1")


def test_without_a_token_none_is_right() -> None:
    sessions = Sessions(None)
    assert not sessions.possible
    assert not sessions.is_token("", "192.0.2.1")
