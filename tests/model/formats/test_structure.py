"""Each format has its walk, and bytes behind an animation are refused."""

from __future__ import annotations

import pytest

from model.errors import Undecodable
from model.formats.media import MEDIA_TYPES
from model.formats.sniff import sniff
from model.formats.structure import _WALKS, inspect
from tests.model.samples import ANIMATIONS, STILLS


def test_every_judged_format_has_a_walk() -> None:
    assert set(_WALKS) == {media for media in MEDIA_TYPES if media.judged}


@pytest.mark.parametrize("name", [name for name in STILLS if not name.startswith(("avif", "jxl"))])
def test_bytes_behind_a_still_are_not_decoded(name: str) -> None:
    data = STILLS[name]()
    media = sniff(data)
    assert media
    container = inspect(data + b"a video, says the phone", media)
    assert container.end == len(data)
    assert container == inspect(data, media)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_bytes_behind_an_animation_are_refused(name: str) -> None:
    data = ANIMATIONS[name]()
    media = sniff(data)
    assert media
    assert inspect(data, media).end == len(data)
    with pytest.raises(Undecodable):
        inspect(data + b"\x00;", media)


@pytest.mark.parametrize("name", [name for name in ANIMATIONS if not name.startswith("avif")])
def test_zeros_behind_an_animation_are_not_decoded(name: str) -> None:
    data = ANIMATIONS[name]()
    media = sniff(data)
    assert media
    assert inspect(data + b"\x00" * 512, media) == inspect(data, media)
