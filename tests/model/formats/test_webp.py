"""A WebP is walked to its end; what is there twice, out of place, or said in two ways that differ is refused."""

from __future__ import annotations

import pytest
from PIL import Image

from model.errors import Undecodable
from model.formats.webp import MAX_CHUNKS, webp
from tests.model.samples import ANIMATIONS, STILLS, encode, picture
from tests.model.webp_parts import ALPHA, ANIMATED, anim, anmf, chunk, image, riff, vp8x

SIZE = (6, 4)
LOSSY, LOSSLESS = (image(picture(size=SIZE), lossless=lossless) for lossless in (False, True))
LOSSY_ALPHA, LOSSLESS_ALPHA = (image(picture(0, "RGBA", SIZE), lossless=lossless) for lossless in (False, True))
SMALL = image(Image.new("RGB", (2, 2)))
OTHER = chunk(b"oThR", b"abc")
STILL, MOVING = vp8x(SIZE, 0), vp8x(SIZE, ANIMATED | ALPHA)
FRAME, CORNER = anmf(LOSSY, SIZE), anmf(SMALL, (2, 2), (4, 2))
AT = LOSSY_ALPHA.index(b"VP8 ")
ALPH, COLOURS = LOSSY_ALPHA[:AT], LOSSY_ALPHA[AT:]
VP8L_ALPHA = ALPH + LOSSLESS


@pytest.mark.parametrize(
    "data",
    [
        riff(chunk(b"VP8X", b"")),
        riff(STILL, chunk(b"VP8L", b"/\x00\x00\x00")),
        riff(MOVING, anim(), anmf(chunk(b"VP8L", b"/"), SIZE)),
        riff(vp8x(SIZE, ANIMATED), anim(), anmf(chunk(b"VP8L", b""), SIZE)),
    ],
    ids=["header", "still", "frame", "empty"],
)
def test_a_chunk_at_the_end_that_is_too_short(data: bytes) -> None:
    with pytest.raises(Undecodable, match="too short"):
        webp(data)


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (riff(LOSSY), 1),
        (riff(LOSSLESS), 1),
        (riff(LOSSLESS_ALPHA), 1),
        (riff(LOSSY, OTHER), 1),
        (riff(STILL, LOSSY), 1),
        (riff(vp8x(SIZE, ALPHA), chunk(b"ICCP", b"x"), LOSSY_ALPHA, chunk(b"EXIF", b"x"), chunk(b"XMP ", b"x")), 1),
        (riff(vp8x(SIZE, ALPHA), LOSSLESS_ALPHA), 1),
        (riff(vp8x(SIZE, ALPHA), OTHER, LOSSLESS, OTHER), 1),
        (riff(MOVING, anim(), FRAME, OTHER, FRAME), 2),
        (riff(MOVING, anim(), anmf(LOSSY_ALPHA + OTHER, SIZE), anmf(LOSSLESS_ALPHA, SIZE), CORNER), 3),
    ],
    ids=[
        "lossy",
        "lossless",
        "lossless-alpha",
        "more-behind",
        "extended",
        "all",
        "announced",
        "other",
        "moving",
        "mixed",
    ],
)
def test_frames_of_a_webp(data: bytes, frames: int) -> None:
    container = webp(data + b"tail")
    assert (container.end, container.frames, container.readings) == (len(data), frames, (data,))
    assert container.canvas == SIZE


def test_the_decoder_is_told_that_an_animation_has_alpha() -> None:
    plain = riff(vp8x(SIZE, ANIMATED), anim(), FRAME)
    assert webp(plain + b"tail").readings == (riff(MOVING, anim(), FRAME),)
    assert webp(riff(STILL, LOSSY)).readings == (riff(STILL, LOSSY),)


WRONG = {
    "cut": riff(LOSSY)[:-1],
    "cut-chunk": riff(LOSSY, length=len(LOSSY)),
    "too-long": riff(LOSSY, length=2**32 - 2),
    "nothing": riff(STILL),
    "no-header": riff(OTHER, LOSSY),
    "two-stills": riff(LOSSY, LOSSLESS),
    "two-stills-of-a-kind": riff(STILL, LOSSY, LOSSY),
    "still-and-animation": riff(MOVING, LOSSY, anim(), FRAME),
    "alpha-and-animation": riff(MOVING, ALPH, anim(), FRAME),
    "simple-and-animation": riff(LOSSY, anim(), FRAME),
    "simple-with-alpha": riff(LOSSY, ALPH),
    "header-second": riff(LOSSY, STILL),
    "two-headers": riff(STILL, STILL, LOSSY),
    "two-profiles": riff(STILL, chunk(b"ICCP", b"x"), chunk(b"ICCP", b"y"), LOSSY),
    "two-exifs": riff(STILL, LOSSY, chunk(b"EXIF", b"x"), chunk(b"EXIF", b"y")),
    "two-beginnings": riff(MOVING, anim(), anim(), FRAME),
    "larger-canvas": riff(vp8x((8, 8), 0), LOSSY),
    "smaller-canvas": riff(vp8x((2, 2), 0), LOSSY),
    "alpha-twice": riff(vp8x(SIZE, ALPHA), ALPH, LOSSY_ALPHA),
    "alpha-behind": riff(vp8x(SIZE, ALPHA), COLOURS, ALPH),
    "alpha-of-lossless": riff(vp8x(SIZE, ALPHA), VP8L_ALPHA),
    "alpha-not-announced": riff(STILL, LOSSY_ALPHA),
    "lossless-alpha-not-announced": riff(STILL, LOSSLESS_ALPHA),
    "short-header": riff(chunk(b"VP8X", b"\x00" * 9), LOSSY),
    "short-picture": riff(chunk(b"VP8 ", b"\x00" * 9)),
    "short-lossless": riff(chunk(b"VP8L", b"\x2f\x00\x00\x00")),
    "frame-of-two-pictures": riff(MOVING, anim(), anmf(LOSSY + LOSSLESS, SIZE)),
    "frame-without-picture": riff(MOVING, anim(), anmf(b"", SIZE)),
    "frame-with-alpha-twice": riff(MOVING, anim(), anmf(ALPH + LOSSY_ALPHA, SIZE)),
    "frame-with-alpha-behind": riff(MOVING, anim(), anmf(COLOURS + ALPH, SIZE)),
    "frame-with-alpha-not-announced": riff(vp8x(SIZE, ANIMATED), anim(), anmf(LOSSY_ALPHA, SIZE)),
    "frame-larger-than-its-picture": riff(MOVING, anim(), anmf(SMALL, SIZE)),
    "frame-smaller-than-its-picture": riff(MOVING, anim(), anmf(LOSSY, (2, 2))),
    "frame-beyond-the-right": riff(MOVING, anim(), anmf(LOSSY, SIZE, (2, 0))),
    "frame-beyond-the-bottom": riff(MOVING, anim(), anmf(LOSSY, SIZE, (0, 2))),
    "frame-cut": riff(MOVING, anim(), anmf(LOSSY[:-2], SIZE)),
    "short-frame": riff(MOVING, anim(), chunk(b"ANMF", b"\x00" * 15)),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_webp_that_is_refused(name: str) -> None:
    with pytest.raises(Undecodable):
        webp(WRONG[name])


def test_chunks_are_counted_up_to_the_limit() -> None:
    nothing = chunk(b"JUNK", b"")
    assert webp(riff(LOSSY, nothing * (MAX_CHUNKS - 1))).frames == 1
    with pytest.raises(Undecodable, match="too many"):
        webp(riff(LOSSY, nothing * MAX_CHUNKS))


def test_what_pillow_writes_is_whole() -> None:
    assert webp(ANIMATIONS["webp-animated"]()).frames == 4
    assert webp(ANIMATIONS["webp-animated-alpha"]()).frames == 4
    assert all(webp(STILLS[name]()).frames == 1 for name in STILLS if name.startswith("webp"))
    assert webp(encode(picture(), "WEBP", exif=b"Exif\x00\x00x", icc_profile=b"abc")).frames == 1
