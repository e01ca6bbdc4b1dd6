"""Drawings: bars that stand where they should, and none for nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.page.drawing import HEIGHT, WIDTH, chart, place

counts = st.lists(st.integers(0, 10**9), max_size=100)


@given(counts, st.booleans())
def test_every_bar_is_inside_and_in_order(numbers: list[int], logarithmic: bool) -> None:
    found = chart(numbers, logarithmic=logarithmic)
    assert len(found.bars) == sum(number > 0 for number in numbers)
    assert found.most == max(numbers, default=0)
    edge = 0.0
    for bar in found.bars:
        assert edge <= bar.x
        edge = bar.x + bar.width
        assert 2 <= bar.height <= HEIGHT + 1e-9
        assert bar.y + bar.height == pytest.approx(HEIGHT, abs=0.01)
    assert edge <= WIDTH


def test_the_highest_fills_it_and_the_others_are_in_proportion() -> None:
    heights = [bar.height for bar in chart([10, 0, 5, 100]).bars]
    assert heights == pytest.approx([12, 6, 120])
    few, many = chart([1, 10_000], logarithmic=True).bars
    assert few.height > chart([1, 10_000]).bars[0].height
    assert many.height == HEIGHT


def test_places_of_scores() -> None:
    assert [place(score) for score in (0.0, 0.85, 1.0)] == [0, 510, WIDTH]
