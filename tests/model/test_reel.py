"""Which frames of a video are looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from random import Random

import numpy as np
import pytest
from PIL import Image

from model.errors import TooLarge
from model.gallery import Looks
from model.pdq import hashed
from model.plan import Plan
from model.preprocess import ViewSpec, make_view
from model.reel import Reel
from tests.model.changed import cat

SPEC = ViewSpec(32, 32, 1.0, "squash", "bilinear")
SIZE = (64, 56)


@dataclass
class Frame:
    """A frame of noise, or a grey one with a square of some light that moves; counts how often it was asked for."""

    seed: int | None = None
    step: int = 0
    key: bool = False
    size: tuple[int, int] = SIZE
    asked: list[int] = field(default_factory=list)

    def _image(self) -> Image.Image:
        if self.seed is None:
            grey = Image.new("RGB", self.size, (90, 90, 90))
            grey.paste((110, 110, 110), (self.step % 40, 20, self.step % 40 + 12, 32))
            return grey
        colours = np.random.default_rng(self.seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return Image.fromarray(colours).resize(self.size, Image.Resampling.NEAREST)

    def thumbnail(self, side: int) -> Image.Image:
        return self._image().resize((side, side), Image.Resampling.BOX)

    def pictures(self) -> list[Image.Image]:
        self.asked.append(self.step)
        return [self._image()]


def looks(frames: list[Frame], plan: Plan, seed: int = 0, spec: ViewSpec = SPEC) -> Looks:
    reel = Reel([spec], plan, Random(seed), len(frames))
    for frame in frames:
        reel.show(frame)
    return reel.looks()


def contains(found: Looks, frame: Frame) -> bool:
    wanted = make_view(frame.pictures()[0], SPEC)
    return any(np.array_equal(view[0], wanted) for view in found.views)


def quiet(count: int) -> list[Frame]:
    asked: list[int] = []
    return [Frame(step=step, asked=asked) for step in range(count)]


@pytest.mark.parametrize("place", [0, 1, 333, 899])
def test_a_flash_of_one_frame_is_seen_wherever_it_is(place: int) -> None:
    frames = quiet(900)
    frames[place] = Frame(seed=5)
    found = looks(frames, Plan())
    assert contains(found, Frame(seed=5))
    assert len(found.views) <= Plan().video_budget
    assert found.distinct == 900
    assert len(found.views) <= found.seen <= Plan().video_budget


def test_an_even_grid_of_what_moves_little() -> None:
    frames = quiet(900)
    looks(frames, Plan(video_budget=20))
    asked = sorted(set(frames[0].asked))
    assert asked[0] == 0
    assert max(asked) > 800
    assert all(any(100 * part < step <= 100 * (part + 1) for step in asked) for part in range(8))
    assert len(asked) < 90, "only what may be kept is made a picture of"


def flat(count: int) -> list[Frame]:
    """Frames that are all the same."""
    asked: list[int] = []
    return [Frame(step=40 * step, asked=asked) for step in range(count)]


def test_which_frames_are_looked_at_nobody_can_foresee() -> None:
    drawn: set[int] = set()
    for seed in range(12):
        frames = flat(900)
        looks(frames, Plan(), seed)
        places = sorted({step // 40 for step in frames[0].asked})
        assert len(places) == 24
        assert places[0] == 0
        drawn |= set(places)
    assert len(drawn) > 150
    assert len([place for place in drawn if place % 64]) > 140


class Drawn:
    """Any picture as a frame."""

    def __init__(self, image: Image.Image, key: bool = False) -> None:
        self.image = image
        self.key = key

    @cache  # noqa: B019
    def thumbnail(self, side: int) -> Image.Image:
        return self.image.resize((side, side), Image.Resampling.BOX)

    def pictures(self) -> list[Image.Image]:
        return [self.image]


@pytest.mark.parametrize("cells", [8, 16, 32])
@pytest.mark.parametrize("place", [1, 333, 899])
def test_one_frame_that_is_sharp_among_mosaics_of_it_is_seen(place: int, cells: int) -> None:
    sharp = cat(256)
    mosaic = sharp.resize((cells, cells), Image.Resampling.BOX).resize((256, 256), Image.Resampling.NEAREST)
    reel = Reel([SPEC], Plan(), Random(0), 900)
    one, other = Drawn(sharp), Drawn(mosaic)
    for index in range(900):
        reel.show(one if index == place else other)
    found = reel.looks()
    assert len(found.views) == 2
    assert any(np.array_equal(view[0], make_view(sharp, SPEC)) for view in found.views)


def test_what_moves_is_no_scene_and_is_not_refused() -> None:
    """A camera that pans over a photograph by 1 % of the width in each frame."""
    wide = cat(600, 300)
    reel = Reel([SPEC], Plan(), Random(0), 100)
    for index in range(100):
        reel.show(Drawn(wide.crop((3 * index, 0, 3 * index + 300, 300)), key=not index))
    found = reel.looks()
    assert 24 < len(found.views) <= found.seen <= 48


def test_few_frames_are_all_seen() -> None:
    frames = [Frame(seed=seed) for seed in range(5)]
    found = looks(frames, Plan(video_budget=10))
    assert (found.distinct, found.seen, len(found.views)) == (5, 5, 5)
    assert rows(found) == {hash_of(frame) for frame in frames}


def rows(found: Looks) -> set[bytes]:
    return {row.hashes[0].tobytes() for row in found.hashed}


def hash_of(frame: Frame) -> bytes:
    return hashed(Frame(seed=frame.seed).pictures()[0]).hashes[0].tobytes()


@pytest.mark.parametrize("place", [0, 137, 299])
def test_a_listed_picture_is_found_if_it_is_a_scene(place: int) -> None:
    frames = [Frame(seed=1) for _ in range(300)]
    frames[place] = Frame(seed=7)
    found = looks(frames, Plan())
    assert rows(found) == {hash_of(Frame(seed=1)), hash_of(Frame(seed=7))}


def test_a_video_has_no_more_rows_of_hashes_than_its_budget() -> None:
    found = looks([Frame(seed=seed) for seed in range(300)], Plan(video_budget=8, sample=True))
    assert len(rows(found)) == len(found.hashed) == 8


def test_a_key_frame_needs_less_of_a_change() -> None:
    plain, shifted = Image.new("RGB", SIZE, (90, 90, 90)), Image.new("RGB", SIZE, (108, 108, 108))

    @dataclass
    class Still:
        image: Image.Image
        key: bool

        def thumbnail(self, side: int) -> Image.Image:
            return self.image.resize((side, side))

        def pictures(self) -> list[Image.Image]:
            return [self.image]

    for key in (True, False):
        reel = Reel([SPEC], Plan(video_budget=2), Random(0), 3)
        reel.show(Still(plain, True))
        reel.show(Still(plain, False))
        if key:
            with pytest.raises(TooLarge):
                reel.show(Still(shifted, key))
        else:
            reel.show(Still(shifted, key))
        reel = Reel([SPEC], Plan(video_budget=4), Random(0), 12)
        for image, is_key in [(plain, True), *[(plain, False)] * 4, (shifted, key), *[(plain, False)] * 6]:
            reel.show(Still(image, is_key))
        assert len(reel.looks().views) == 2, "as a change, at the least"


def test_more_scenes_than_half_of_the_budget_are_refused() -> None:
    frames = [Frame(seed=seed) for seed in range(11)]
    assert contains(looks(frames[:10], Plan(video_budget=20)), Frame(seed=9))
    with pytest.raises(TooLarge, match="more than 10 scenes"):
        looks(frames, Plan(video_budget=20))


def test_or_an_even_choice_is_made_of_them() -> None:
    frames = [Frame(seed=seed) for seed in range(100)]
    found = looks(frames, Plan(video_budget=20, sample=True))
    assert len(found.views) <= 20
    assert found.distinct == 100
    assert 5 <= found.seen <= 20
    assert any(contains(found, frame) for frame in frames[50:])


def test_the_ends_of_a_wide_frame_are_seen() -> None:
    wide = (160, 90)
    centre = ViewSpec(32, 32, 1.0, "center", "bilinear")
    reel = Reel([centre], Plan(video_budget=12), Random(0), 1)
    reel.show(Frame(seed=3, size=wide))
    found = reel.looks()
    assert len(found.views) == 4
    left = Frame(seed=3, size=wide).pictures()[0].crop((0, 0, 90, 90)).resize((32, 32), Image.Resampling.BILINEAR)
    apart = sorted(np.abs(np.asarray(left, np.int16) - view[0]).mean() for view in found.views)
    assert apart[0] < 3 < 20 < apart[1]
    reel = Reel([centre], Plan(video_budget=12, tiles=False), Random(0), 1)
    reel.show(Frame(seed=3, size=wide))
    assert len(reel.looks().views) == 1


@pytest.mark.parametrize("scenes", [1, 8, 24, 25])
def test_a_film_of_many_scenes_is_seen_whole_and_in_squares_as_far_as_there_is_room(scenes: int) -> None:
    frames = [Frame(seed=seed, size=(160, 90)) for seed in range(scenes)]
    if scenes > 24:
        with pytest.raises(TooLarge, match="more than 24 scenes"):
            looks(frames, Plan())
        return
    found = looks(frames, Plan())
    assert all(contains(found, frame) for frame in frames)
    assert (found.distinct, found.seen) == (scenes, scenes)
    room = (48 - scenes) // 2 // 3
    assert len(found.views) == scenes + 3 * min(scenes, room)


@pytest.mark.parametrize(("size", "scenes"), [((160, 67), 24), ((160, 66), 4)])
def test_from_a_length_on_no_squeezed_whole_will_do(size: tuple[int, int], scenes: int) -> None:
    frames = [Frame(seed=seed, size=size) for seed in range(scenes + 1)]
    assert looks(frames[:scenes], Plan()).seen >= scenes
    with pytest.raises(TooLarge, match=f"more than {scenes} scenes"):
        looks(frames, Plan())


def test_where_a_model_crops_the_squares_are_needed() -> None:
    centre = ViewSpec(32, 32, 1.0, "center", "bilinear")
    frames = [Frame(seed=seed, size=(160, 90)) for seed in range(7)]
    assert len(looks(frames[:6], Plan(), spec=centre).views) == 6 * 4
    with pytest.raises(TooLarge, match="more than 6 scenes"):
        looks(frames, Plan(), spec=centre)


@pytest.mark.parametrize(("size", "budget"), [((640, 32), 48), ((640, 32), 77), ((160, 60), 11), ((64, 56), 1)])
def test_a_frame_that_takes_more_than_half_of_the_budget_is_refused_or_sampled(
    size: tuple[int, int], budget: int
) -> None:
    frames = [Frame(seed=seed, size=size) for seed in range(3)]
    with pytest.raises(TooLarge, match="each frame of the video takes"):
        looks(frames, Plan(video_budget=budget))
    found = looks(frames, Plan(video_budget=budget, sample=True))
    assert 1 <= len(found.views) <= budget
    assert found.seen < found.distinct == 3
