"""Colours by number: those of ordinary screens pass, those that could hide a picture are refused."""

from __future__ import annotations

import struct

import pytest

from model.errors import Unsupported
from model.formats.chunks import png
from model.formats.cicp import MAX_GAIN, check_code_points, check_png
from tests.model.samples import chunk
from tests.model.samples import png as make

D65 = (0.3127, 0.329)


def chromaticities(*values: float) -> bytes:
    return struct.pack(">8I", *(round(value * 100_000) for value in values))


@pytest.mark.parametrize("transfer", [1, 2, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("primaries", [1, 2, 5, 6, 9, 12])
def test_ordinary_screens(primaries: int, transfer: int) -> None:
    check_code_points(primaries, transfer)


@pytest.mark.parametrize(
    ("primaries", "transfer"),
    [*((1, transfer) for transfer in (0, 3, 8, 9, 10, 16, 17, 18, 255)), (10, 13), (0, 13), (3, 13), (200, 13)],
)
def test_others(primaries: int, transfer: int) -> None:
    with pytest.raises(Unsupported):
        check_code_points(primaries, transfer)


@pytest.mark.parametrize(
    "values",
    [
        (*D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
        (*D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
        (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
        (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001),
        (0.28056, 0.29582, 0.574, 0.33493, 0.31239, 0.51892, 0.13124, 0.07286),
        (0.3127, 0.3127, 0.0, 0.3127, 0.0, 0.3127, 0.0, 0.3127),
        (0.0, 0.0, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    ],
    ids=["sRGB", "Display-P3", "Adobe", "ProPhoto", "a-real-one", "degenerate", "no-white"],
)
def test_primaries_of_pngs(values: tuple[float, ...]) -> None:
    check_png(b"cHRM", chromaticities(*values))


def test_primaries_that_blow_up_differences() -> None:
    for values in ((*D65, 0.95, 0.04, 0.05, 0.94, 0.01, 0.01), (0.32, 0.02, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)):
        with pytest.raises(Unsupported, match="blow up"):
            check_png(b"cHRM", chromaticities(*values))
    assert MAX_GAIN > 3.2


def test_chunks_of_a_png() -> None:
    rows = b"\x00\x80"
    for kind, content in (
        (b"cICP", b"\x01\x0d\x00\x01"),
        (b"cICP", b"\x0c\x0d\x00\x01"),
        (b"cICP", b"\x09\x10"),
        (b"cHRM", chromaticities(*D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)),
        (b"cHRM", b"short"),
    ):
        assert png(make(rows, 1, 1, before=chunk(kind, content))).frames == 1
    for kind, content in (
        (b"cICP", b"\x09\x10\x00\x01"),
        (b"cICP", b"\x01\x08\x00\x01"),
        (b"cICP", b"\x01\x0d\x00\x00"),
        (b"cICP", b"\x01\x0d\x01\x01"),
        (b"cHRM", chromaticities(0.32, 0.02, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)),
    ):
        with pytest.raises(Unsupported):
            png(make(rows, 1, 1, before=chunk(kind, content)))
