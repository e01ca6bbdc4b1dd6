"""Where to look closer: what is promised of the squares, over many shapes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from model.tiles import LEFT_OUT, LONG, MIN_SIDE_PIXELS, Box, along, tiles

SIDE = 224
SHAPES = [(640, 480), (480, 640), (1920, 1080), (4000, 3000), (1000, 1000), (600, 400), (1080, 2000)]
STRIPS = [(1000, 20_000), (20_000, 1000), (100, 2000), (33, 660), (1920, 1080)]


def inside(inner: Box, outer: Box) -> bool:
    return all(a >= b for a, b in zip(inner[:2], outer[:2], strict=True)) and all(
        a <= b for a, b in zip(inner[2:], outer[2:], strict=True)
    )


@pytest.mark.parametrize(("width", "height"), [*SHAPES, *STRIPS])
def test_they_are_equal_squares_within_the_picture_and_cover_it(width: int, height: int) -> None:
    boxes = tiles(width, height, SIDE) or along(width, height)
    edge = boxes[0][2] - boxes[0][0]
    for left, upper, right, lower in boxes:
        assert right - left == lower - upper == edge
        assert 0 <= left < right <= width
        assert 0 <= upper < lower <= height
    for at, length in ((0, width), (1, height)):
        starts = sorted({box[at] for box in boxes})
        assert starts[0] == 0
        assert starts[-1] + edge == length
        assert all(b - a <= math.ceil(edge / 2) for a, b in pairwise(starts))


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080), (4000, 3000), (1000, 1000), (600, 400)])
def test_a_sixteenth_lies_whole_in_one_and_fills_a_quarter_of_it(width: int, height: int) -> None:
    side = int(math.sqrt(width * height / 16)) - 1
    boxes = tiles(width, height, SIDE)
    for left in range(0, width - side, 7):
        for upper in range(0, height - side, 11):
            inset = (left, upper, left + side, upper + side)
            assert any(inside(inset, box) for box in boxes)
    assert side**2 / (boxes[0][2] - boxes[0][0]) ** 2 >= 0.24


@pytest.mark.parametrize(("width", "height"), STRIPS)
def test_a_strip_is_seen_from_end_to_end(width: int, height: int) -> None:
    short, long = sorted((width, height))
    starts = [max(box[:2]) for box in along(width, height)]
    for start in range(0, long - short, 13):  # three quarters of any square of its width, at the least, in one of them
        assert min(abs(start - begin) for begin in starts) <= short / 4 + 1


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [
        (640, 480, 12),
        (1920, 1080, 10),
        (1000, 1000, 9),
        (448, 448, 9),
        (447, 447, 0),
        (300, 240, 0),
        (300, 199, 0),
        (1000, 20_000, 0),
        (1000, 3999, 7),
        (MIN_SIDE_PIXELS - 1, 10_000, 0),
        (1, 1, 0),
    ],
)
def test_how_many_there_are(width: int, height: int, count: int) -> None:
    assert len(tiles(width, height, SIDE)) == len(tiles(height, width, SIDE)) == count


def test_along_what_is_long() -> None:
    assert along(1920, 1080) == [(0, 0, 1080, 1080), (420, 0, 1500, 1080), (840, 0, 1920, 1080)]
    assert along(1080, 1920) == [(0, 0, 1080, 1080), (0, 420, 1080, 1500), (0, 840, 1080, 1920)]
    assert len(along(300, 199)) == 3
    assert along(1000, int(1000 * LONG)) == along(500, 500) == along(MIN_SIDE_PIXELS - 1, 10_000) == []


def test_along_what_a_model_crops() -> None:
    assert along(540, 360, LEFT_OUT) == []
    assert along(540, 360, LEFT_OUT + 0.001) == [(0, 0, 360, 360), (180, 0, 540, 360)]
    assert along(480, 640, 0.2) == [(0, 0, 480, 480), (0, 160, 480, 640)]
    assert along(300, 300, 0.2) == [(0, 0, 300, 300)]
    assert along(31, 40, 0.2) == []
