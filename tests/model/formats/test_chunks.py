"""A PNG is walked to its end; what is there twice, out of place or declared falsely is refused."""

from __future__ import annotations

import struct
import zlib

import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.chunks import MAX_CHUNKS, png, png_transparent
from tests.model.samples import ANIMATIONS, STILLS, chunk, encode, pictures
from tests.model.samples import png as make

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def header(depth: int = 8, colour: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, depth, colour, 0, 0, 0))


IHDR, IEND = header(), chunk(b"IEND", b"")
IDAT = chunk(b"IDAT", zlib.compress(b"\x00\x01\x02"))
PLTE, TRNS, GAMA = chunk(b"PLTE", b"\x00" * 6), chunk(b"tRNS", b"\x00\x01"), chunk(b"gAMA", b"\x00\x00\xb1\x8f")
TEXT = chunk(b"tEXt", b"icc_profile\x00not one")


def actl(frames: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", frames, 0))


def fctl(sequence: int) -> bytes:
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, 2, 1, 0, 0, 1, 10, 0, 0))


def fdat(sequence: int) -> bytes:
    return chunk(b"fdAT", sequence.to_bytes(4) + b"\x00" * 5)


FCTL, FDAT = fctl(0), fdat(1)


@pytest.mark.parametrize(
    ("chunks", "frames"),
    [
        ([IHDR, IDAT, IEND], 1),
        ([IHDR, IDAT, IDAT, IDAT, IEND], 1),
        ([IHDR, PLTE, TRNS, GAMA, IDAT, IEND], 1),
        ([IHDR, actl(1), FCTL, IDAT, IEND], 1),
        ([IHDR, actl(2), FCTL, IDAT, IDAT, fctl(1), fdat(2), fdat(3), IEND], 2),
        ([IHDR, actl(1), IDAT, FCTL, FDAT, IEND], 2),
        ([IHDR, actl(2), IDAT, FCTL, FDAT, fctl(2), fdat(3), IEND], 3),
    ],
    ids=["still", "pixels-in-parts", "with-more", "one-frame", "two-frames", "still-apart", "still-apart-from-two"],
)
def test_frames_of_a_png(chunks: list[bytes], frames: int) -> None:
    data = SIGNATURE + b"".join(chunks)
    container = png(data)
    assert (container.end, container.frames, container.readings) == (len(data), frames, (data,))


def test_what_no_viewer_shows_is_left_out() -> None:
    private = chunk(b"prVt", b"private")
    data = SIGNATURE + IHDR + TEXT + private + IDAT + TEXT + IEND
    container = png(data + b"tail")
    assert (container.end, container.frames) == (len(data), 1)
    assert container.readings == (SIGNATURE + IHDR + IDAT + IEND,)


WRONG: dict[str, list[bytes]] = {
    "no-end": [IHDR, IDAT],
    "no-pixels": [IHDR, IEND],
    "no-header": [IDAT, IEND],
    "header-second": [TEXT, IHDR, IDAT, IEND],
    "short-header": [chunk(b"IHDR", IHDR[8:20]), IDAT, IEND],
    "short-header-of-an-animation": [chunk(b"IHDR", IHDR[8:12]), actl(1), FCTL, IDAT, IEND],
    "no-header-of-an-animation": [chunk(b"IHDR", b""), actl(1), FCTL, IDAT, IEND],
    "two-headers": [IHDR, IHDR, IDAT, IEND],
    "two-palettes": [IHDR, PLTE, PLTE, IDAT, IEND],
    "two-transparencies": [IHDR, TRNS, TRNS, IDAT, IEND],
    "transparency-before-palette": [IHDR, TRNS, PLTE, IDAT, IEND],
    "transparency-after-pixels": [IHDR, IDAT, TRNS, IEND],
    "gamma-after-pixels": [IHDR, IDAT, GAMA, IEND],
    "pixels-in-two-places": [IHDR, IDAT, TEXT, IDAT, IEND],
    "no-palette": [header(colour=3), IDAT, IEND],
    "unknown-critical": [IHDR, chunk(b"CgBI", b""), IDAT, IEND],
    "wrong-checksum": [IHDR, IDAT[:-1] + b"\x00", IEND],
    "wrong-checksum-of-text": [IHDR, TEXT[:-1] + b"\x00", IDAT, IEND],
    "too-long": [IHDR, b"\xff\xff\xff\xff" + IDAT[4:], IEND],
    "not-declared": [IHDR, FCTL, IDAT, fctl(1), fdat(2), IEND],
    "declared-after-pixels": [IHDR, IDAT, actl(1), IEND],
    "declared-twice": [IHDR, actl(1), actl(1), FCTL, IDAT, IEND],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_png_that_is_refused(name: str) -> None:
    with pytest.raises(Undecodable):
        png(SIGNATURE + b"".join(WRONG[name]))


def test_sixteen_bits_with_a_transparent_colour_are_not_judged() -> None:
    six = chunk(b"tRNS", b"\x00" * 6)
    with pytest.raises(Unsupported):
        png(SIGNATURE + header(16, 2) + six + IDAT + IEND)
    assert png(SIGNATURE + header(8, 2) + six + IDAT + IEND).frames == 1
    assert png(SIGNATURE + header(16, 2) + IDAT + IEND).frames == 1


def test_chunks_are_counted_up_to_the_limit() -> None:
    small = chunk(b"teXt", b"")
    assert png(SIGNATURE + IHDR + small * (MAX_CHUNKS - 3) + IDAT + IEND).frames == 1
    with pytest.raises(Undecodable, match="too many"):
        png(SIGNATURE + IHDR + small * (MAX_CHUNKS - 2) + IDAT + IEND)


@pytest.mark.parametrize(
    ("depth", "colour", "samples", "transparent"),
    [
        (1, 0, (1,), 255),
        (1, 0, (0xFFFE,), 0),
        (2, 0, (2,), 170),
        (2, 0, (0xFFFE,), 170),
        (4, 0, (0x15,), 5 * 17),
        (8, 0, (0x1FF,), 255),
        (16, 0, (0x1FF,), 0x1FF),
        (8, 2, (1, 0x102, 0xFF03), (1, 2, 3)),
        (2, 3, (1,), None),
        (8, 4, (1,), None),
        (8, 6, (1, 2, 3), None),
    ],
)
def test_samples_that_are_transparent(
    depth: int, colour: int, samples: tuple[int, ...], transparent: int | tuple[int, ...] | None
) -> None:
    """As many bits of each as the pixels have, spread as Pillow spreads those."""
    trns = chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))
    assert png_transparent(make(b"", 1, 1, depth, colour, before=GAMA + trns)) == transparent
    assert png_transparent(make(b"", 1, 1, depth, colour, before=GAMA)) is None


def test_what_pillow_writes_is_whole() -> None:
    assert png(ANIMATIONS["apng"]()).frames == 4
    assert png(encode(pictures(4), "PNG", default_image=True)).frames == 4
    assert png(STILLS["png-many-idat"]()).frames == 1


@pytest.mark.parametrize(("kind", "most"), [(b"PLTE", 3 * 256), (b"tRNS", 256)])
def test_what_every_frame_gets_a_copy_of_is_short(kind: bytes, most: int) -> None:
    def data(length: int) -> bytes:
        return SIGNATURE + b"".join(
            [header(colour=3), PLTE[: 99 * (kind != b"PLTE")], chunk(kind, bytes(length)), IDAT, IEND]
        )

    assert png(data(most)).frames == 1
    with pytest.raises(Undecodable, match="longer than it may be"):
        png(data(most + 1))


def test_compressed_pixels_are_not_much_longer_than_the_pixels() -> None:
    spare = chunk(b"IDAT", bytes(4000))
    assert png(SIGNATURE + b"".join([IHDR, IDAT, spare, IEND])).frames == 1
    with pytest.raises(Undecodable, match="2 x 1 pixels"):
        png(SIGNATURE + b"".join([IHDR, IDAT, spare, spare, IEND]))


def test_compressed_metadata_is_short_too() -> None:
    packed = chunk(b"zTXt", b"word\x00\x00" + zlib.compress(bytes(17 * 1024 * 1024)))
    with pytest.raises(TooLarge, match="unpacked"):
        png(SIGNATURE + b"".join([IHDR, packed, IDAT, IEND]))
