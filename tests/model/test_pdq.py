"""The hashes are those of the package `pdqhash` bit for bit, or but for a few where a picture is made smaller first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from model.pdq import HASH_BYTES, TURNS, hashed, pdq
from tests.model.pdq_pictures import LARGE, SMALL, apart, by_the_fixture, by_the_package, drawn, packaged
from tests.pictrs import required

FEW_BITS = 8
"""What may differ where a picture is made smaller first, of the 31 within which two are taken for the same."""
MEAN_BITS = 2
TURNED = (
    *(None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270),
    *(Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT),
    *(Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE),
)
"""How to turn a picture so that its hash is one of the eight of the original, in their order."""


@pytest.fixture
def package() -> None:
    """Skip the test that asks for the package where it is missing, or fail it where it is required."""
    if importlib.util.find_spec("pdqhash") is None:
        reason = "pdqhash is not installed: it has to be compiled, `make pdqhash` does it"
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


@pytest.mark.usefixtures("package")
def test_they_are_the_packages(record_property: Callable[[str, object], None]) -> None:
    differ = []
    for name, make in SMALL.items():
        image = make()
        expected, quality = by_the_package(image)
        for found in (pdq(np.asarray(image)), hashed(image)):
            assert found.quality == quality, name
            differ.append(apart(found.hashes, expected))
    assert np.max(differ) == 0
    record_property("figures", f"PDQ: all 8 hashes of {len(SMALL)} pictures are the package's, 0 bits differ")


@pytest.mark.usefixtures("package")
def test_large_ones_are_too_but_for_a_few_bits(record_property: Callable[[str, object], None]) -> None:
    differ = []
    for name, make in LARGE.items():
        image = make()
        expected, quality = by_the_package(image)
        found = hashed(image)
        assert abs(found.quality - quality) <= 1, name
        differ.append(apart(found.hashes, expected))
    figures = f"{np.mean(differ):.2f} bits differ in the mean, {np.max(differ)} at most"
    record_property("figures", f"PDQ, made smaller first: in all 8 hashes of {len(LARGE)} pictures {figures}")
    assert np.max(differ) <= FEW_BITS
    assert np.mean(differ) <= MEAN_BITS


@pytest.mark.parametrize(("name", "known"), by_the_fixture().items(), ids=by_the_fixture())
def test_they_are_what_the_package_once_said(name: str, known: tuple[np.ndarray, int]) -> None:
    image = (SMALL | LARGE)[name]()
    found = pdq(np.asarray(image))
    assert (found.quality, apart(found.hashes, known[0]).tolist()) == (known[1], [0] * TURNS)
    assert apart(hashed(image).hashes, known[0]).max() <= FEW_BITS


def test_shapes_and_types() -> None:
    found = hashed(packaged("coffee"))
    assert (found.hashes.shape, found.hashes.dtype, type(found.quality)) == ((TURNS, HASH_BYTES), np.uint8, int)
    assert found.hashes.flags.c_contiguous, "it is written to a pipe as it is"


@pytest.mark.parametrize("name", ["coffee", "astronaut", "chelsea"])
def test_the_eight_are_those_of_the_picture_turned(name: str) -> None:
    """What is turned has other points by a pixel, as an even box reaches further ahead than back."""
    image = packaged(name).resize((448, 320))
    hashes = hashed(image).hashes
    for turn, expected in zip(TURNED, hashes, strict=True):
        found = hashed(image if turn is None else image.transpose(turn)).hashes[0]
        distances = apart(hashes, found)
        assert apart(expected, found) == distances.min() <= 16, turn
        assert sorted(distances.tolist())[1] > 60, "and of no other turn"


@pytest.mark.parametrize("by", [2, 3, 5])
def test_one_that_was_made_smaller_already(by: int) -> None:
    for image in (packaged("brick").resize((1601, 1203)), drawn(5, (2999, 1700))):
        whole = hashed(image).hashes
        assert apart(hashed(image.reduce(by), image.size).hashes, whole).max() <= FEW_BITS


def test_a_size_that_it_cannot_have_had() -> None:
    with pytest.raises(ValueError, match="1000 pixels do not become 300"):
        hashed(Image.new("RGB", (300, 300)), (1000, 1000))


@pytest.mark.parametrize(("level", "quality"), [(0, 0), (128, 0), (255, 0)])
def test_nothing_to_see_has_no_quality(level: int, quality: int) -> None:
    assert hashed(Image.new("RGB", (640, 480), (level, level, level))).quality == quality


def test_the_more_to_see_the_better() -> None:
    faint = Image.blend(Image.new("RGB", (512, 512), "grey"), packaged("moon"), 0.4)
    assert 0 < hashed(faint).quality < hashed(packaged("moon")).quality < hashed(packaged("astronaut")).quality == 100
