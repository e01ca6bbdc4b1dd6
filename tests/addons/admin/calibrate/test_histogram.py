"""Where bars and lines are."""

from __future__ import annotations

import pytest

from addons.admin.calibrate.histogram import HEIGHT, INNER_HEIGHT, INNER_WIDTH, LEFT, TOP, WIDTH, histogram


def test_bars_are_on_a_logarithmic_scale() -> None:
    found = histogram([999, 0, 99, 9, 0], [])
    assert [(bar.count, bar.low) for bar in found.bars] == [(999, 0.0), (99, 0.4), (9, 0.6)]
    assert [bar.height / INNER_HEIGHT for bar in found.bars] == pytest.approx([1, 2 / 3, 1 / 3], abs=0.01)
    assert all(bar.y + bar.height == pytest.approx(TOP + INNER_HEIGHT) for bar in found.bars)
    assert [tick.label for tick in found.counts] == ["1", "10", "100"]


def test_one_picture_is_seen() -> None:
    (_, alone) = histogram([1_000_000, 1], []).bars
    assert alone.height > 4


def test_all_is_inside() -> None:
    found = histogram([3, 0, 0, 0, 5], [(1.0, "at the end", False), (0.0, "at the start", True)])
    xs = [edge for bar in found.bars for edge in (bar.x, bar.x + bar.width)] + [line.x for line in found.lines]
    assert min(xs) == LEFT
    assert max(xs) == LEFT + INNER_WIDTH < WIDTH
    assert all(0 < tick.at < HEIGHT for tick in found.counts)


def test_labels_side_by_side_are_on_two_levels() -> None:
    first, second = histogram([1], [(0.86, "b", True), (0.85, "a", False)]).lines
    assert (first.label, second.label, first.proposed, second.proposed) == ("a", "b", False, True)
    assert first.y != second.y


def test_no_pictures_are_no_bars() -> None:
    assert histogram([0, 0], []).bars == ()
