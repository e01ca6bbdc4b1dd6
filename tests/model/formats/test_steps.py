"""Steps of a walk are counted over all levels, and for each file anew."""

from __future__ import annotations

import pytest

from model.errors import TooLarge
from model.formats.media import GIF, JPEG, MediaType
from model.formats.steps import limited, step
from model.formats.structure import inspect
from tests.model.samples import encode, picture


def test_as_many_as_are_allowed() -> None:
    with limited(3):
        step()
        step(2)
        with pytest.raises(TooLarge, match="parts"):
            step()


def test_an_inner_limit_ends_with_it() -> None:
    with limited(1):
        with limited(5):
            step(5)
        step()
        with pytest.raises(TooLarge):
            step()
    step(10**9)


@pytest.mark.parametrize(("media", "part"), [(JPEG, b"\xff\xfe\x00\x02"), (GIF, b"!\xfe\x01a\x00")])
def test_each_file_begins_anew(media: MediaType, part: bytes) -> None:
    data = encode(picture(mode="P" if media is GIF else "RGB"), media.name)
    at = 2 if media is JPEG else 13 + (3 << (data[10] & 7) + 1)
    many = data[:at] + part * 300_000 + data[at:]
    inspect(many, media)
    inspect(many, media)
    with pytest.raises(TooLarge):
        inspect(data[:at] + part * 1_100_000 + data[at:], media)
