"""A cat in each place of a file in which it can hide: not the first frame, not the first picture, not the whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image, ImageFilter, ImageOps

from tests.bench import encodings, hidings, losses
from tests.imagenet import picture
from tests.model.samples import encode
from tests.real.formats import animation, chelsea, coffee, spotted, video

Make = Callable[[], bytes]
FRAMES = 300
SMALL = (192, 128)
"""Width and height of animations and videos: 300 frames are soon made."""
HALF_A_SECOND = 12
"""Frames, of 25 a second."""
STILL = (240, 160)
"""Width and height of other pictures: too small for closer looks, which would show the cat as well."""
DRAWING = (360, 240)
PAGE = (900, 600)
INSET = (225, 150)
"""Width and height of a sixteenth of PAGE."""
TURNS = (3, 6, 8)
ANIMATED: dict[str, tuple[str, dict[str, Any]]] = {
    "GIF": ("GIF", {}),
    "APNG": ("PNG", {"compress_level": 1}),
    "WebP": ("WEBP", {"quality": 90, "method": 0}),
    "AVIF": ("AVIF", {"quality": 80, "speed": 10}),
}
VIDEOS = {
    "MP4, H.264": ("libx264", "mp4"),
    "MP4, H.265": ("libx265", "mp4"),
    "MP4, AV1": ("libsvtav1", "mp4"),
    "WebM, VP8": ("libvpx", "webm"),
    "WebM, VP9": ("libvpx-vp9", "webm"),
    "WebM, AV1": ("libsvtav1", "webm"),
}
WITH_EXIF: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 95, "speed": 10},
}


def frames(first: int, count: int = 1, hidden: Image.Image | None = None) -> list[Image.Image]:
    """So many cats (or `hidden`) among FRAMES ordinary pictures, from the one of number `first` on."""
    found = spotted(coffee(SMALL), FRAMES)
    found[first : first + count] = [hidden or chelsea(SMALL)] * count
    return found


def still() -> bytes:
    """A PNG of the cat."""
    return encode(chelsea(STILL), "PNG")


def transparent(kind: str, **options: Any) -> bytes:
    """All of the cat under alpha 0."""
    image = chelsea(STILL)
    image.putalpha(0)
    return encode(image, kind, **options)


def drawing() -> Image.Image:
    """The cat in thin lines, whom the model knows upright and in no other way."""
    return chelsea(DRAWING).filter(ImageFilter.CONTOUR)


def stored_turned(kind: str, tag: int, with_tag: bool = True) -> bytes:
    """The drawing with its pixels turned so that this EXIF orientation makes it upright."""
    upright = encodings.opened(encodings.turned(encode(drawing(), "PNG"), tag))
    exif = Image.Exif()
    if with_tag:
        exif[encodings.ORIENTATION] = tag
    return encode(upright, kind, exif=exif, **WITH_EXIF[kind])


def inset(across: float, down: float, page: Image.Image | None = None, hidden: Image.Image | None = None) -> bytes:
    """The cat on a page of PAGE pixels, an empty one if none is given."""
    page = page.copy() if page else Image.new("RGB", PAGE, "white")
    hidden = hidden or chelsea(INSET)
    page.paste(hidden, (round((page.width - hidden.width) * across), round((page.height - hidden.height) * down)))
    return encode(page, "PNG", compress_level=1)


def strip(upright: bool, hidden: Image.Image | None = None) -> bytes:
    """Ordinary squares in a row, 20 times as long as wide, and the cat as the last."""
    side = INSET[1]
    found = [ImageOps.fit(coffee(INSET), (side, side))] * (hidings.STRIP - 1)
    found.append(ImageOps.fit(hidden or chelsea(INSET), (side, side)))
    page = Image.new("RGB", (side, hidings.STRIP * side) if upright else (hidings.STRIP * side, side))
    for number, square in enumerate(found):
        page.paste(square, (0, number * side) if upright else (number * side, 0))
    return encode(page, "PNG", compress_level=1)


def sixteen_bit_grey() -> bytes:
    """A PNG of one channel of 16 bits."""
    grey = np.asarray(chelsea(STILL).convert("L"), np.uint16)
    return encode(Image.fromarray(grey * np.uint16(257)), "PNG")


def two_streams() -> bytes:
    """An MP4 with two tracks of pictures: the first is ordinary, and all that most players show."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        tracks = [(target.add_stream("libx264", rate=25), image) for image in (coffee(SMALL), chelsea(SMALL))]
        for stream, _ in tracks:
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = SMALL
            stream.pix_fmt = "yuv420p"
        for number in range(HALF_A_SECOND):
            for stream, image in tracks:
                frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                target.mux(stream.encode(frame))
        for stream, _ in tracks:
            target.mux(stream.encode(None))
    return out.getvalue()


def _in_animation(name: str, at: int) -> bytes:
    kind, options = ANIMATED[name]
    return animation(frames(at), kind, **options)


PLACES: dict[str, Make] = {
    **{
        f"{name}, frame {at} of {FRAMES}": partial(_in_animation, name, at)
        for name in ANIMATED
        for at in (0, FRAMES // 2, FRAMES - 1)
    },
    **{
        f"{name}, half a second of 12": partial(lambda of: video(frames(144, HALF_A_SECOND), *of), of)
        for name, of in VIDEOS.items()
    },
    **{
        f"{name}, the last frame": partial(lambda of: video(frames(FRAMES - 1), *of), of) for name, of in VIDEOS.items()
    },
    "PNG, under alpha": partial(transparent, "PNG"),
    "WebP, lossless, under alpha": partial(transparent, "WEBP", lossless=True, exact=True),
    "WebP, lossy, under alpha": partial(transparent, "WEBP", quality=90, exact=True),
    "AVIF, under alpha": partial(transparent, "AVIF", quality=80, speed=10),
    **{f"{kind}, EXIF {tag}": partial(stored_turned, kind, tag) for kind in WITH_EXIF for tag in TURNS},
    "inset, upper left": partial(inset, 0, 0),
    "inset, lower right": partial(inset, 1, 1),
    "inset, in the middle": partial(inset, 0.5, 0.5),
    "strip, at the bottom": partial(strip, True),
    "strip, at the right": partial(strip, False),
    "JPEG, second of two pictures": lambda: hidings.second_of_two(still(), picture("coffee.png").read_bytes()),
    "JPEG, CMYK": lambda: losses.cmyk(still()),
    "JPEG, progressive": lambda: losses.progressive(still()),
    "JPEG, grey": lambda: encode(chelsea(STILL).convert("L"), "JPEG", quality=95),
    "PNG, 16 bits": lambda: encodings.sixteen_bit(still()),
    "PNG, 16 bits, grey": sixteen_bit_grey,
    "PNG, palette": lambda: losses.palette(still()),
    "PNG, grey": lambda: losses.grey(still()),
    "PNG, interlaced": lambda: encodings.interlaced(still()),
}
