"""The chunks of an APNG become layers, each a PNG of its own; what is out of place or out of range is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats import apng as model_apng
from model.formats.chunks import png
from model.formats.container import Container, Layer
from tests.model.apng_parts import END, GREY, PALETTE, RGB, actl, fctl, fdat, header, idat, pixels
from tests.model.samples import chunk

WHOLE, SMALL = (4, 3), (2, 1)
GAMMA, EXIF = chunk(b"gAMA", b"\x00\x00\xb1\x8f"), chunk(b"eXIf", b"II*\x00")
PLTE, TRNS = chunk(b"PLTE", b"\x00\x00\x00\xff\xff\xff"), chunk(b"tRNS", b"\x80\xff")


def packed(size: tuple[int, int], level: int = 0) -> bytes:
    return pixels(np.full((size[1], size[0], 1), level, np.uint8), 8)


A, B, C = packed(WHOLE), packed(SMALL, 1), packed(WHOLE, 1)


def walk(*chunks: bytes, depth: int = 8, colour: int = GREY) -> Container:
    return png(header(*WHOLE, depth, colour) + b"".join(chunks) + END)


def still(data: bytes, *before: bytes, size: tuple[int, int] = WHOLE, colour: int = GREY) -> bytes:
    return header(*size, 8, colour) + b"".join(before) + idat(data) + END


def test_a_frame_is_a_png_of_its_own() -> None:
    container = walk(
        GAMMA, PLTE, TRNS, actl(3), fctl(0, WHOLE, blend=1), idat(A[:5]), idat(A[5:]),
        fctl(1, SMALL, (2, 1), dispose=1), fdat(2, B[:3]), fdat(3, B[3:]),
        fctl(4, WHOLE, dispose=2, blend=1), fdat(5, C), EXIF, colour=PALETTE,
    )  # fmt: skip
    assert (container.frames, container.canvas) == (3, WHOLE)
    assert container.layers == (
        Layer(still(A, GAMMA, EXIF, PLTE, TRNS, colour=PALETTE), 0, 0, "leave", over=False),
        Layer(still(B, PLTE, TRNS, size=SMALL, colour=PALETTE), 2, 1, "clear", over=False),
        Layer(still(C, PLTE, TRNS, colour=PALETTE), 0, 0, "previous", over=True),
    )


def test_a_still_apart_is_cleared_away() -> None:
    container = walk(actl(1), idat(A), fctl(0, WHOLE, blend=1), fdat(1, C))
    assert container.frames == 2
    assert container.layers == (
        Layer(still(A), 0, 0, "clear", over=False),
        Layer(still(C), 0, 0, "leave", over=False),
    )


def test_a_still_has_no_layers() -> None:
    container = walk(idat(A))
    assert (container.frames, container.layers) == (1, ())


FIRST = (actl(2), fctl(0, WHOLE), idat(A))
WRONG: dict[str, tuple[bytes, ...]] = {
    "one-too-few": (actl(3), *FIRST[1:], fctl(1, SMALL), fdat(2, B)),
    "one-too-many": (actl(1), *FIRST[1:], fctl(1, SMALL), fdat(2, B)),
    "none": (actl(0), idat(A)),
    "none-but-a-still": (actl(1), idat(A)),
    "no-pixels": (*FIRST, fctl(1, SMALL)),
    "no-pixels-before-the-next": (actl(3), *FIRST[1:], fctl(1, SMALL), fctl(2, SMALL), fdat(3, B)),
    "not-declared": (*FIRST[1:], fctl(1, SMALL), fdat(2, B)),
    "declared-behind-a-control": (fctl(0, WHOLE), actl(1), idat(A)),
    "short-declaration": (chunk(b"acTL", b"\x00\x00\x00\x01"), *FIRST[1:]),
    "hole": (*FIRST, fctl(2, SMALL), fdat(3, B)),
    "hole-in-pixels": (*FIRST, fctl(1, SMALL), fdat(3, B)),
    "twice-the-same-number": (*FIRST, fctl(1, SMALL), fdat(1, B)),
    "out-of-order": (*FIRST, fctl(1, SMALL), fdat(3, B[:3]), fdat(2, B[3:])),
    "begins-at-one": (actl(1), fctl(1, WHOLE), idat(A)),
    "pixels-of-a-frame-for-the-still": (actl(2), *FIRST[1:], fdat(1, A), fctl(2, SMALL), fdat(3, B)),
    "pixels-without-control": (actl(1), idat(A), fdat(0, B), fctl(1, WHOLE), fdat(2, A)),
    "a-frame-before-the-still": (actl(2), fctl(0, WHOLE), fctl(1, SMALL), idat(A), fdat(2, B)),
    "empty-pixels": (*FIRST, fctl(1, SMALL), chunk(b"fdAT", b"\x00\x00")),
    "first-smaller-than-the-still": (actl(1), fctl(0, SMALL), idat(A)),
    "no-width": (*FIRST, fctl(1, (0, 1)), fdat(2, B)),
    "no-height": (*FIRST, fctl(1, (1, 0)), fdat(2, B)),
    "beyond-the-right": (*FIRST, fctl(1, SMALL, (3, 0)), fdat(2, B)),
    "beyond-the-bottom": (*FIRST, fctl(1, SMALL, (0, 3)), fdat(2, B)),
    "far-beyond": (*FIRST, fctl(1, SMALL, (2**32 - 1, 0)), fdat(2, B)),
    "undefined-dispose": (*FIRST, fctl(1, SMALL, dispose=3), fdat(2, B)),
    "undefined-blend": (*FIRST, fctl(1, SMALL, blend=2), fdat(2, B)),
    "long-control": (*FIRST, chunk(b"fcTL", struct.pack(">5I2H3B", 1, *SMALL, 0, 0, 1, 9, 0, 0, 0)), fdat(2, B)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_apng_that_is_refused(name: str) -> None:
    with pytest.raises(Undecodable):
        walk(*WRONG[name])


def test_few_bits_away_from_the_left_edge_are_not_judged() -> None:
    for depth, left, right in ((4, 1, False), (4, 0, True), (8, 1, True)):
        chunks = (*FIRST, fctl(1, SMALL, (left, 1)), fdat(2, B))
        if right:
            assert walk(*chunks, depth=depth).frames == 2
        else:
            with pytest.raises(Unsupported, match="left edge"):
                walk(*chunks, depth=depth)


def test_few_bits_of_grey_with_a_transparent_level_are_not_judged() -> None:
    level = chunk(b"tRNS", b"\x00\x01")
    assert walk(level, *FIRST, fctl(1, SMALL), fdat(2, B)).frames == 2
    assert walk(level, idat(A), depth=4).frames == 1
    with pytest.raises(Unsupported, match="transparent level"):
        walk(level, *FIRST, fctl(1, SMALL), fdat(2, B), depth=4)


@pytest.mark.parametrize(
    ("colour", "right", "wrong"), [(GREY, (2,), (0, 1, 3, 256)), (RGB, (6,), (0, 5, 7)), (PALETTE, (0, 1, 2), (3, 256))]
)
def test_transparency_of_another_length_is_refused(colour: int, right: tuple[int, ...], wrong: tuple[int, ...]) -> None:
    before = (PLTE,) if colour == PALETTE else ()
    for length in right:
        assert walk(*before, chunk(b"tRNS", bytes(length)), *FIRST, fctl(1, SMALL), fdat(2, B), colour=colour).layers
    for length in wrong:
        still = walk(*before, chunk(b"tRNS", bytes(length)), idat(A), colour=colour)
        assert not still.layers
        with pytest.raises(Undecodable, match="transparency"):
            walk(*before, chunk(b"tRNS", bytes(length)), *FIRST, fctl(1, SMALL), fdat(2, B), colour=colour)


@pytest.mark.parametrize(
    ("before", "right"),
    [((WHOLE, 1), True), ((WHOLE, 0), False), ((WHOLE, 2), False), ((SMALL, 1), False), ((SMALL, 0), False)],
)
def test_a_frame_over_what_is_there_and_then_cleared_is_not_judged(
    before: tuple[tuple[int, int], int], right: bool
) -> None:
    size, dispose = before
    chunks = (
        actl(3), *FIRST[1:], fctl(1, size, dispose=dispose), fdat(2, B), fctl(3, WHOLE, dispose=1, blend=1), fdat(4, A)
    )  # fmt: skip
    if right:
        assert walk(*chunks).frames == 3
    else:
        with pytest.raises(Unsupported, match="over the last one"):
            walk(*chunks)


def test_layers_at_the_limit_and_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_apng, "MAX_LAYERS", 2)
    assert walk(*FIRST, fctl(1, SMALL), fdat(2, B)).frames == 2
    with pytest.raises(TooLarge, match="more than 2 frames"):
        walk(actl(3), *FIRST[1:], fctl(1, SMALL), fdat(2, B), fctl(3, SMALL), fdat(4, B))
