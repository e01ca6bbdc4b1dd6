"""Drawn photographs: of the promised size and weight, the same for a seed, and another for each."""

from __future__ import annotations

import io
import itertools

import pytest
from PIL import Image

from model.photograph import PHONE, THUMBNAIL, UPLOAD, Kind


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        pytest.param(PHONE, 3_000_000, 4_000_000, id="phone"),
        pytest.param(UPLOAD, 450_000, 550_000, id="upload"),
        pytest.param(THUMBNAIL, 25_000, 40_000, id="thumbnail"),
    ],
)
def test_size_and_weight(kind: Kind, least: int, most: int) -> None:
    data = kind.draw(1)
    assert least <= len(data) <= most
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (kind.width, kind.height))
        image.load()


def test_a_seed_is_a_picture() -> None:
    assert THUMBNAIL.draw(3) == THUMBNAIL.draw(3)
    assert len({THUMBNAIL.draw(seed) for seed in range(8)}) == 8


def test_it_is_soft_and_has_noise() -> None:
    """Neighbours are alike as in a photograph, but not the same, and far places differ."""
    with Image.open(io.BytesIO(THUMBNAIL.draw(1))) as image:
        grey = list(image.convert("L").tobytes())
    beside = [abs(one - other) for one, other in itertools.pairwise(grey)]
    assert 2 < sum(beside) / len(beside) < 12
    assert max(grey) - min(grey) > 100
