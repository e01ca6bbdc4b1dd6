"""What one host or network may take of the room for fetches."""

from __future__ import annotations

from contextlib import ExitStack

from addons.fetch.shares import Shares


def test_so_many_fetches_of_one_key() -> None:
    shares = Shares(2, 1000)
    with ExitStack() as stack:
        one, two, three = (stack.enter_context(shares.begin()) for _ in range(3))
        assert one.claim("h")
        assert two.claim("h")
        assert not three.claim("h")
        assert one.claim("h")  # once more is no more
        assert three.claim("other")
    assert shares.empty


def test_who_leaves_makes_room() -> None:
    shares = Shares(1, 1000)
    with shares.begin() as one:
        assert one.claim("h")
    with shares.begin() as two:
        assert two.claim("h")
        assert two.hold(1000)
    with shares.begin() as three:
        assert three.claim("h")
        assert three.hold(1000)
    assert shares.empty


def test_a_fetch_counts_for_all_of_its_keys() -> None:
    """Names cost nothing: many of them lead to one network."""
    shares = Shares(2, 1000)
    with ExitStack() as stack:
        found = [stack.enter_context(shares.begin()) for _ in range(3)]
        claims = [share.claim(f"h{number}") and share.claim("10.0.0.0/24") for number, share in enumerate(found)]
        assert claims == [True, True, False]
    assert shares.empty


def test_so_many_bytes_of_one_key() -> None:
    shares = Shares(9, 1000)
    with shares.begin() as one, shares.begin() as two, shares.begin() as other:
        assert one.claim("h")
        assert two.claim("h")
        assert other.claim("other")
        assert one.hold(600)
        assert two.hold(400)
        assert not two.hold(401)
        assert other.hold(1000)
        assert one.hold(599)
        assert two.hold(401)
        assert not one.hold(600)
    assert shares.empty


def test_what_is_held_counts_for_a_key_that_is_claimed_later() -> None:
    """A redirect, after the first bytes."""
    shares = Shares(9, 1000)
    with shares.begin() as one, shares.begin() as two:
        assert one.hold(600)
        assert one.claim("net")
        assert two.hold(600)
        assert not two.claim("net")
        assert two.hold(400)
        assert two.claim("net")
        assert not two.hold(401)
    assert shares.empty


def test_a_fetch_without_a_key_is_nobodys_share() -> None:
    shares = Shares(1, 10)
    with shares.begin() as one:
        assert one.hold(1_000_000)
    assert shares.empty


def test_a_fetch_that_breaks_off_frees_all() -> None:
    shares = Shares(1, 10)
    try:
        with shares.begin() as one:
            assert one.claim("h")
            assert one.hold(10)
            raise RuntimeError
    except RuntimeError:
        pass
    assert shares.empty
