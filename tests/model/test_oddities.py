"""Odd files of innocent people pass: what phones, stickers' makers and old programs write into animations and PNGs.

Each is judged as FFmpeg or the pictures that it was made of show it. The files follow what the named programs write;
none of these programs is needed here.
"""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from model.decode import decode
from model.formats.media import GIF, PNG, MediaType
from model.formats.sniff import sniff
from model.preprocess import ViewSpec
from tests.model.agreement import LIMITS, distance, judged_frames, over, rgba
from tests.model.apng_parts import END as PNG_END
from tests.model.apng_parts import RGBA, actl, adam7, apng, fctl, fdat, idat, pixels
from tests.model.apng_parts import Frame as PngFrame
from tests.model.apng_parts import header as png_header
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.gif_parts import LOOP, TRAILER, Colour, Frame, extension, header, plain
from tests.model.samples import chunk, encode, picture
from tests.model.samples import pictures as several

SPEC = ViewSpec(8, 8, 1.0, "squash", "bilinear")
COLOURS: tuple[Colour, ...] = ((0, 0, 0), (255, 255, 255), (220, 30, 30), (30, 30, 220))
BACKDROP = Frame(tuple(tuple((x + y) % 4 for x in range(12)) for y in range(9)))
CONTROL = BACKDROP.blocks()[:8]
UPSIDE_DOWN = replace(BACKDROP, rows=BACKDROP.rows[::-1])
DOT = replace(plain(3, 2, 2), left=4, top=5)
HOLES = replace(Frame(((2, 0, 2), (0, 2, 0))), left=6, top=1, transparent=0)
XMP = b"!\xff\x0bXMP DataXMP<x:xmpmeta xmlns:x='adobe:ns:meta/'/>\x01" + bytes(range(255, -1, -1)) + b"\x00"
PHOTOSHOP = extension(0xFF, b"ADOBE:IR1.0", b"\x02\xde\xad")
MAGICK = extension(0xFE, b"Created with ImageMagick")


def gif(*frames: Frame, before: bytes = LOOP, between: bytes = b"", after: bytes = b"", background: int = 0) -> bytes:
    blocks = between.join(frame.blocks() for frame in frames)
    return header(12, 9, COLOURS, background) + before + blocks + after + TRAILER


GIFS = {
    "gifsicle-optimised": gif(BACKDROP, DOT, HOLES, replace(DOT, left=0)),
    "gifsicle-disposal-asis": gif(*(replace(frame, disposal=1) for frame in (BACKDROP, DOT, HOLES))),
    "sprite-on-a-background": gif(BACKDROP, *(replace(DOT, left=x, disposal=3) for x in range(5))),
    "sprite-on-nothing": gif(*(replace(HOLES, left=x, disposal=2) for x in range(6))),
    "photoshop": gif(
        replace(BACKDROP, transparent=3, disposal=2), replace(HOLES, disposal=2), before=LOOP + XMP + PHOTOSHOP
    ),
    "imagemagick": gif(replace(BACKDROP, disposal=2), UPSIDE_DOWN, before=MAGICK + LOOP),
    "comments-everywhere": gif(BACKDROP, DOT, between=MAGICK + XMP, after=MAGICK, before=MAGICK),
    "loop-behind-the-first-control": gif(BACKDROP, DOT, before=b"").replace(CONTROL, CONTROL + LOOP, 1),
    "no-delay": gif(*(replace(frame, delay=0) for frame in (BACKDROP, DOT, HOLES))),
    "local-colours": gif(BACKDROP, replace(DOT, colours=COLOURS[::-1])),
    "interlaced": gif(replace(BACKDROP, interlaced=True), DOT),
    "first-smaller": gif(replace(DOT, transparent=1), DOT, background=3),
    "one-frame": gif(BACKDROP),
    "87a": b"GIF87a" + gif(BACKDROP, before=b"")[6:],
}


@pytest.mark.parametrize("name", GIFS)
def test_gifs(name: str) -> None:
    judged, theirs = judged_frames(GIFS[name]), ffmpeg_frames(GIFS[name], GIF)
    assert len(judged) == len(theirs) == GIFS[name].count(b"!\xf9\x04")
    for mine, other in zip(judged, theirs, strict=True):
        assert np.array_equal(over(other, 255), over(mine, 255)) or np.array_equal(other[..., :3], mine[..., :3])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_zeros_behind_an_animation_are_cut_off(kind: str) -> None:
    data = encode(several(3), kind)
    media = sniff(data)
    assert media
    views = decode(data + b"\x00" * 100, media, LIMITS, [SPEC])
    assert (views.frames, views.trailing) == (3, 100)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "JPEG"])
def test_one_pixel(kind: str) -> None:
    for colours in ((200, 10, 30), (200, 10, 30, 0)):
        image = Image.new("RGBA", (1, 1), colours)
        data = encode(image.convert("RGB") if kind == "JPEG" else image, kind)
        assert [frame.shape for frame in judged_frames(data)] == [(1, 1, 4)]
    frames = [Image.new("RGB", (1, 1), (shade, 0, 0)) for shade in (0, 100, 255)]
    if kind != "JPEG":
        assert len(judged_frames(encode(frames, kind))) in (3, 4)


def test_an_interlaced_png() -> None:
    colours = rgba(picture(0, "RGBA"))
    data = png_header(48, 40, 8, RGBA, interlaced=True) + idat(adam7(colours)) + PNG_END
    (judged,) = judged_frames(data)
    assert np.array_equal(judged, colours)


def test_an_interlaced_apng() -> None:
    one, two = rgba(picture(0, "RGBA")), rgba(picture(1, "RGBA"))
    data = png_header(48, 40, 8, RGBA, interlaced=True) + actl(2) + fctl(0, (48, 40)) + idat(adam7(one))
    data += fctl(1, (48, 40)) + fdat(2, adam7(two)) + PNG_END
    judged = judged_frames(data)
    assert all(np.array_equal(mine, other) for mine, other in zip(judged, (one, two), strict=True))


SCREENSHOT = [
    chunk(b"sRGB", b"\x00"),
    chunk(b"iDOT", struct.pack(">7I", 2, 0, 20, 40, 20, 20, 99)),
    chunk(b"eXIf", b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"),
    chunk(b"pHYs", struct.pack(">IIB", 5669, 5669, 1)),
    chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00<x:xmpmeta/>"),
    chunk(b"tEXt", b"Software\x00Android"),
    chunk(b"tIME", b"\x07\xe9\x01\x02\x03\x04\x05"),
]
"""What iPhones and Androids write beside the pixels."""


def test_a_phones_screenshot() -> None:
    colours = rgba(picture(0, "RGBA"))
    still = png_header(48, 40, 8, RGBA) + b"".join(SCREENSHOT) + idat(pixels(colours, 8)) + SCREENSHOT[-1] + PNG_END
    (judged,) = judged_frames(still)
    assert np.array_equal(judged, colours)
    moving = apng([PngFrame(colours), PngFrame(colours[:9, :9])], before=b"".join(SCREENSHOT))
    assert len(judged_frames(moving)) == len(ffmpeg_frames(moving, PNG)) == 2


def sticker(shift: int) -> Image.Image:
    """A ball on nothing, with a soft edge."""
    y, x = np.mgrid[:32, :32]
    alpha = np.clip((8 - np.hypot(x - 8 - shift, y - 16)) * 100, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([np.full_like(alpha, shade) for shade in (250, 180, 20)] + [alpha]))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_stickers(kind: str, disposal: int, blend: int) -> None:
    images = [sticker(shift) for shift in range(0, 16, 4)]
    options: dict[str, object] = {"disposal": disposal, "blend": blend} if kind == "PNG" else {"lossless": True}
    data = encode(images, kind, duration=50, **options)
    judged = judged_frames(data)
    assert len(judged) == 4
    if kind == "WEBP" or not blend:
        assert all(distance(mine, rgba(image)) <= 1 for mine, image in zip(judged, images, strict=True))
    if kind == "PNG":
        theirs = ffmpeg_frames(data, PNG)
        assert all(distance(mine, other) <= 2 for mine, other in zip(judged, theirs, strict=True))


def test_a_sticker_that_goes_back_to_its_background() -> None:
    """As apngasm and the makers of messengers' stickers write it: small frames over the first, and back again."""
    ball = rgba(sticker(0))
    background = np.full((32, 32, 4), (20, 90, 40, 255), np.uint8)
    moves = [PngFrame(ball[8:25, :17], (shift, 8), dispose=2, blend=1) for shift in (0, 5, 11)]
    data = apng([PngFrame(background), *moves])
    judged, theirs = judged_frames(data), ffmpeg_frames(data, PNG)
    assert len(judged) == len(theirs) == 4
    assert all(distance(mine, other) <= 2 for mine, other in zip(judged, theirs, strict=True))


@pytest.mark.parametrize(
    ("codec", "container", "pixel_format", "media"),
    [
        ("apng", "apng", "rgba", PNG),
        ("apng", "apng", "rgb24", PNG),
        ("gif", "gif", "rgb8", GIF),
        ("gif", "gif", "bgr8", GIF),
    ],
)
def test_what_ffmpeg_writes(codec: str, container: str, pixel_format: str, media: MediaType) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 48, 40, pixel_format
        for image in several(5):
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24").reformat(format=pixel_format)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    data = out.getvalue()
    judged, theirs = judged_frames(data), ffmpeg_frames(data, media)
    assert len(judged) == len(theirs) == 5
    assert all(distance(mine, other) <= 2 for mine, other in zip(judged, theirs, strict=True))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_apngs_that_pillow_writes(mode: str) -> None:
    images = several(4, mode)
    judged = judged_frames(encode(images, "PNG", duration=50))
    assert len(judged) == 4
    assert all(distance(mine, rgba(image)) <= 1 for mine, image in zip(judged, images, strict=True))
