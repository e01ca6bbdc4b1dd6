"""Looking a picture up: what matches, how near, which entry is cited, and what does not match whatever is listed."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.hashlist import line, parse
from model.lists import ALLOW, DENY, MATCH_BITS, MIN_QUALITY, SIMILAR_BITS, Lists, Match, Searchable

GOOD = np.array([MIN_QUALITY], np.uint8)


def made(text: str) -> Searchable:
    return Searchable(parse(text.encode()))


def picture(seed: int, apart: int = 0) -> NDArray[np.uint8]:
    """Eight hashes of one picture, uint8 (1, 8, 32); of the fifth `apart` bits are changed, of the others half."""
    dice = np.random.default_rng(seed)
    bits = np.unpackbits(dice.integers(0, 256, 32, np.uint8))
    changed = np.stack([bits ^ dice.permutation(256).astype(np.uint8) % 2 for _ in range(8)])
    changed[4] = bits
    changed[4, dice.choice(256, apart, replace=False)] ^= 1
    return np.packbits(changed, axis=1)[None]


def entry(seed: int, note: str = "") -> str:
    return line("pdq", picture(seed)[0, 4].tobytes(), note) + "\n"


def test_own_lists_are_always_there() -> None:
    lists = Lists()
    assert lists.names == (ALLOW, DENY)
    assert lists.by_sha256(ALLOW, "00" * 32) is None
    assert lists.by_pdq(DENY, picture(1), GOOD) is None
    assert Lists({"theirs": made("")}).names == (ALLOW, DENY, "theirs")
    with pytest.raises(KeyError):
        lists.by_sha256("theirs", "00" * 32)
    with pytest.raises(KeyError):
        lists.by_pdq("theirs", picture(1), GOOD)


@given(st.sets(st.integers(0, 400), max_size=40), st.integers(0, 400))
def test_sha256(listed: set[int], asked: int) -> None:
    """Two of three hashes here begin alike, as on a list that is made to be slow."""

    def value(number: int) -> bytes:
        return bytes([0 if number % 3 else number % 7]) * 8 + hashlib.sha256(b"%d" % number).digest()[8:]

    lists = Lists({"a": made("".join(line("sha256", value(each), f"note {each}") + "\n" for each in sorted(listed)))})
    expected = Match("a", "sha256", 0, f"note {asked}", 0) if asked in listed else None
    assert lists.by_sha256("a", value(asked).hex()) == expected
    assert lists.by_sha256("a", value(asked).hex().upper()) == expected


def test_of_one_hash_given_twice_the_first_note_is_cited() -> None:
    lists = Lists({"a": made(f"{'ab' * 32} # first\n{'ab' * 32} # second\n" + entry(1, "one") + entry(1, "two"))})
    assert lists.by_sha256("a", "ab" * 32) == Match("a", "sha256", 0, "first", 0)
    assert lists.by_pdq("a", picture(1), GOOD) == Match("a", "pdq", 0, "one", 0)


def test_kinds_are_kept_apart() -> None:
    hashes = picture(1)
    lists = Lists({"a": made(f"{hashes[0, 4].tobytes().hex()}\npdq {'ab' * 32}\n")})
    assert lists.by_pdq("a", hashes, GOOD) is None
    assert lists.by_sha256("a", "ab" * 32) is None


@pytest.mark.parametrize(("name", "bits"), [(DENY, MATCH_BITS), ("theirs", MATCH_BITS), (ALLOW, SIMILAR_BITS)], ids=str)
def test_how_near_is_near(name: str, bits: int) -> None:
    lists = Lists({name: made(entry(1, "why") + entry(2))})
    assert lists.by_pdq(name, picture(1, bits), GOOD) == Match(name, "pdq", bits, "why", 0)
    assert lists.by_pdq(name, picture(1, bits + 1), GOOD) is None
    assert lists.by_pdq(name, picture(1, 5), GOOD, within=4) is None
    assert lists.by_pdq(name, picture(1, 4), GOOD, within=4) is not None


def test_the_first_picture_that_matches_and_of_it_the_nearest_entry() -> None:
    nine_away = line("pdq", picture(1, 9)[0, 4].tobytes(), "nine away") + "\n"
    lists = Lists({DENY: made(nine_away + entry(2, "two") + entry(1, "one"))})
    hashes = np.concatenate([picture(7), picture(1), picture(2)])
    good = np.full(3, MIN_QUALITY, np.uint8)
    assert lists.by_pdq(DENY, hashes, good) == Match(DENY, "pdq", 0, "one", 1)
    assert lists.by_pdq(DENY, hashes[:1], good[:1]) is None
    assert lists.by_pdq(DENY, hashes[:0], good[:0]) is None


def test_a_picture_with_little_in_it_does_not_match() -> None:
    lists = Lists({DENY: made(entry(1) + entry(2))})
    hashes = np.concatenate([picture(1), picture(2)])
    assert lists.by_pdq(DENY, hashes, np.array([MIN_QUALITY - 1, MIN_QUALITY], np.uint8)) == Match(
        DENY, "pdq", 0, "", 1
    )
    assert lists.by_pdq(DENY, hashes, np.array([0, MIN_QUALITY - 1], np.uint8)) is None


def test_version_tells_contents_apart() -> None:
    texts = ["", f"{'ab' * 32}\n", f"{'ab' * 32} # n\n", f"pdq {'ab' * 32}\n", f"pdq {'ab' * 32} # n\n"]
    versions = [Lists({name: made(text)}).version for text in texts for name in (DENY, "theirs")]
    assert len({*versions, Lists({ALLOW: made(texts[1])}).version}) == 11
    assert Lists().version == Lists({DENY: made("# a comment\n"), ALLOW: made("\n")}).version
    assert Lists({"a": made(f"# c\nsha256 {'AB' * 32}\n")}).version == Lists({"a": made(texts[1])}).version


def test_what_does_not_fit() -> None:
    lists = Lists({DENY: made(entry(1))})
    assert made(entry(1) + "00" * 32).entries == 2
    for value in ("00" * 31, "xx" * 32):
        with pytest.raises(ValueError, match=r"32 bytes|hexadecimal"):
            lists.by_sha256(DENY, value)
    for hashes, quality in ((picture(1)[0], GOOD), (picture(1), np.array([50, 50], np.uint8))):
        with pytest.raises(ValueError, match="do not fit"):
            lists.by_pdq(DENY, hashes, quality)


def test_all_of_a_files_pictures_are_on_it_or_it_is_not() -> None:
    """Gives the farthest of the nearest; a picture that is not there, or that cannot be known, is enough for none."""
    lists = Lists({ALLOW: made(entry(1, "one") + entry(2, "two") + entry(3)), "theirs": made(entry(1))})
    hashes = np.concatenate([picture(1, 3), picture(2, 10), picture(1, 4), picture(2, 10)])
    good = np.full(4, MIN_QUALITY, np.uint8)
    assert lists.all_by_pdq(ALLOW, hashes, good, SIMILAR_BITS) == Match(ALLOW, "pdq", 10, "two", 1)
    assert lists.all_by_pdq(ALLOW, hashes[:1], good[:1], SIMILAR_BITS) == Match(ALLOW, "pdq", 3, "one", 0)
    assert lists.all_by_pdq(ALLOW, hashes, good, 9) is None
    assert lists.all_by_pdq("theirs", hashes, good, MATCH_BITS) is None
    assert lists.all_by_pdq("theirs", hashes[[0, 2]], good[:2], MATCH_BITS) == Match("theirs", "pdq", 4, "", 1)
    for other in (picture(7), picture(3, SIMILAR_BITS + 1)):
        for place in (0, 2, 4):
            among = np.insert(hashes, place, other, axis=0)
            assert lists.all_by_pdq(ALLOW, among, np.full(5, MIN_QUALITY, np.uint8), MATCH_BITS) is None
    for view in range(4):
        little = good.copy()
        little[view] = MIN_QUALITY - 1
        assert lists.all_by_pdq(ALLOW, hashes, little, SIMILAR_BITS) is None
    assert lists.all_by_pdq(ALLOW, hashes[:0], good[:0], SIMILAR_BITS) is None
    with pytest.raises(ValueError, match="do not fit"):
        lists.all_by_pdq(ALLOW, hashes, good[:1], SIMILAR_BITS)


def test_when_the_time_is_over_no_further_picture_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    lists = Lists({DENY: made(entry(1) + entry(2))})
    hashes, good = np.concatenate([picture(1), picture(2), picture(7)]), np.full(3, MIN_QUALITY, np.uint8)
    assert lists.by_pdq(DENY, hashes[::-1], good, until=3.0) is not None  # at 0 and 1
    assert lists.all_by_pdq(DENY, hashes[:2], good[:2], MATCH_BITS, until=4.0) is not None  # at 2 and 3
    with pytest.raises(TimeoutError, match="no time to look all pictures up in the list deny"):
        lists.by_pdq(DENY, hashes[::-1], good, until=5.0)  # the first is not there, the second is due at 5
    with pytest.raises(TimeoutError, match="in the list deny"):
        lists.all_by_pdq(DENY, hashes[:2], good[:2], MATCH_BITS, until=7.0)
    assert next(ticks) == 8
