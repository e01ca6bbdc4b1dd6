"""Every format that the filter lets pass, with a picture of your choice in it: made by Pillow and FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from tests.imagenet import picture
from tests.model import samples, videos

SIZE = (240, 160)
"""Width and height of all files: even, as video wants it, and large enough for the model."""
FRAMES = 6
"""Of an animation."""
VIDEO_FRAMES = 24
SPOT = 12
"""Pixels of the side of a red spot that moves to the right: no two frames are the same."""
PLACES = 3
"""Of the spot, from which it goes back to the first: few views are enough for all frames."""

Pixels = NDArray[np.uint8]
"""RGB, (height, width, 3)."""


@dataclass(frozen=True)
class Format:
    """`media` is the filter's name of it, `mime` pict-rs's; `make` puts a picture into a file, in each frame of it."""

    media: str
    mime: str
    make: Callable[[Image.Image], bytes]
    frames: int = 1


def coffee(size: tuple[int, int] = SIZE) -> Image.Image:
    """An ordinary picture in RGB."""
    return _fitting("coffee.png", size)


def chelsea(size: tuple[int, int] = SIZE) -> Image.Image:
    """A cat, in RGB."""
    return _fitting("chelsea.png", size)


def _fitting(name: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(picture(name)) as image:
        return ImageOps.fit(image.convert("RGB"), size)


def spotted(image: Image.Image, count: int) -> list[Image.Image]:
    """So many frames, each a copy with the spot in another place than in the one before it."""
    copies = []
    for place in range(PLACES):
        copies.append(image.copy())
        left, top = place * SPOT, image.height // 2
        ImageDraw.Draw(copies[-1]).rectangle((left, top, left + SPOT - 1, top + SPOT - 1), "red")
    return [copies[number % PLACES] for number in range(count)]


def animation(frames: Sequence[Image.Image], kind: str, **options: Any) -> bytes:
    """An animation of RGB pictures in Pillow's format `kind`."""
    if kind == "GIF":  # once for each picture, and not for each frame anew
        quantized = {id(frame): frame.quantize(256) for frame in {id(frame): frame for frame in frames}.values()}
        frames = [quantized[id(frame)] for frame in frames]
    return samples.encode(frames, kind, duration=100, loop=0, **options)


def video(frames: Sequence[Image.Image], codec: str, kind: str) -> bytes:
    """A video of RGB pictures, as FFmpeg names codec and container."""
    return videos.encode([np.asarray(frame) for frame in frames], codec, kind, encoder=QUICK.get(codec))


QUICK = {
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
"""Options of encoders that make them quick at the price of size."""


def _still(kind: str, **options: Any) -> Format:
    return Format(kind.lower(), f"image/{kind.lower()}", lambda image: samples.encode(image, kind, **options))


def _animation(kind: str, mime: str, **options: Any) -> Format:
    return Format(kind.lower(), mime, lambda image: animation(spotted(image, FRAMES), kind, **options), FRAMES)


def _video(codec: str, kind: str) -> Format:
    def make(image: Image.Image) -> bytes:
        return video(spotted(image, VIDEO_FRAMES), codec, kind)

    return Format(kind, f"video/{kind}", make, VIDEO_FRAMES)


FORMATS = {
    "JPEG": _still("JPEG", quality=90),
    "PNG": _still("PNG"),
    "GIF": _still("GIF"),
    "WebP": _still("WEBP", quality=90),
    "AVIF": _still("AVIF", quality=80, speed=10),
    "APNG": _animation("PNG", "image/apng"),
    "animated GIF": _animation("GIF", "image/gif"),
    "animated WebP": _animation("WEBP", "image/webp", quality=90),
    "animated AVIF": _animation("AVIF", "image/avif", quality=80, speed=10),
    "MP4, H.264": _video("libx264", "mp4"),
    "MP4, H.265": _video("libx265", "mp4"),
    "MP4, AV1": _video("libsvtav1", "mp4"),
    "WebM, VP8": _video("libvpx", "webm"),
    "WebM, VP9": _video("libvpx-vp9", "webm"),
    "WebM, AV1": _video("libsvtav1", "webm"),
}
"""By name; JPEG XL is apart, as Debian's ImageMagick, and so pict-rs here, does not know it."""
JXL = _still("JXL", quality=90)


def shown(data: bytes) -> list[Pixels]:
    """Every frame of a file, an animation's as Pillow composes them, a video's as FFmpeg decodes them."""
    if (data[4:8] == b"ftyp" and data[8:11] != b"avi") or data.startswith(b"\x1a\x45\xdf\xa3"):
        with av.open(io.BytesIO(data), "r") as source:
            return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in source.decode(video=0)]
    with Image.open(io.BytesIO(data)) as image:
        return [_rgb(image, number) for number in range(getattr(image, "n_frames", 1))]


def _rgb(image: Image.Image, number: int) -> Pixels:
    image.seek(number)
    return np.asarray(image.convert("RGB"))
