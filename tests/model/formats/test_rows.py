"""Compressed pixels are those of all rows, of every kind of PNG, and those of a frame end as they should."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from model.errors import Undecodable
from model.formats.chunks import png
from model.formats.container import Layer
from model.formats.rows import MAX_SPARE_BYTES, PIECE_BYTES, check_frame, check_rows, is_interlaced, row_bytes
from tests.model.apng_parts import CHANNELS, END, GREY, PALETTE, RGB, actl, fctl, header, idat, pixels
from tests.model.samples import chunk

SIZE = (4, 3)
ROWS = 3 * (1 + 4)
BEFORE = chunk(b"gAMA", b"\x00\x00\xb1\x8f")


def packed(count: int) -> bytes:
    return zlib.compress(b"\x00" * count)


def still(*parts: bytes, size: tuple[int, int] = SIZE) -> bytes:
    return header(*size, 8, GREY) + BEFORE + b"".join(idat(part) for part in parts) + END


@pytest.mark.parametrize("colour", CHANNELS)
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (5, 3), (8, 8), (17, 5)])
def test_bytes_of_all_rows(size: tuple[int, int], depth: int, colour: int) -> None:
    samples = np.zeros((size[1], size[0], CHANNELS[colour]), np.uint16)
    assert row_bytes(header(*size, depth, colour)) == len(zlib.decompress(pixels(samples, depth)))
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    passes = [samples[top::down, left::across] for left, top, across, down in steps]
    whole = sum(len(zlib.decompress(pixels(part, depth))) for part in passes if part.size)
    assert row_bytes(header(*size, depth, colour, interlaced=True)) == whole


def test_the_header_of_passes() -> None:
    assert not is_interlaced(header(*SIZE))
    assert is_interlaced(header(*SIZE, interlaced=True))
    plain = header(*SIZE, 8, RGB)
    for wrong in (header(*SIZE, 8, 5), plain[:28] + b"\x02" + plain[29:]):
        with pytest.raises(Undecodable, match="unknown"):
            row_bytes(wrong)


def test_rows_of_a_still() -> None:
    whole = packed(ROWS)
    for right in (
        still(whole),
        still(whole[:3], b"", whole[3:]),
        still(packed(ROWS + 1)),
        still(packed(ROWS + 100_000)),
        still(whole[:-4]),
        still(whole + b"more"),
    ):
        check_rows(right)
    for wrong in (
        still(packed(ROWS - 1)),
        still(packed(0)),
        still(b""),
        still(packed(ROWS - 1) + packed(1)),
        still(b"nonsense"),
        still(whole[:-4] + b"\x00" * 4),
    ):
        with pytest.raises(Undecodable):
            check_rows(wrong)


def test_rows_of_a_large_still() -> None:
    side = 300
    noise = zlib.compress(np.random.default_rng(0).bytes(side * (1 + side)))
    assert len(noise) > 2 * PIECE_BYTES
    check_rows(still(noise, size=(side, side)))
    with pytest.raises(Undecodable):
        check_rows(still(noise, size=(side, side + 1)))


def layer(data: bytes, colour: int = GREY) -> Layer:
    palette = chunk(b"PLTE", bytes(6)) if colour == PALETTE else b""
    parts = (header(*SIZE, 8, colour), palette, BEFORE, actl(1), fctl(0, SIZE), idat(data), END)
    return png(b"".join(parts)).layers[0]


@pytest.mark.parametrize("colour", [GREY, PALETTE])
def test_pixels_of_a_frame_end_with_their_checksum(colour: int) -> None:
    whole = packed(ROWS)
    most = zlib.compress(np.random.default_rng(0).bytes(ROWS + MAX_SPARE_BYTES))
    for right in (whole, whole + b"more", packed(ROWS + MAX_SPARE_BYTES), most):
        check_frame(layer(right, colour))
    for wrong in (
        *(whole[:-1], whole[:-4], whole[:-1] + bytes([whole[-1] ^ 1]), whole[2:], most[:-1]),
        *(packed(ROWS + MAX_SPARE_BYTES + 1), packed(ROWS - 1), packed(0)),
    ):
        with pytest.raises(Undecodable):
            check_frame(layer(wrong, colour))
