"""Parts with more pixels, and the crops of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from model.magnified import CROPS, LARGER, crops, magnified, magnified_size
from model.preprocess import ViewSpec
from model.tiles import INSET, tiles

SPEC = ViewSpec(100, 80, 0.875, "center", "bicubic")
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)).resize((900, 600))


def test_a_part_has_more_pixels_of_the_same_place_and_nothing_is_cropped() -> None:
    assert magnified_size(SPEC) == (160, 128)
    (part,) = magnified(PICTURE, [(300, 200, 500, 400)], [SPEC])
    wanted = PICTURE.crop((300, 200, 500, 400)).resize((128, 160), Image.Resampling.BICUBIC)
    assert part[0].shape == (160, 128, 3)
    assert np.abs(part[0].astype(int)[2:-2, 2:-2] - np.asarray(wanted, int)[2:-2, 2:-2]).max() <= 2


@pytest.mark.parametrize(("box", "enough"), [((0, 0, 160, 160), True), ((0, 0, 159, 159), False)])
def test_nothing_is_enlarged_for_it(box: tuple[int, int, int, int], enough: bool) -> None:
    assert len(magnified(PICTURE, [box], [SPEC, ViewSpec(1, 1, 1.0, "squash", "box")])) == enough


def test_crops_are_the_corners_and_the_middle_in_a_view_s_size() -> None:
    part = np.arange(160 * 128 * 3, dtype=np.uint32).reshape(160, 128, 3).astype(np.uint8)
    found = crops(part, 100, 80)
    assert found.shape == (CROPS, 100, 80, 3)
    for view, (top, left) in zip(found, ((0, 0), (0, 48), (30, 24), (60, 0), (60, 48)), strict=True):
        assert np.array_equal(view, part[top : top + 100, left : left + 80])


def test_what_fills_a_sixteenth_lies_in_one_of_the_crops_with_three_quarters_or_more() -> None:
    side = 1024
    inset = side // round(INSET**0.5)
    squares = [
        (left + across * (right - left) * (1 - 1 / LARGER), top + down * (right - left) * (1 - 1 / LARGER))
        for left, top, right, _ in tiles(side, side, 64)
        for across, down in ((0, 0), (0, 1), (0.5, 0.5), (1, 0), (1, 1))
    ]
    length = 2 * inset / LARGER
    for x in range(0, side - inset + 1, 32):
        for y in range(0, side - inset + 1, 32):
            shares = [
                max(0, min(x + inset, left + length) - max(x, left))
                * max(0, min(y + inset, top + length) - max(y, top))
                for left, top in squares
            ]
            assert max(shares) >= 0.75 * inset * inset, (x, y)
