"""The picture somewhere in a file that begins with an ordinary one, or under what hides it.

PNGs (8 bit RGB) in, the file out: `file` is the picture, `other` the ordinary one.
"""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from tests.bench.encodings import opened
from tests.model.samples import encode

FRAMES = 300
SIDE = 256
"""Pixels of the longer side of an animation or video, rounded to even numbers: 300 frames are soon made and read."""
DIFFERENT = 5
"""Ordinary frames that differ from each other, by where a spot is: nothing joins equal neighbours into one."""
SPOT = 12
INSET = 4
"""The picture surrounding is so many times as wide and as high: 1/16 of the area."""
STRIP = 20
RATE, SECONDS, SHOWN = 10, 20, 10
"""Of a video: frames a second, length, and the second from which on the picture is shown, for one second."""
QUICK = {"libx264": {"preset": "veryfast"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}
"""Options of FFmpeg's encoders that make them quick at the price of size."""


def under_alpha(file: bytes) -> bytes:
    """A PNG whose colours are the picture, all of it transparent."""
    image = opened(file)
    image.putalpha(0)
    return encode(image, "PNG")


def ink(file: bytes, on_white: bool) -> bytes:
    """A PNG of one colour whose alpha is the picture in grey: black ink to be seen on white, or white on black."""
    grey = opened(file).convert("L")
    page = Image.new("RGB", grey.size, "black" if on_white else "white")
    page.putalpha(ImageOps.invert(grey) if on_white else grey)
    return encode(page, "PNG")


def one_frame(file: bytes, other: bytes, kind: str, at: int) -> bytes:
    """An animation of FRAMES ordinary frames in Pillow's format `kind`, but for frame `at`, which is the picture."""
    picture = _small(opened(file))
    spotted = _spotted(other, picture.size)
    if kind == "GIF":  # here once, and not in each frame anew
        colours = spotted[0].quantize(256)
        picture, spotted = picture.quantize(256), [image.quantize(palette=colours) for image in spotted]
    frames = [picture if number == at else spotted[number % DIFFERENT] for number in range(FRAMES)]
    options: dict[str, Any] = {"duration": 40, "loop": 0}
    if kind == "PNG":
        options |= {"compress_level": 1}
    elif kind == "WEBP":
        options |= {"quality": 90, "method": 0}
    elif kind == "AVIF":
        options |= {"quality": 80, "speed": 10}
    return encode(frames, kind, **options)


def second_of_two(file: bytes, other: bytes) -> bytes:
    """A JPEG of two pictures (CIPA DC-007): an ordinary one, which is all that most programs show, and the picture."""
    picture = opened(file)
    return encode([ImageOps.fit(opened(other), picture.size), picture], "MPO", quality=95)


def inset(file: bytes, other: bytes, across: float, down: float) -> bytes:
    """The picture in an ordinary one, of whose area it has 1/16; 0 is left or top, 1 right or bottom."""
    picture = opened(file)
    page = ImageOps.fit(opened(other), (INSET * picture.width, INSET * picture.height))
    free = page.width - picture.width, page.height - picture.height
    page.paste(picture, (round(free[0] * across), round(free[1] * down)))
    return encode(page, "PNG", compress_level=1)


def inset_anywhere(file: bytes, other: bytes) -> bytes:
    """The same at a place that depends on the picture alone."""
    dice = random.Random(zlib.crc32(file))
    return inset(file, other, dice.random(), dice.random())


def at_the_bottom(file: bytes, other: bytes) -> bytes:
    """The picture at the end of a page as wide as it is, and STRIP times as high as wide; above it an ordinary one."""
    picture, filling = opened(file), opened(other)
    height = max(1, round(filling.height * picture.width / filling.width))
    filling = filling.resize((picture.width, height))
    page = Image.new("RGB", (picture.width, STRIP * picture.width))
    for top in range(0, page.height, height):
        page.paste(filling, (0, top))
    page.paste(picture, (0, page.height - picture.height))
    return encode(page, "PNG", compress_level=1)


def one_second(file: bytes, other: bytes, container: str, codec: str) -> bytes:
    """A video of SECONDS in FFmpeg's `container` and `codec`, ordinary but for one second from SHOWN on."""
    picture = _small(opened(file))
    spotted = _spotted(other, picture.size)
    out = io.BytesIO()
    with av.open(out, "w", format=container) as video:
        stream: Any = video.add_stream(codec, rate=RATE, options=QUICK[codec])
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuv420p"
        for number in range(RATE * SECONDS):
            shown = SHOWN <= number / RATE < SHOWN + 1
            image = picture if shown else spotted[number % DIFFERENT]
            video.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")))
        video.mux(stream.encode(None))
    return out.getvalue()


def _small(image: Image.Image) -> Image.Image:
    factor = SIDE / max(image.size)
    return image.resize((2 * round(image.width * factor / 2), 2 * round(image.height * factor / 2)))


def _spotted(other: bytes, size: tuple[int, int]) -> list[Image.Image]:
    return list(_spots(ImageOps.fit(opened(other), size)))


def _spots(page: Image.Image) -> Iterator[Image.Image]:
    for number in range(DIFFERENT):
        frame = page.copy()
        left, top = page.width // 2 + number * SPOT, page.height // 2
        ImageDraw.Draw(frame).rectangle((left, top, left + SPOT - 1, top + SPOT - 1), "red")
        yield frame
