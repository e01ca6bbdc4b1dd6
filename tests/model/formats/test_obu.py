"""AV1's units: heads with and without an extension and a size, and sizes of any length."""

from __future__ import annotations

import pytest

from model.errors import Undecodable
from model.formats.obu import Unit, unit


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x12\x00", Unit(2, 0, False, 2, 2)),
        (b"\x32\x03abc", Unit(6, 0, False, 2, 5)),
        (b"\x32\x83\x00abc", Unit(6, 0, False, 3, 6)),
        (b"\x32" + b"\x80" * 7 + b"\x00", Unit(6, 0, False, 9, 9)),
        (b"\x32\x80\x01" + bytes(128), Unit(6, 0, False, 3, 131)),
        (b"\x36\x08\x01x", Unit(6, 1, False, 3, 4)),
        (b"\x36\xe7\x01x", Unit(6, 0, False, 3, 4)),
        (b"\x30pixels", Unit(6, 0, False, 1, 7)),
        (b"\x34\x18pixels", Unit(6, 3, False, 2, 8)),
        (b"\x92\x00", Unit(2, 0, True, 2, 2)),
        (b"\x32\x7fabc", Unit(6, 0, False, 2, 129)),
    ],
    ids=[
        *("empty", "a-size", "a-longer-size", "the-longest-size", "two-bytes-count", "a-layer", "a-temporal-layer"),
        *("no-size", "a-layer-and-no-size", "forbidden", "beyond-the-end"),
    ],
)
def test_a_unit(data: bytes, found: Unit) -> None:
    assert unit(data, 0, len(data)) == found
    place = found._replace(start=found.start + 2, end=found.end + 2)
    assert unit(b"ab" + data + b"\x00more", 2, len(data) + 2) == place


@pytest.mark.parametrize(
    "data",
    [b"\x32", b"\x32\x80", b"\x32" + b"\x80" * 8 + b"\x00", b"\x34", b"\x36\x00"],
    ids=["no-size", "half-a-size", "a-size-without-an-end", "no-extension", "no-size-behind-the-extension"],
)
def test_a_head_that_breaks_off(data: bytes) -> None:
    with pytest.raises(Undecodable, match="breaks off"):
        unit(data + b"\x00" * 4, 0, len(data))
