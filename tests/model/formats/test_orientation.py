"""One EXIF tag, as browsers read it; broken EXIF is upright."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.formats.orientation import MAX_ENTRIES, UPRIGHT, as_exif, orientation


def entry(order: str, tag: int = 0x0112, kind: int = 3, count: int = 1, value: int = 6) -> bytes:
    return struct.pack(f"{order}HHIHH", tag, kind, count, value, 0)


def tiff(order: str, *entries: bytes, count: int | None = None) -> bytes:
    magic = b"II*\x00" if order == "<" else b"MM\x00*"
    number = len(entries) if count is None else count
    return magic + struct.pack(f"{order}IH", 8, number) + b"".join(entries) + b"\x00" * 4


OTHER = entry("<", tag=0x0100, value=40)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("prefix", [b"", b"Exif\x00\x00", b"Exif\x00\x00" * 2], ids=["bare", "prefix", "twice"])
def test_the_tag_is_read(order: str, value: int, prefix: bytes) -> None:
    assert orientation(prefix + tiff(order, entry(order, tag=0x0100), entry(order, value=value))) == value


def test_as_pillow_writes_it() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description that stands before the orientation"
    exif[0x0112] = 7
    assert orientation(exif.tobytes()) == 7


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\x00\x00",
        b"Exif\x00\x00nonsense",
        tiff("<")[:9],
        tiff("<", entry("<"), count=2)[:21],
        tiff("<", entry("<", value=0)),
        tiff("<", entry("<", value=9)),
        tiff("<", entry("<", kind=4)),
        tiff("<", entry("<", count=2)),
        tiff("<", entry(">")),
        b"II*\x00\xff\xff\xff\xff" + entry("<"),
        tiff("<", OTHER),
    ],
    ids=["empty", "prefix-only", "no-tiff", "cut-count", "cut", "0", "9", "long", "two-values", "mixed", "far", "none"],
)
def test_anything_else_is_upright(exif: bytes) -> None:
    assert orientation(exif) == UPRIGHT


def test_entries_are_read_up_to_the_limit() -> None:
    assert orientation(tiff("<", *[OTHER] * (MAX_ENTRIES - 1), entry("<"))) == 6
    assert orientation(tiff("<", *[OTHER] * MAX_ENTRIES, entry("<"))) == UPRIGHT


@given(st.binary(max_size=80).map(lambda tail: tiff("<", entry("<"))[:10] + tail) | st.binary(max_size=40))
def test_it_never_raises(exif: bytes) -> None:
    assert 1 <= orientation(exif) <= 8


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_of_our_own(turn: int) -> None:
    assert orientation(as_exif(turn)) == turn
    exif = Image.Exif()
    exif.load(as_exif(turn))
    assert dict(exif) == {0x0112: turn}
