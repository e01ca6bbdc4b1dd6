"""An even choice that nobody can foresee."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from model.spread import Spread, evenly


def fed(count: int, room: int, seed: int = 0) -> Spread[int]:
    """Asks first, as who saves work does."""
    spread: Spread[int] = Spread(room, Random(seed))
    for item in range(count):
        if spread.wants:
            spread.add(item)
        else:
            spread.skip()
        assert len(spread.items) <= room
    assert spread.count == count
    return spread


@pytest.mark.parametrize("room", [1, 2, 3, 10, 33])
@pytest.mark.parametrize("count", [1, 2, 5, 10, 11, 100, 900])
def test_even_and_about_half_of_the_room_at_least(count: int, room: int) -> None:
    for seed in range(20):
        items = fed(count, room, seed).items
        assert items == sorted(set(items))
        assert min(count, max(1, room // 2)) <= len(items)
        if count <= room:
            assert items == list(range(count))
        if room > 1:
            assert items[0] == 0
            step = 1
            while count > room and (count - 1) / step > room:
                step *= 2
            gaps = [b - a for a, b in pairwise([*items, count])]
            assert max(gaps) < 6 * step


@pytest.mark.parametrize("room", [1, 3, 4, 7, 10])
def test_each_of_the_rest_is_as_likely_as_any_other(room: int) -> None:
    """None is always left out, and none is more than others."""
    kept = Counter(item for seed in range(4000) for item in fed(60, room, seed).items)
    likely = [kept[item] for item in range(1 if room > 1 else 0, 60)]
    mean = sum(likely) / len(likely)
    assert all(abs(times - mean) < 6 * mean**0.5 for times in likely)


def test_offering_everything_comes_to_the_same() -> None:
    spread: Spread[int] = Spread(7, Random(3))
    for item in range(100):
        spread.add(item)
    assert spread.items == fed(100, 7, 3).items


def test_without_room_nothing_is_wanted() -> None:
    spread = fed(5, 0)
    assert (spread.items, spread.count, spread.wants) == ([], 5, False)


def test_evenly() -> None:
    chance = Random(0)
    assert evenly(range(10), 10, chance) == evenly(range(10), 99, chance) == list(range(10))
    assert evenly(range(3), 0, chance) == []
    assert {tuple(evenly(range(3), 1, chance)) for _ in range(99)} == {(0,), (1,), (2,)}
    drawn = [evenly(range(101), 11, chance) for _ in range(300)]
    for items in drawn:
        assert items[0] == 0
        assert [(item - 1) // 10 for item in items[1:]] == list(range(10))
    assert {item for items in drawn for item in items} == set(range(101))
