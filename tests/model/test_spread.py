"""An even choice from a stream."""

from __future__ import annotations

from itertools import pairwise

import pytest

from model.spread import Spread, evenly


def fed(count: int, room: int) -> Spread[int]:
    """Asks first, as who saves work does."""
    spread: Spread[int] = Spread(room)
    for item in range(count):
        if spread.wants:
            spread.add(item)
        else:
            spread.skip()
    assert spread.count == count
    return spread


@pytest.mark.parametrize("room", [1, 2, 3, 10, 33])
@pytest.mark.parametrize("count", [1, 2, 5, 10, 11, 100, 900])
def test_even_from_the_first_on_and_more_than_half_of_the_room(count: int, room: int) -> None:
    items = fed(count, room).items
    assert items[0] == 0
    assert min(count, room // 2) <= len(items) <= room
    steps = {b - a for a, b in pairwise(items)}
    assert len(steps) <= 1
    if count <= room:
        assert items == list(range(count))
    else:
        assert count - items[-1] <= (steps or {count}).pop() * 2


def test_offering_everything_comes_to_the_same() -> None:
    spread: Spread[int] = Spread(7)
    for item in range(100):
        spread.add(item)
    assert spread.items == fed(100, 7).items


def test_without_room_nothing_is_wanted() -> None:
    spread = fed(5, 0)
    assert (spread.items, spread.count, spread.wants) == ([], 5, False)


def test_evenly() -> None:
    assert evenly(range(10), 10) == evenly(range(10), 99) == list(range(10))
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly(range(10), 3) == [0, 3, 6]
    assert evenly(range(3), 0) == []
