"""Files in which two decoders see different pictures are refused, or judged in every way in which they can be seen.

Each case is a file made by hand. It is shown first that Pillow and FFmpeg, each given the file as it is, do not see the
same frames; then that the filter refuses it, or judges the frames of both.
"""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from av.error import FFmpegError
from PIL import Image

from model.decode import decode
from model.errors import Undecodable, Unsupported
from model.formats.media import AVIF, GIF, JPEG, PNG, WEBP, MediaType
from model.formats.sniff import sniff
from model.preprocess import ViewSpec
from tests.model.agreement import LIMITS, Pixels, distance, judged_frames, rgba
from tests.model.apng_parts import END, GREY, RGBA, actl, adam7, apng, fctl, fdat, header, idat, pixels
from tests.model.apng_parts import Frame as PngFrame
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.gif_parts import LOOP, TRAILER, Frame, control, extension, plain, u16
from tests.model.gif_parts import header as gif_header
from tests.model.samples import chunk, encode, picture
from tests.model.samples import pictures as several
from tests.model.webp_parts import ALPHA, ANIMATED, anim, anmf, image, riff, vp8x

ROUNDING = 3
"""Levels of 255 that are no difference."""
SPEC = ViewSpec(8, 8, 1.0, "squash", "bilinear")

COLOURS = ((250, 0, 0), (0, 200, 0), (0, 0, 250), (255, 255, 255))
HEAD = gif_header(4, 3, COLOURS)
RED, GREEN, BLUE = (plain(4, 3, index) for index in range(3))
HALF = plain(2, 3, 1)


def pillow_frames(data: bytes, media: MediaType) -> list[Pixels]:
    """As Pillow sees the file, without the filter; up to the frame at which it stops."""
    frames: list[Pixels] = []
    try:
        with Image.open(io.BytesIO(data), formats=[str(media.pillow)]) as opened:
            for number in range(getattr(opened, "n_frames", 1)):
                opened.seek(number)
                opened.load()
                frames.append(rgba(opened))
    except (OSError, SyntaxError, ValueError, EOFError):
        pass
    return frames


def ffmpeg_sees(data: bytes, media: MediaType) -> list[Pixels]:
    try:
        return ffmpeg_frames(data, media, forgive=True)
    except (FFmpegError, IndexError):
        return []


def alike(one: list[Pixels], other: list[Pixels]) -> bool:
    return len(one) == len(other) and all(distance(a, b) <= ROUNDING for a, b in zip(one, other, strict=True))


def gif(*blocks: bytes) -> bytes:
    return HEAD + b"".join(blocks)


PLENTY = Frame(((0, 0, 0, 9),) * 3, colours=COLOURS[:2], bits=8)
GIFS = {
    "junk-between": gif(RED.blocks(), b"junk", GREEN.blocks(), TRAILER),
    "zero-between": gif(RED.blocks(), b"\x00", GREEN.blocks(), TRAILER),
    "cut-last-frame": gif(RED.blocks(), GREEN.blocks()[:-3]),
    "cut-pixels": gif(RED.blocks(), control(), GREEN.image()[:10], plain(4, 1, 1).image()[10:], TRAILER),
    "empty-extension": gif(RED.blocks(), extension(0xCE), GREEN.blocks(), BLUE.blocks(), TRAILER),
    "empty-comment": gif(RED.blocks(), extension(0xFE), GREEN.blocks(), BLUE.blocks(), TRAILER),
    "no-extension": gif(RED.image(), GREEN.image(), TRAILER),
    "beyond-the-screen": gif(RED.blocks(), replace(GREEN, left=2).blocks(), TRAILER),
    "larger-than-the-screen": gif(plain(9, 9, 1).blocks(), TRAILER),
    "no-colours": gif_header(4, 3) + RED.blocks() + TRAILER,
    "no-size": gif(LOOP, control(), b"," + u16(0, 0, 0, 3) + RED.image()[9:], GREEN.blocks(), TRAILER),
    "colour-of-an-earlier-table": gif(replace(RED, colours=COLOURS * 64).blocks(), PLENTY.blocks(), TRAILER),
    "one-bit": gif(RED.blocks(), control(), GREEN.image()[:10] + b"\x01\x02\x28\x91\x00", TRAILER),
}
"""Refused."""

CLEARED = (replace(RED, disposal=2), plain(1, 1, 2), plain(1, 1, 3))
COMPOSED = {
    "smaller-than-the-screen": gif(HALF.blocks(), TRAILER),
    "cleared": gif(*(frame.blocks() for frame in CLEARED), TRAILER),
    "no-disposal-behind-one": gif(replace(RED, disposal=2).blocks(), HALF.blocks(), plain(1, 1, 2).blocks(), TRAILER),
    "previous-first": gif(replace(HALF, disposal=3).blocks(), plain(1, 1, 2).blocks(), TRAILER),
}
"""Composed in more than one way, none of them hidden: FFmpeg's frames are among the views."""

A, B, C = (np.random.default_rng(seed).integers(0, 256, (3, 4, 4), dtype=np.uint8) for seed in range(3))
PIX = [pixels(samples, 8) for samples in (A, B, C)]
TOP, SIZE = header(4, 3, 8, RGBA), (4, 3)
ONE = fctl(0, SIZE) + idat(PIX[0])
SMALL = pixels(B[:1, :2], 8)
FEW = PngFrame(np.ones((3, 4, 1), np.uint8)), PngFrame(np.full((2, 2, 1), 3, np.uint8), (1, 1))
LEVELS = PngFrame((np.indices((3, 4)).sum(axis=0)[..., None] % 4).astype(np.uint8))
OTHERS = PngFrame(np.full((3, 4, 1), 7, np.uint8), blend=1)
BROKEN = bytes([*PIX[1][:-1], PIX[1][-1] ^ 1])
SHORT = pixels(B[:1], 8)
APNGS = {
    "rows-missing": TOP + actl(2) + ONE + fctl(1, SIZE) + fdat(2, SHORT) + END,
    "declares-fewer": TOP + actl(1) + ONE + fctl(1, SIZE) + fdat(2, PIX[1]) + END,
    "declares-none": TOP + actl(0) + ONE + fctl(1, SIZE) + fdat(2, PIX[1]) + END,
    "hole": TOP + actl(2) + ONE + fctl(5, SIZE) + fdat(6, PIX[1]) + END,
    "unfinished-pixels": TOP + actl(3) + ONE + fctl(1, SIZE) + fdat(2, BROKEN) + fctl(3, (2, 1)) + fdat(4, SMALL) + END,
    "few-bits-and-a-place": apng(FEW, 2, GREY),
    "transparency-too-long": apng([LEVELS, OTHERS], 8, GREY, chunk(b"tRNS", b"\x00\x07\x00")),
    "over-and-cleared": apng([PngFrame(A), PngFrame(B, dispose=1, blend=1)]),
    "unknown-operation": TOP + actl(2) + ONE + fctl(1, SIZE, blend=9) + fdat(2, PIX[1]) + END,
}

SOFT = rgba(picture(5, "RGB", (48, 40)))
PNGS = {
    "rows-missing": header(48, 40) + idat(pixels(SOFT[:20], 8)) + END,
    "passes-missing": header(48, 40, interlaced=True) + idat(adam7(SOFT, passes=4)) + END,
}

PICTURES = [image(picture(seed, "RGB", (6, 4)), lossless=True) for seed in range(3)]
LITTLE = image(picture(4, "RGB", (2, 2)), lossless=True)
WITH_ALPHA = image(picture(0, "RGBA", (6, 4)), quality=90)
COLOURS_ONLY = WITH_ALPHA[WITH_ALPHA.index(b"VP8 ") :]
WEBPS = {
    "canvas-larger": riff(vp8x((9, 9), 0), PICTURES[0]),
    "canvas-smaller": riff(vp8x((2, 2), 0), PICTURES[0]),
    "frames-and-still": riff(vp8x((6, 4), ANIMATED), anim(), anmf(PICTURES[1], (6, 4)), PICTURES[0]),
    "two-stills": riff(vp8x((6, 4), 0), PICTURES[0], PICTURES[1], anmf(PICTURES[2], (6, 4))),
    "alpha-not-announced": riff(vp8x((6, 4), 0), WITH_ALPHA),
    "alpha-behind": riff(vp8x((6, 4), ALPHA), COLOURS_ONLY, WITH_ALPHA[: WITH_ALPHA.index(b"VP8 ")]),
    "still-that-moves": riff(vp8x((6, 4), ANIMATED), anim(), PICTURES[0]),
    "frame-beyond-the-canvas": riff(vp8x((6, 4), ANIMATED), anim(), anmf(PICTURES[0], (6, 4), (2, 0)), PICTURES[0]),
    "two-pictures-in-a-frame": riff(
        vp8x((6, 4), ANIMATED), anim(), anmf(PICTURES[0] + PICTURES[1], (6, 4)), PICTURES[0]
    ),
}
REFUSED = (
    [(GIF, GIFS[name], f"gif-{name}") for name in GIFS]
    + [(PNG, APNGS[name], f"apng-{name}") for name in APNGS]
    + [(PNG, PNGS[name], f"png-{name}") for name in PNGS]
    + [(WEBP, WEBPS[name], f"webp-{name}") for name in WEBPS]
)


ALIKE = {
    "early-trailer": gif(RED.blocks(), GREEN.blocks(), TRAILER, BLUE.blocks(), TRAILER),
    "declares-more": TOP + actl(3) + ONE + fctl(1, SIZE) + fdat(2, PIX[1]) + END,
    "still-behind-a-frame": TOP + actl(2) + ONE + fctl(1, SIZE) + fdat(2, PIX[1]) + idat(PIX[2]) + END,
    "two-controls": TOP + actl(2) + ONE + fctl(1, (2, 1)) + fctl(2, SIZE) + fdat(3, PIX[1]) + END,
    "beyond-the-canvas": TOP + actl(2) + ONE + fctl(1, (2, 1), (3, 0)) + fdat(2, SMALL) + END,
    "wrong-checksum": TOP + actl(2) + ONE[:-1] + bytes([ONE[-1] ^ 1]) + fctl(1, SIZE) + fdat(2, PIX[1]) + END,
    "cut-apng": (TOP + actl(2) + ONE + fctl(1, SIZE) + fdat(2, PIX[1]))[:-9],
    "few-bits-and-a-transparent-level": apng([LEVELS], 2, GREY, chunk(b"tRNS", b"\x00\x01")),
    "still-and-frames": riff(vp8x((6, 4), 0), PICTURES[0], anim(), anmf(PICTURES[1], (6, 4))),
    "header-behind": riff(PICTURES[0], vp8x((6, 4), 0)),
}
"""Of these Pillow and FFmpeg happen to show the same, but not all that is there, or not as browsers do."""


@pytest.mark.parametrize("name", ALIKE)
def test_what_both_read_in_part_is_refused(name: str) -> None:
    media = sniff(ALIKE[name])
    assert media
    assert alike(pillow_frames(ALIKE[name], media), ffmpeg_sees(ALIKE[name], media))
    with pytest.raises((Undecodable, Unsupported)):
        decode(ALIKE[name], media, LIMITS, [SPEC])


SEEN_BY_ONE_ALONE = {
    *("gif-no-colours", "gif-no-size", "png-rows-missing", "png-passes-missing", "webp-canvas-larger"),
    *("webp-canvas-smaller", "webp-frames-and-still", "webp-two-stills", "webp-alpha-behind", "webp-still-that-moves"),
    *("webp-frame-beyond-the-canvas", "webp-two-pictures-in-a-frame"),
}
"""In which one of them sees no frame at all; in all others both see some, and others."""


@pytest.mark.filterwarnings("ignore:Invalid APNG")
@pytest.mark.parametrize(("media", "data", "name"), REFUSED, ids=[case[2] for case in REFUSED])
def test_what_two_decoders_see_differently_is_refused(media: MediaType, data: bytes, name: str) -> None:
    one, other = pillow_frames(data, media), ffmpeg_sees(data, media)
    assert not alike(one, other)
    assert bool(one and other) is (name not in SEEN_BY_ONE_ALONE)
    assert sniff(data) is media
    with pytest.raises((Undecodable, Unsupported)):
        decode(data, media, LIMITS, [SPEC])


@pytest.mark.parametrize("name", COMPOSED)
def test_a_gif_that_is_composed_in_two_ways_is_judged_in_both(name: str) -> None:
    data = COMPOSED[name]
    theirs = ffmpeg_frames(data, GIF)
    judged = judged_frames(data)
    assert not alike(pillow_frames(data, GIF), judged) or not alike(theirs, judged)
    assert len(judged) == len(theirs)
    for mine, other in zip(judged, theirs, strict=True):
        assert np.array_equal(other[..., :3], mine[..., :3]) or distance(mine, other) == 0


def test_a_frame_that_ffmpeg_only_sees_in_a_larger_webp_is_refused() -> None:
    """FFmpeg and libwebp cannot be compared where FFmpeg decodes nothing; the frame alone has another size."""
    data = riff(vp8x((6, 4), ANIMATED), anim(), anmf(LITTLE, (6, 4)))
    assert [frame.shape for frame in pillow_frames(data, WEBP)] == [(4, 6, 4)]
    with pytest.raises(Undecodable, match="another size"):
        decode(data, WEBP, LIMITS, [SPEC])


def boxes(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 0
    while at < len(data):
        end = at + int.from_bytes(data[at : at + 4])
        found[data[at + 4 : at + 8]] = data[at:end]
        at = end
    return found


def moved(box: bytes, old: int, new: int) -> bytes:
    """A box in which one place of the file is another."""
    assert box.count(old.to_bytes(4)) == 1
    return box.replace(old.to_bytes(4), new.to_bytes(4))


def still_and_track(major: bytes) -> bytes:
    """An AVIF with a red still and a track of green and blue."""
    red, green, blue = (Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue"))
    still, track = encode(red, "AVIF", speed=10), encode([green, blue], "AVIF", speed=10)
    one, two = boxes(still), boxes(track)
    brands = two[b"ftyp"][:8] + major + two[b"ftyp"][12:]
    first = len(brands) + len(one[b"meta"]) + len(two[b"moov"]) + 8
    meta = moved(one[b"meta"], still.index(one[b"mdat"]) + 8, first)
    moov = moved(two[b"moov"], track.index(two[b"mdat"]) + 8, first + len(one[b"mdat"]))
    return brands + meta + moov + one[b"mdat"] + two[b"mdat"]


def colour(frame: Pixels) -> str:
    return ("red", "lime", "blue")[int(frame[0, 0, :3].argmax())]


def test_a_still_and_a_track_of_other_pictures_are_both_judged() -> None:
    as_still, as_track = still_and_track(b"avif"), still_and_track(b"avis")
    assert [colour(frame) for frame in pillow_frames(as_still, AVIF)] == ["red"]
    assert [colour(frame) for frame in pillow_frames(as_track, AVIF)] == ["lime", "blue"]
    for data in (as_still, as_track):
        theirs = {colour(frame) for stream in range(2) for frame in ffmpeg_frames(data, AVIF, stream)}
        assert theirs == {"red", "lime", "blue"}
        assert [colour(frame) for frame in judged_frames(data)] == ["red", "lime", "blue"]


@pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO")
def test_a_second_picture_that_only_one_decoder_sees_is_cut_off() -> None:
    whole = encode(several(2), "MPO")
    assert len(pillow_frames(whole, JPEG)) == len(ffmpeg_frames(whole, JPEG)) == len(judged_frames(whole)) == 2
    data = whole.replace(b"MPF\x00II*\x00", b"MPF\x00XX*\x00")
    assert (len(pillow_frames(data, JPEG)), len(ffmpeg_frames(data, JPEG))) == (1, 2)
    views = decode(data, JPEG, LIMITS, [SPEC])
    forwarded = data[: len(data) - views.trailing]
    assert views.frames == len(judged_frames(data)) == len(ffmpeg_frames(forwarded, JPEG)) == 1
