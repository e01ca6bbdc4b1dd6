"""The view is timm's view, bit for bit; and no bomb."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from timm.data.transforms_factory import create_transform

from model import preprocess
from model.errors import TooLarge
from model.preprocess import INTERPOLATIONS, MAX_RESIZED_PIXELS, ViewSpec, left_out, make_closer_views, make_view
from model.tiles import along, tiles

SIZES = [(1, 1), (2, 1), (1, 3), (7, 5), (31, 33), (64, 64), (100, 75), (75, 100), (255, 257), (20, 400), (640, 32)]
"""(width, height) of the pictures; 20:1 both ways among them."""
MODELS = [(64, 64, 1.0), (64, 64, 0.875), (56, 56, 0.9), (33, 47, 0.95), (64, 48, 1.0), (48, 64, 0.5), (40, 40, 1.15)]
"""(height, width, crop_pct) of the views: even, odd, square and not."""
MEAN = (0.3, 0.5, 0.7)


def noise(width: int, height: int) -> Image.Image:
    generator = np.random.default_rng(width * 10_007 + height)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


def by_timm(image: Image.Image, spec: ViewSpec) -> NDArray[np.uint8]:
    transform = create_transform(
        input_size=(3, spec.height, spec.width),
        is_training=False,
        crop_pct=spec.crop_pct,
        crop_mode=spec.crop_mode,
        interpolation=spec.interpolation,
        mean=MEAN,
        normalize=False,
    )
    view: NDArray[np.uint8] = transform(image).permute(1, 2, 0).numpy()
    return view


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize(("height", "width", "crop_pct"), MODELS)
def test_view_is_timms(height: int, width: int, crop_pct: float, crop_mode: str, interpolation: str) -> None:
    fill = (round(255 * MEAN[0]), round(255 * MEAN[1]), round(255 * MEAN[2]))
    spec = ViewSpec(height, width, crop_pct, crop_mode, interpolation, fill)
    for size in SIZES:
        image = noise(*size)
        ours = make_view(image, spec)
        assert ours.dtype == np.uint8
        assert ours.shape == (height, width, 3)
        np.testing.assert_array_equal(ours, by_timm(image, spec), err_msg=f"{size} {spec}")


def test_a_view_does_not_change_with_the_picture_it_was_made_of() -> None:
    image = noise(16, 16)
    view = make_view(image, ViewSpec(16, 16, 1.0, "center", "bilinear"))
    before = view.copy()
    image.paste((0, 0, 0), (0, 0, 16, 16))
    np.testing.assert_array_equal(view, before)


def test_a_line_that_timm_cannot_fit_gives_a_view() -> None:
    view = make_view(Image.new("RGB", (2000, 1), (255, 0, 0)), ViewSpec(32, 32, 1.0, "border", "bilinear", (1, 2, 3)))
    assert view.shape == (32, 32, 3)
    assert sorted({tuple(pixel) for pixel in view.reshape(-1, 3).tolist()}) == [(1, 2, 3), (255, 0, 0)]


def test_a_thin_line_is_refused_from_the_limit_on() -> None:
    side = 256
    limit = MAX_RESIZED_PIXELS // side**2
    spec = ViewSpec(side, side, 1.0, "center", "nearest")
    assert make_view(Image.new("RGB", (limit, 1)), spec).shape == (side, side, 3)
    with pytest.raises(TooLarge, match="too thin"):
        make_view(Image.new("RGB", (limit + 1, 1)), spec)


@pytest.mark.parametrize(
    "change",
    [
        {"crop_mode": "middle"},
        {"interpolation": "random"},
        {"crop_pct": 0.0},
        {"crop_pct": float("nan")},
        {"height": 0},
        {"width": 0},
    ],
    ids=lambda change: str(*change.items()),
)
def test_a_spec_that_timm_does_not_know_is_refused(change: dict[str, object]) -> None:
    good: dict[str, object] = {"height": 8, "width": 8, "crop_pct": 1.0, "crop_mode": "center", "interpolation": "box"}
    ViewSpec(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"is (none of|not a size)"):
        ViewSpec(**(good | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "crop_pct", "mode", "share"),
    [
        ((300, 300), 0.875, "center", 0.0625),
        ((600, 400), 0.875, "center", 0.208),
        ((400, 600), 0.875, "center", 0.208),
        ((600, 400), 1.0, "center", 0.167),
        ((600, 400), 1.0, "squash", 0.0),
        ((600, 400), 1.0, "border", 0.0),
        ((20, 4000), 1.0, "border", 0.0),
    ],
)
def test_what_is_left_out_at_each_end(size: tuple[int, int], crop_pct: float, mode: str, share: float) -> None:
    spec = ViewSpec(224, 224, crop_pct, mode, "bilinear")
    assert left_out(size, spec) == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize("size", [(828, 620), (300, 2000), (64, 64)])
@pytest.mark.parametrize("spec", [ViewSpec(64, 48, 0.9, "center", "bicubic"), ViewSpec(32, 64, 1.0, "squash", "box")])
def test_closer_views_are_those_of_each_box_from_edge_to_edge(size: tuple[int, int], spec: ViewSpec) -> None:
    """Each of the boxes resized alone has the same, but for half a pixel and what is beside it."""
    small = np.random.default_rng(3).integers(0, 256, (size[1] // 60 + 2, size[0] // 60 + 2, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    boxes = tiles(*size, 32) or along(*size) or [(0, 0, *size)]
    found = make_closer_views(picture, boxes, spec)
    assert len(found) == len(boxes)
    for box, view in zip(boxes, found, strict=True):
        alone = picture.crop(box).resize((spec.width, spec.height), INTERPOLATIONS[spec.interpolation])
        assert view.shape == (spec.height, spec.width, 3)
        assert np.abs(np.asarray(alone, np.int16) - view).mean() < 9
    assert make_closer_views(picture, [], spec) == []


def test_the_last_pixels_of_a_picture_are_in_the_last_closer_view() -> None:
    picture = Image.new("RGB", (828, 620))
    picture.paste((255, 255, 255), (818, 0, 828, 620))
    picture.paste((255, 255, 255), (0, 610, 828, 620))
    last = make_closer_views(picture, tiles(828, 620, 64), ViewSpec(64, 64, 1.0, "center", "bilinear"))[-1]
    assert last[-1].min() > 200
    assert last[:, -1].min() > 200


def test_no_closer_view_makes_a_picture_beyond_all_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.fromarray(np.random.default_rng(4).integers(0, 256, (40, 400, 3), dtype=np.uint8))
    spec = ViewSpec(64, 64, 1.0, "squash", "bilinear")
    boxes = along(400, 40)
    together = make_closer_views(picture, boxes, spec)
    monkeypatch.setattr(preprocess, "MAX_RESIZED_PIXELS", 64 * 639)
    for one, other in zip(together, make_closer_views(picture, boxes, spec), strict=True):
        assert np.abs(one.astype(int)[:, 1:-1] - other[:, 1:-1]).mean() < 3
