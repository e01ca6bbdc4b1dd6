"""What is looked at: every frame that differs, the first one closely, and the rest as the budget allows."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from PIL import Image

from model.errors import TooLarge
from model.gallery import Gallery, Looks, close_views, reduced
from model.pdq import hashed, pdq
from model.plan import Plan
from model.preprocess import ViewSpec, make_view
from model.tiles import along, tiles
from tests.model.pdq_pictures import apart

SPEC = ViewSpec(32, 32, 1.0, "squash", "bilinear")
CENTRE = ViewSpec(32, 32, 0.875, "center", "bicubic")
SIZE = (96, 80)
FEW_BITS = 8
"""As in test_pdq.py: of the 31 within which two hashes are the same picture's."""


def frame(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    colours = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)


def looks(frames: list[list[Image.Image]], plan: Plan, specs: list[ViewSpec] | None = None, seed: int = 0) -> Looks:
    gallery = Gallery([SPEC] if specs is None else specs, plan, Random(seed))
    for pictures in frames:
        gallery.show(pictures)
    return gallery.looks()


def contains(found: Looks, picture: Image.Image) -> bool:
    wanted = make_view(picture, SPEC)
    return any(np.array_equal(view[0], wanted) for view in found.views)


def test_a_still_is_seen_whole_and_in_all_its_tiles() -> None:
    picture = frame()
    found = looks([[picture]], Plan())
    assert (found.distinct, found.seen, found.parts) == (1, 1, len(found.views) - 1)
    boxes = tiles(*SIZE, 32)
    assert len(found.views) == 1 + len(boxes)
    assert contains(found, picture)
    for box in boxes:
        near = picture.crop(box).resize((32, 32), Image.Resampling.BILINEAR).copy()
        close = [np.abs(np.asarray(near, np.int16) - view[0]).mean() for view in found.views[1:]]
        assert min(close) < 6 < 30 < sorted(close)[1]


def test_without_tiles_only_the_whole() -> None:
    assert len(looks([[frame()]], Plan(tiles=False)).views) == 1


def test_every_way_to_see_it_is_looked_at_closely() -> None:
    white, black = frame(1), frame(2)
    found = looks([[white, black]], Plan())
    assert (found.distinct, found.seen) == (2, 2)
    assert len(found.views) == 2 + 2 * len(tiles(*SIZE, 32))


def test_a_tile_that_looks_like_another_costs_nothing() -> None:
    assert len(looks([[Image.new("RGB", SIZE, "white")]], Plan()).views) == 1


def test_900_equal_frames_cost_as_much_as_one() -> None:
    assert len(looks([[frame()]] * 900, Plan()).views) == len(looks([[frame()]], Plan()).views)


@pytest.mark.parametrize("place", [0, 150, 299])
def test_one_odd_frame_of_300_is_seen_wherever_it_is(place: int) -> None:
    frames = [[frame()] for _ in range(300)]
    frames[place] = [frame(7)]
    found = looks(frames, Plan())
    assert contains(found, frame(7))
    assert (found.distinct, found.seen) == (2, 2)


def test_more_frames_that_differ_than_the_budget_are_refused() -> None:
    frames = [[frame(seed)] for seed in range(11)]
    assert looks(frames[:10], Plan(budget=10, tiles=False)).seen == 10
    with pytest.raises(TooLarge, match="more than 10 views"):
        looks(frames, Plan(budget=10, tiles=False))


def test_they_are_refused_as_soon_as_it_is_known() -> None:
    gallery = Gallery([SPEC], Plan(budget=3, tiles=False), Random(0))
    for seed in range(3):
        gallery.show([frame(seed)])
    with pytest.raises(TooLarge):
        gallery.show([frame(3)])


def test_a_first_frame_whose_tiles_are_more_than_the_budget_is_refused() -> None:
    with pytest.raises(TooLarge):
        looks([[frame()]], Plan(budget=len(tiles(*SIZE, 32))))


@pytest.mark.parametrize("budget", [1, 2, 5, 10, 40])
def test_or_an_even_choice_is_made_of_it(budget: int) -> None:
    frames = [[frame(seed)] for seed in range(60)]
    found = looks(frames, Plan(budget=budget, sample=True))
    assert len(found.views) <= budget
    assert found.distinct == 60
    assert found.seen < 60
    assert contains(found, frame(0)) or budget <= 2, "of one whole view either frame is as good"
    assert sum(contains(found, picture) for (picture,) in frames) >= max(1, found.seen)
    if budget >= 15:
        assert any(contains(found, frame(seed)) for seed in range(30, 60))
        assert found.seen >= budget // 4


@pytest.mark.parametrize("plan", [Plan(budget=8, tiles=False, sample=True), Plan(budget=60, sample=True)])
def test_which_frames_are_chosen_nobody_can_foresee(plan: Plan) -> None:
    frames = [[frame(seed)] for seed in range(60)]
    found = [looks(frames, plan, seed=seed) for seed in range(12)]
    chosen = [{at for at, (picture,) in enumerate(frames) if contains(each, picture)} for each in found]
    assert all(0 in each for each in chosen)
    assert len(set.union(*chosen)) > 40 > max(map(len, chosen))


def test_nor_which_later_ones_are_looked_at_closely() -> None:
    each = len(tiles(*SIZE, 32))
    frames = [[frame(seed)] for seed in range(20)]
    closely: set[int] = set()
    for seed in range(20):
        parts = looks(frames, Plan(budget=20 + 3 * each), seed=seed).views[20 + each :]
        for at, (picture,) in enumerate(frames):
            views = close_views(reduced(picture, [SPEC]), tiles(*SIZE, 32)[:1], [SPEC])
            if any(np.array_equal(views[0][0], part[0]) for part in parts):
                closely.add(at)
    assert len(closely) > 10


def test_what_is_left_of_the_budget_is_spent_on_closer_looks_at_later_frames() -> None:
    each = len(tiles(*SIZE, 32))
    frames = [[frame(seed)] for seed in range(6)]
    rich = looks(frames, Plan(budget=6 + 6 * each))
    assert len(rich.views) == 6 + 6 * each
    poor = looks(frames, Plan(budget=6 + 3 * each))
    assert poor.seen == 6
    assert 6 + 2 * each <= len(poor.views) <= 6 + 3 * each


def test_a_change_that_only_a_closer_look_shows_is_looked_at() -> None:
    """The view of a model that cuts the ends off sees no difference between the two."""
    wide = (192, 32)
    one, other = Image.new("RGB", wide, "grey"), Image.new("RGB", wide, "grey")
    other.paste(frame(3, (32, 32)), (0, 0))
    found = looks([[one], [other]], Plan(), [CENTRE])
    first = frame(3, (32, 32))
    assert found.parts == 0
    assert any(np.abs(np.asarray(first, np.int16) - view[0]).mean() < 3 for view in found.views)


@pytest.mark.parametrize(
    ("size", "to"),
    [
        ((2000, 1500), (154, 116)),
        ((401, 300), (201, 150)),
        ((200, 6000), (100, 3000)),
        ((100, 3000), (100, 3000)),
        ((99, 66), (99, 66)),
    ],
)
def test_a_large_picture_is_made_smaller_first_and_its_views_stay_the_same(
    size: tuple[int, int], to: tuple[int, int]
) -> None:
    large, specs = frame(4, size), [SPEC, CENTRE]
    small = reduced(large, specs)
    assert small.size == to
    for spec, most in zip(specs, (3, 9), strict=True):  # the second one crops whole pixels
        assert np.abs(make_view(large, spec).astype(np.int16) - make_view(small, spec)).mean() < most
    near = zip(tiles(*size, 32) or along(*size), tiles(*to, 32) or along(*to), strict=True)
    for box, other in near:  # whose edges are whole pixels of pictures of two sizes
        (exact,), (made,) = close_views(large, [box], specs[:1])[0], close_views(small, [other], specs[:1])[0]
        assert np.abs(exact.astype(np.int16) - made).mean() < 12


def test_a_strip_beyond_the_budget_is_sampled_too() -> None:
    strip = frame(5, (40, 2000))
    with pytest.raises(TooLarge):
        looks([[strip]], Plan(budget=20))
    found = looks([[strip]], Plan(budget=20, sample=True))
    assert (len(found.views), found.parts) == (20, 0)
    assert (found.seen, found.distinct) == (0, 1), "and that is told"


def test_a_still_whose_parts_do_not_fit_is_sampled_and_that_is_told() -> None:
    found = looks([[frame()]], Plan(budget=5, sample=True))
    assert (len(found.views), found.parts) == (5, 4)
    assert (found.seen, found.distinct) == (0, 1)


def margin(number: int) -> Image.Image:
    """Frames that a model which crops sees no difference between: only the outermost pixels change."""
    image = Image.new("RGB", (60, 60), "grey")
    image.paste((number * 80 % 256, number * 33 % 256, number * 7 % 256), (0, 0, 2, 60))
    return image


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("place", [0, 1, 98, 151, 299])
def test_frames_whose_views_are_alike_push_no_other_out(place: int, sample: bool) -> None:
    frames = [[margin(number)] for number in range(300)]
    frames[place] = [frame(9, (60, 60))]
    found = looks(frames, Plan(budget=100, tiles=False, sample=sample), [CENTRE])
    wanted = make_view(frames[place][0], CENTRE)
    there = any(np.array_equal(view[0], wanted) for view in found.views)
    if sample:
        assert there or found.seen < found.distinct
    else:
        assert there
        assert found.seen == found.distinct


def test_without_models() -> None:
    found = looks([[frame()], [frame(1)], [frame()]], Plan(budget=2), [])
    assert (len(found.hashed), found.views, found.distinct, found.seen) == (2, [(), ()], 2, 2)
    with pytest.raises(TooLarge, match="more than 2 views"):
        looks([[frame(seed)] for seed in range(3)], Plan(budget=2), [])


def is_listed(found: Looks, picture: Image.Image) -> bool:
    wanted = pdq(np.asarray(picture)).hashes
    return any(apart(row.hashes, wanted).max() <= FEW_BITS for row in found.hashed)


def test_every_picture_that_differs_has_a_row_of_hashes_and_what_is_like_it_none() -> None:
    frames = [[frame(0)], [frame(0)], [frame(1), frame(2)], [frame(1)], [frame(3)]]
    found = looks(frames, Plan(tiles=False))
    assert [row.quality for row in found.hashed] == [hashed(frame(seed)).quality for seed in range(4)]
    for seed, row in enumerate(found.hashed):
        assert np.array_equal(row.hashes, pdq(np.asarray(frame(seed))).hashes)


@pytest.mark.parametrize("place", [0, 150, 299])
def test_a_listed_picture_is_found_wherever_it_is(place: int) -> None:
    frames = [[frame()] for _ in range(300)]
    frames[place] = [frame(7)]
    assert is_listed(looks(frames, Plan()), frame(7))


@pytest.mark.parametrize("size", [(96, 80), (1100, 700), (1600, 1200), (2001, 3000)])
def test_hashes_are_of_the_picture_in_full_however_small_the_views(size: tuple[int, int]) -> None:
    for specs in ([SPEC], [ViewSpec(224, 224, 0.875, "center", "bilinear")]):
        assert is_listed(looks([[frame(5, size)]], Plan(), specs), frame(5, size))


@pytest.mark.parametrize("budget", [2, 7, 40])
def test_rows_of_hashes_are_no_more_than_the_budget_and_spread_evenly(budget: int) -> None:
    found = looks([[frame(seed)] for seed in range(60)], Plan(budget=budget, sample=True))
    known = [seed for seed in range(60) if is_listed(found, frame(seed))]
    assert len(known) == len(found.hashed)
    assert budget / 2 <= len(known) <= budget
    assert known[0] == 0
    assert known[-1] >= 30 or budget == 2


def test_the_parts_of_a_large_first_frame_come_magnified_too_and_first() -> None:
    picture = frame(size=(160, 128))
    boxes = tiles(160, 128, 32)
    found = looks([[picture], [frame(3, size=(160, 128))]], Plan())
    assert len(found.magnified) == len(boxes) < found.parts
    parts = found.views[-found.parts :]
    for box, view, larger in zip(boxes, parts, found.magnified, strict=False):
        assert np.abs(view[0].astype(int) - close_views(picture, [box], [SPEC])[0][0]).mean() < 6
        assert larger[0].shape == (51, 51, 3)
        near = np.asarray(Image.fromarray(larger[0]).resize((32, 32), Image.Resampling.BILINEAR), np.int16)
        assert np.abs(near - view[0]).mean() < 7


@pytest.mark.parametrize("spec", [ViewSpec(32, 64, 1.0, "squash", "bilinear"), ViewSpec(48, 32, 0.9, "center", "box")])
def test_nor_are_those_of_a_large_picture_lost_to_a_model_that_is_not_square(spec: ViewSpec) -> None:
    found = looks([[frame(size=(900, 900))]], Plan(), [spec])
    assert len(found.magnified) == found.parts > 0
    assert found.magnified[0][0].shape == (round(spec.height * 1.6), round(spec.width * 1.6), 3)


def test_the_parts_of_a_small_picture_do_not() -> None:
    found = looks([[frame()]], Plan())
    assert found.parts
    assert not found.magnified


def test_no_more_come_magnified_than_the_budget_could_look_at() -> None:
    found = looks([[frame(size=(160, 128))]], Plan(budget=19))
    assert len(found.magnified) == 3
    parts = found.views[-found.parts :]
    for view, larger in zip(parts, found.magnified, strict=False):
        near = np.asarray(Image.fromarray(larger[0]).resize((32, 32), Image.Resampling.BILINEAR), np.int16)
        assert np.abs(near - view[0]).mean() < 7
    assert not looks([[frame(size=(160, 128))]], Plan(tiles=False)).magnified


def test_sampled_ones_fit_their_parts_as_well() -> None:
    found = looks([[frame(seed, size=(160, 128))] for seed in range(30)], Plan(budget=24, sample=True))
    assert found.magnified
    for view, larger in zip(found.views[-found.parts :], found.magnified, strict=False):
        near = np.asarray(Image.fromarray(larger[0]).resize((32, 32), Image.Resampling.BILINEAR), np.int16)
        assert np.abs(near - view[0]).mean() < 7
