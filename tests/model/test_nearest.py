"""The nearest hash: what the index finds is what comparing all of them finds, wherever they crowd."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model import nearest
from model.nearest import MAX_DISTANCE, SCAN_AT_MOST, Near, Nearest

MANY = SCAN_AT_MOST + 1000
Hashes = NDArray[np.uint8]


def some(count: int, seed: int, kind: str) -> Hashes:
    """Hashes: `spread` evenly, `crowded` into few values of each word, `same` but for 40 bits."""
    dice = np.random.default_rng(seed)
    if kind == "spread":
        return dice.integers(0, 256, (count, 32), np.uint8)
    if kind == "crowded":
        return dice.integers(0, 2, (count, 32), np.uint8)
    made = np.tile(dice.integers(0, 256, 32, np.uint8), (count, 1))
    made[:, 3:8] = dice.integers(0, 256, (count, 5), np.uint8)
    return made


def flipped(value: Hashes, bits: int, dice: np.random.Generator) -> Hashes:
    """`value`, uint8 (32,), with so many of its bits changed."""
    changed = np.unpackbits(value)
    changed[dice.choice(256, bits, replace=False)] ^= 1
    return np.packbits(changed)


def by_comparing(hashes: Hashes, queries: Hashes, within: int) -> Near | None:
    """What the index must find, found bit by bit."""
    found = [
        (int(np.unpackbits(query ^ hashes, axis=1)[row].sum()), row, number)
        for number, query in enumerate(queries)
        for row in np.flatnonzero(np.unpackbits(query ^ hashes, axis=1).sum(axis=1) <= within).tolist()
    ]
    return Near(row=min(found)[1], query=min(found)[2], distance=min(found)[0]) if found else None


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([0, 1, 40, MANY]),
    kind=st.sampled_from(["spread", "crowded", "same"]),
    within=st.sampled_from([0, 1, 10, 15, 16, 30, 31]),
    bits=st.lists(st.integers(0, 40), min_size=1, max_size=3),
)
def test_finds_what_comparing_all_finds(seed: int, count: int, kind: str, within: int, bits: list[int]) -> None:
    hashes = some(count, seed, kind)
    dice = np.random.default_rng(seed)
    origins = hashes if count else some(1, seed, kind)
    queries = np.stack([flipped(origins[dice.integers(len(origins))], each, dice) for each in bits])
    assert Nearest(hashes).nearest(queries, within) == by_comparing(hashes, queries, within)


@pytest.mark.parametrize("bits", [0, 1, 15, 16, 17, 30, 31, 32])
def test_at_the_distance_and_one_beyond(bits: int) -> None:
    """The bits are spread over the words as evenly as can be, which is the hardest case for the index."""
    hashes = some(MANY, 1, "spread")
    index = Nearest(hashes)
    for row in (0, 777, MANY - 1):
        query = np.unpackbits(hashes[row])
        query[[16 * (each % 16) + (7 * (each % 16) + 5 * (each // 16)) % 16 for each in range(bits)]] ^= 1
        asked = np.packbits(query)[None]
        assert np.unpackbits(asked[0] ^ hashes[row]).sum() == bits
        assert index.nearest(asked, min(bits, MAX_DISTANCE)) == (
            Near(row=row, query=0, distance=bits) if bits <= MAX_DISTANCE else None
        )
        if bits:
            assert index.nearest(asked, bits - 1) is None


def test_each_place_in_which_a_match_can_be_the_only_one() -> None:
    """31 bits apart, two in each word but one: that one leads to it, whichever it is and whichever of its bits."""
    hashes = some(MANY, 6, "spread")
    index = Nearest(hashes)
    for word in range(16):
        for bit in range(16):
            query = np.unpackbits(hashes[word]).reshape(16, 16)
            query[:, bit] ^= 1
            query[np.arange(16) != word, (bit + 5) % 16] ^= 1
            asked = np.packbits(query).reshape(1, 32)
            assert index.nearest(asked, MAX_DISTANCE) == Near(row=word, query=0, distance=31), (word, bit)


def test_the_whole_of_another_is_not_near() -> None:
    """256 bits apart is no distance of 0, which a byte would make of it."""
    for count in (3, MANY):
        hashes = some(count, 2, "spread")
        assert Nearest(hashes).nearest(~hashes[:1], MAX_DISTANCE) is None
    same = np.zeros((MANY, 32), np.uint8)
    assert Nearest(same).nearest(~same[:1], MAX_DISTANCE) is None


def test_of_several_as_near_the_first_row_then_the_first_query() -> None:
    hashes = np.concatenate([some(MANY, 3, "spread"), some(MANY, 3, "spread")])
    queries = hashes[[50, 20, 20]]
    assert Nearest(hashes).nearest(queries, 31) == Near(row=20, query=1, distance=0)
    assert Nearest(hashes[:100]).nearest(queries, 31) == Near(row=20, query=1, distance=0)


def test_a_crowd_is_compared_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the time of a search has a bound, and the memory too."""
    monkeypatch.setattr(nearest, "SCAN_ROWS", 1000)
    hashes = some(MANY, 4, "same")
    index = Nearest(hashes)
    compared: list[int] = []
    distances = nearest._distances

    def counted(rows: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.uint16]:
        compared.append(len(rows))
        return distances(rows, query)

    monkeypatch.setattr(nearest, "_distances", counted)
    assert index.nearest(hashes[-1:], 31) == by_comparing(hashes, hashes[-1:], 31)
    assert sum(compared) == MANY
    assert max(compared) == 1000
    compared.clear()
    spread = Nearest(some(MANY, 4, "spread"))
    assert spread.nearest(some(1, 5, "spread"), 31) is None
    assert sum(compared) < MANY // 10


def test_no_hashes_and_no_queries() -> None:
    nothing = np.empty((0, 32), np.uint8)
    assert Nearest(nothing).nearest(some(8, 1, "spread"), 31) is None
    assert Nearest(some(8, 1, "spread")).nearest(nothing, 31) is None
    assert (len(Nearest(nothing)), len(Nearest(some(8, 1, "spread")))) == (0, 8)


def test_what_is_refused() -> None:
    for wrong in (np.zeros((2, 31), np.uint8), np.zeros(32, np.uint8)):
        with pytest.raises(ValueError, match="must be uint8"):
            Nearest(wrong)
        with pytest.raises(ValueError, match="must be uint8"):
            Nearest(some(2, 1, "spread")).nearest(wrong, 31)
    for within in (-1, 32):
        with pytest.raises(ValueError, match="from 0 to 31 bits"):
            Nearest(some(2, 1, "spread")).nearest(some(1, 1, "spread"), within)


def test_a_hash_that_is_given_again_and_again_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a list that says the same a million times would cost as much as a list of a million."""
    different = some(50, 8, "spread")
    hashes = np.concatenate([different, np.repeat(different[:5], MANY, axis=0)])
    index = Nearest(hashes)
    assert len(index) == 50
    compared: list[int] = []
    distances = nearest._distances

    def counted(rows: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.uint16]:
        compared.append(len(rows))
        return distances(rows, query)

    monkeypatch.setattr(nearest, "_distances", counted)
    assert index.nearest(different[[49]], 31) == Near(row=49, query=0, distance=0)
    assert compared == [50]
    later = Nearest(np.concatenate([different[:1], different[:1], different[1:]]))
    assert later.nearest(different[[49]], 31) == Near(row=50, query=0, distance=0)  # rows are those of what was given
