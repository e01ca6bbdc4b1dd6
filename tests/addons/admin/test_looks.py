"""How a picture looks, by the real decoder; and why that cannot be told."""

from __future__ import annotations

import io

import numpy as np
import pytest

from addons.admin.looks import NoLooks, take_looks
from config.settings import Settings
from model.card import plain
from model.photograph import drawn


async def test_a_picture_and_one_of_lower_quality_look_the_same() -> None:
    (look,) = await take_looks(Settings(), plain())
    (other,) = await take_looks(Settings(), plain(1))
    assert len(look.pdq) == 32
    assert look.quality >= 50
    apart = int(np.bitwise_count(np.frombuffer(look.pdq, np.uint8) ^ np.frombuffer(other.pdq, np.uint8)).sum())
    assert apart > 31
    assert list(await take_looks(Settings(), plain())) == [look]


async def test_each_picture_of_an_animation_has_its_own() -> None:
    frames = [drawn(320, 320, 0, seed) for seed in (1, 2, 3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=200)
    looks = await take_looks(Settings(), file.getvalue())
    assert len({look.pdq for look in looks}) == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "of no format"), (b"a text", "of no format"), (plain()[:5000], "the JPEG breaks off before its end")],
)
async def test_what_cannot_be_decoded(data: bytes, why: str) -> None:
    with pytest.raises(NoLooks, match=why):
        await take_looks(Settings(), data)
