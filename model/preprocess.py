"""From an RGB picture to the view that a model was trained on, to the last bit as timm makes it.

`make_view` gives what `timm.data.create_transform(is_training=False, ...)` gives before tensors and normalisation; a
test compares the two. It is written anew because it runs where untrusted bytes are decoded, and torch has no business
there: numpy and Pillow only. The arithmetic (floor, truncation, round half to even) follows timm/data/transforms.py,
timm/data/transforms_factory.py and torchvision/transforms/functional.py; do not tidy it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model.errors import TooLarge
from model.pdq import HASH_BYTES, TURNS
from model.tiles import Box

CROP_MODES = ("center", "squash", "border")
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}
IMAGENET_GREY = (124, 116, 104)
"""timm's default mean, 0.485 0.456 0.406, times 255: what timm pads `border` views with."""
MAX_RESIZED_PIXELS = 64_000_000
"""Pixels (4 bytes each) of the picture before its centre is cut out: a 10,000 x 1 line would become 2,560,000 x 256."""


@dataclass(frozen=True)
class ViewSpec:
    """The input of one model: size in pixels and how timm fits a picture into it. `fill` is the colour of borders.

    Raises ValueError for what timm does not know.
    """

    height: int
    width: int
    crop_pct: float
    crop_mode: str
    interpolation: str
    fill: tuple[int, int, int] = IMAGENET_GREY

    def __post_init__(self) -> None:
        if self.crop_mode not in CROP_MODES:
            raise ValueError(f"crop mode {self.crop_mode!r} is none of {', '.join(CROP_MODES)}")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r} is none of {', '.join(INTERPOLATIONS)}")
        if self.height < 1 or self.width < 1 or not 0 < self.crop_pct < 100:
            raise ValueError(f"{self.width} x {self.height} at {self.crop_pct} is not a size and a crop of it")


@dataclass(frozen=True)
class Views:
    """What a file came to: `arrays[i]` is uint8 (N, height, width, 3), RGB, for `specs[i]`.

    N is the same in all arrays, and view n shows the same picture in all. `width` and `height` are the header's pixels,
    before EXIF turns them; `frames` counts the pictures in the file, `trailing` the bytes behind the end of a still
    picture, which no viewer reads. `distinct`: pictures that differ (of a video all frames);
    `seen`: how many of those were looked at as much as they should be. The
    last `parts` views are of parts of a picture, all others of a whole one, or of all of its width or height.
    `magnified[i]` is uint8 (K, height, width, 3) for `specs[i]`, the first K of the parts with more pixels
    (model/magnified.py).
    `pdq` is uint8 (W, 8, 32) and `quality` uint8 (W,), 0..100: the hashes of W pictures (model/pdq.py). They are not
    those of the views: one row is there for every picture of which there may be views, in full and in its own shape.
    Of a still or an animation that is each rendition (model/pixels.py) of each frame, unless an earlier one looked the
    same; the first row is the first frame as most people see it. Of a video each rendition of each frame that was
    chosen: one of each stretch, each scene, each change. What is more than the budget of views is thinned out evenly.
    """

    width: int
    height: int
    frames: int
    arrays: tuple[NDArray[np.uint8], ...]
    trailing: int = 0
    distinct: int = 1
    seen: int = 1
    parts: int = 0
    magnified: tuple[NDArray[np.uint8], ...] = ()
    pdq: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, TURNS, HASH_BYTES), np.uint8))
    quality: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))


View = tuple[NDArray[np.uint8], ...]
"""One picture for each model: uint8 (height, width, 3)."""


def make_view(image: Image.Image, spec: ViewSpec) -> NDArray[np.uint8]:
    """The view of an RGB picture, uint8 (height, width, 3). TooLarge for a line so thin that resizing it is a bomb."""
    width, height = whole_size(image.size, spec)
    if height * width > MAX_RESIZED_PIXELS:
        raise TooLarge(f"{image.width} x {image.height} is too thin: it would be {width} x {height} before the crop")
    if (height, width) != (image.height, image.width):
        image = image.resize((width, height), INTERPOLATIONS[spec.interpolation])
    fill = spec.fill if spec.crop_mode == "border" else (0, 0, 0)
    return np.asarray(_center(image, spec.height, spec.width, fill))


def make_closer_views(image: Image.Image, boxes: Sequence[Box], spec: ViewSpec) -> list[NDArray[np.uint8]]:
    """The views of boxes (left, upper, right, lower, in pixels) of an RGB picture, all of one size, each seen whole.

    The picture is resized once and the views are cut out of it, since boxes lie over each other: to a pixel of the
    view, and from edge to edge. Where that would take more memory than MAX_RESIZED_PIXELS, each is resized alone.
    """
    if not boxes:
        return []
    left, upper, right, lower = boxes[0]
    width = max(spec.width, round(image.width * spec.width / (right - left)))
    height = max(spec.height, round(image.height * spec.height / (lower - upper)))
    how = INTERPOLATIONS[spec.interpolation]
    if width * height > MAX_RESIZED_PIXELS:
        return [np.asarray(image.resize((spec.width, spec.height), how, box=box)) for box in boxes]
    resized = image.resize((width, height), how)
    across = (width - spec.width) / max(1, image.width - (right - left))
    down = (height - spec.height) / max(1, image.height - (lower - upper))
    corners = [(round(box[0] * across), round(box[1] * down)) for box in boxes]
    return [np.asarray(resized.crop((x, y, x + spec.width, y + spec.height))) for x, y in corners]


def whole_size(size: tuple[int, int], spec: ViewSpec) -> tuple[int, int]:
    """(width, height) to which a picture of a (width, height) is resized before the view is cropped from it."""
    scale = (math.floor(spec.height / spec.crop_pct), math.floor(spec.width / spec.crop_pct))
    height, width = _resized(size[1], size[0], scale, spec.crop_mode)
    return width, height


def left_out(size: tuple[int, int], spec: ViewSpec) -> float:
    """The share of the width of a (width, height) picture that is cropped at each side, or of its height if more."""
    width, height = whole_size(size, spec)
    return max(1 - spec.width / width, 1 - spec.height / height, 0.0) / 2


def _resized(height: int, width: int, scale: tuple[int, int], crop_mode: str) -> tuple[int, int]:
    if crop_mode == "squash":
        return scale
    if crop_mode == "center" and scale[0] == scale[1]:
        side = scale[0]
        if width <= height:
            return int(side * height / width), side
        return side, int(side * width / height)
    ratios = height / scale[0], width / scale[1]
    longest = 1.0 if crop_mode == "border" else 0.0
    ratio = max(ratios) * longest + min(ratios) * (1.0 - longest)
    # timm has no answer for a line that rounds to no pixel at all; here one pixel of it is left.
    return max(1, round(height / ratio)), max(1, round(width / ratio))


def _center(image: Image.Image, height: int, width: int, fill: tuple[int, int, int]) -> Image.Image:
    missing = max(0, width - image.width), max(0, height - image.height)
    if any(missing):
        left, top = missing[0] // 2, missing[1] // 2
        image = ImageOps.expand(image, (left, top, missing[0] - left, missing[1] - top), fill)
    top = round((image.height - height) / 2.0)
    left = round((image.width - width) / 2.0)
    if (image.height, image.width) == (height, width):
        return image
    return image.crop((left, top, left + width, top + height))
