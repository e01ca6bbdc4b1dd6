"""The self-test card: refused by its hash and by nothing else; the plain picture: passed by everything."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from config.policy import ModelSpec
from model import card
from model.preprocess import make_view
from model.weights import LoadedModel, load

MAX_CARD_BYTES = 40_000
DRAWING_TOLERANCE = 3.0
"""Mean difference per value, 0..255, between two versions of Pillow that set the letters differently."""


@pytest.fixture(scope="module")
def embedded() -> LoadedModel:
    return load(ModelSpec(timm="open-nsfw"), "cpu")


def nsfw(model: LoadedModel, data: bytes) -> float:
    view = make_view(Image.open(io.BytesIO(data)).convert("RGB"), model.view)
    return float(model.forward(view[None])[0, model.labels.index("nsfw")])


def test_the_hash_is_that_of_the_shipped_file() -> None:
    assert hashlib.sha256(card.card()).hexdigest() == card.CARD_SHA256


def test_the_card_is_a_small_png_of_its_size() -> None:
    image = Image.open(io.BytesIO(card.card()))
    assert (image.format, image.size) == ("PNG", card.CARD_SIZE)
    assert len(card.card()) < MAX_CARD_BYTES


def test_the_shipped_file_is_what_draw_draws() -> None:
    shipped = np.asarray(Image.open(io.BytesIO(card.card())).convert("RGB"), dtype=np.float32)
    assert np.abs(shipped - np.asarray(card.draw(), dtype=np.float32)).mean() < DRAWING_TOLERANCE


def test_the_text_fits_inside_the_border() -> None:
    inside = np.asarray(Image.open(io.BytesIO(card.card())).convert("RGB"))[240:425, 36:-36]
    for edge in (inside[:, :24], inside[:, -24:]):
        assert (edge == edge[0, 0]).all()


def test_the_model_alone_would_pass_the_card(embedded: LoadedModel) -> None:
    assert nsfw(embedded, card.card()) < 0.2


@pytest.mark.parametrize("seed", range(8))
def test_the_model_passes_plain_pictures(embedded: LoadedModel, seed: int) -> None:
    assert nsfw(embedded, card.plain(seed)) < 0.2


def test_a_plain_picture_is_a_jpeg_that_its_seed_decides() -> None:
    image = Image.open(io.BytesIO(card.plain()))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", card.PLAIN_SIZE)
    assert card.plain(0) == card.plain()
    assert len({card.plain(seed) for seed in range(8)}) == 8
