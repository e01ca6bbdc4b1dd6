"""What is found again by its hash: encoded anew, made smaller, turned, mirrored. What is not: crops, other pictures.

The eight hashes of a picture are made from its waves alone, as the reference makes them. They are not quite those of
the picture turned: points lie up to a pixel off the middle of what they stand for, and fine textures show that.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from model.pdq import hashed
from tests.model.pdq_pictures import PACKAGED, apart, drawn, packaged
from tests.model.samples import encode

MATCH_BITS, MIN_QUALITY = 31, 50
"""Two pictures are the same if their hashes differ in so many bits or fewer, and both have at least this quality."""
Change = Callable[[Image.Image], Image.Image]


def photographs() -> list[Image.Image]:
    """Packaged pictures, of which a third is nothing but texture, and drawn ones: all that have the quality."""
    made = [drawn(seed, (640, 480)) for seed in range(20)]
    return [image for image in (*map(packaged, PACKAGED), *made) if hashed(image).quality >= MIN_QUALITY]


def encoded(kind: str, quality: int) -> Change:
    """Written and read again."""

    def change(image: Image.Image) -> Image.Image:
        with Image.open(io.BytesIO(encode(image, kind, quality=quality))) as again:
            return again.convert("RGB")

    return change


def scaled(by: float) -> Change:
    """So many times as large."""
    return lambda image: image.resize((round(image.width * by), round(image.height * by)), Image.Resampling.LANCZOS)


def cropped(share: float) -> Change:
    """Without so much of it at each side."""
    return lambda image: image.crop(
        (
            round(image.width * share),
            round(image.height * share),
            image.width - round(image.width * share),
            image.height - round(image.height * share),
        )
    )


CHANGES: list[tuple[str, Change, float]] = [
    *((f"JPEG of quality {quality}", encoded("JPEG", quality), 1.0) for quality in (95, 80, 50, 30)),
    *((f"WebP of quality {quality}", encoded("WEBP", quality), 1.0) for quality in (80, 50, 30)),
    ("half size", scaled(0.5), 0.9),
    ("twice the size", scaled(2), 0.95),
    *(
        (turn.name.lower().replace("_", " "), lambda image, turn=turn: image.transpose(turn), 0.8)
        for turn in Image.Transpose
    ),
    (
        "mirrored, half size, JPEG of quality 50",
        lambda i: encoded("JPEG", 50)(scaled(0.5)(i.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
        0.75,
    ),
]
"""What is done, how, and the least share that is found again."""


@pytest.fixture(scope="module")
def listed() -> list[tuple[Image.Image, np.ndarray]]:
    """Pictures, and the hash that a list has of each."""
    return [(image, hashed(image).hashes[0]) for image in photographs()]


def found(listed: list[tuple[Image.Image, np.ndarray]], change: Change) -> float:
    """The share of the listed pictures that are found again, in one of the eight ways, when they come changed."""
    again = [(hashed(change(image)), known) for image, known in listed]
    hits = [apart(new.hashes, known).min() <= MATCH_BITS and new.quality >= MIN_QUALITY for new, known in again]
    return float(np.mean(hits))


@pytest.mark.parametrize(("name", "change", "least"), CHANGES, ids=[name for name, _, _ in CHANGES])
def test_a_listed_picture_is_found_again(
    listed: list[tuple[Image.Image, np.ndarray]],
    name: str,
    change: Change,
    least: float,
    record_property: Callable[[str, object], None],
) -> None:
    share = found(listed, change)
    record_property("figures", f"PDQ, {name}: {share:.0%} of {len(listed)} found again")
    assert share >= least


def test_a_crop_is_mostly_not(
    listed: list[tuple[Image.Image, np.ndarray]], record_property: Callable[[str, object], None]
) -> None:
    shares = {percent: found(listed, cropped(percent / 100)) for percent in (1, 2, 5)}
    record_property(
        "figures", "PDQ, " + ", ".join(f"{at} % cut off all round: {share:.0%}" for at, share in shares.items())
    )
    assert shares[5] < 0.5 < found(listed, cropped(0)) == 1


def test_no_two_pictures_are_taken_for_the_same(listed: list[tuple[Image.Image, np.ndarray]]) -> None:
    hashes = [hashed(image).hashes for image, _ in listed]
    nearest = min(int(apart(one, other[0]).min()) for one, other in combinations(hashes, 2))
    assert nearest > 2 * MATCH_BITS
