"""What the filter judges of an animated WebP is what its specification says, frame by frame.

FFmpeg 8.1 decodes no animated WebP; so each picture is decoded alone, by Pillow and by FFmpeg's own VP8 and VP8L, and
composed below by RFC 9649, sections 2.7.1.1 and 2.7.1.2. Browsers leave the background colour alone, as that permits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.formats.media import WEBP
from tests.model.agreement import Pixels, distance, judged_frames, rgba
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.webp_parts import ALPHA, ANIMATED, CLEAR, NO_BLEND, anim, anmf, image, riff, vp8x

ROUNDING = 3
"""Levels by which blends of 8 bits may differ after several frames."""
LOSSY_ROUNDING = 6
"""Levels by which two decoders of VP8 may differ in grey; colours they spread from every second pixel in two ways."""


@dataclass(frozen=True)
class Frame:
    picture: Image.Image
    place: tuple[int, int]
    flags: int
    options: dict[str, object]

    def chunk(self) -> bytes:
        return anmf(self.chunks(), self.picture.size, self.place, self.flags)

    def chunks(self) -> bytes:
        return image(self.picture, **self.options)

    def alone(self) -> bytes:
        return riff(vp8x(self.picture.size, ALPHA), self.chunks())


def by_the_specification(size: tuple[int, int], frames: list[Frame]) -> list[Pixels]:
    canvas = np.zeros((size[1], size[0], 4))
    shown = []
    for frame in frames:
        (left, top), (width, height) = frame.place, frame.picture.size
        area = canvas[top : top + height, left : left + width]
        (decoded,) = judged_frames(frame.alone())
        new = decoded / 255
        if not frame.flags & NO_BLEND:
            alpha, under = new[..., 3:], area[..., 3:]
            both = alpha + under * (1 - alpha)
            mixed = (new[..., :3] * alpha + area[..., :3] * under * (1 - alpha)) / np.where(both == 0, 1, both)
            new = np.concatenate([mixed, both], axis=-1)
        area[:] = new
        shown.append(np.rint(canvas * 255).astype(np.uint8))
        if frame.flags & CLEAR:
            area[:] = 0
    return shown


@st.composite
def animations(draw: st.DrawFn) -> tuple[tuple[int, int], int, list[Frame]]:
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    alpha = draw(st.booleans())
    frames = []
    for _ in range(draw(st.integers(1, 5))):
        left, top = 2 * draw(st.integers(0, (width - 1) // 2)), 2 * draw(st.integers(0, (height - 1) // 2))
        size = draw(st.integers(1, width - left)), draw(st.integers(1, height - top))
        pixels = rng.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
        pixels[..., 3] = np.where(rng.integers(0, 2, pixels.shape[:2]) == 0, pixels[..., 3], rng.choice([0, 255]))
        lossless = draw(st.booleans())
        if not lossless:
            pixels[..., 1] = pixels[..., 2] = pixels[..., 0]
        picture = Image.fromarray(pixels) if alpha else Image.fromarray(pixels[..., :3].copy())
        options: dict[str, object] = {"lossless": lossless, "exact": True, "method": 0}
        frames.append(Frame(picture, (left, top), draw(st.integers(0, 3)), options))
    return (width, height), ANIMATED | (ALPHA if alpha else 0), frames


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(animations(), st.binary(min_size=4, max_size=4))
def test_webps_of_all_kinds(animation: tuple[tuple[int, int], int, list[Frame]], background: bytes) -> None:
    size, flags, frames = animation
    judged = judged_frames(riff(vp8x(size, flags), anim(background), *(frame.chunk() for frame in frames)))
    expected = by_the_specification(size, frames)
    assert len(judged) == len(expected)
    assert max(distance(mine, theirs) for mine, theirs in zip(judged, expected, strict=True)) <= ROUNDING
    for frame in frames:
        (theirs,) = ffmpeg_frames(frame.alone(), WEBP)
        (mine,) = judged_frames(frame.alone())
        if frame.options["lossless"]:
            assert distance(mine, theirs) == distance(mine, rgba(frame.picture)) == 0
        else:
            assert np.abs(mine[..., 3].astype(int) - theirs[..., 3]).max() <= ROUNDING
            assert np.abs(mine[..., :3].astype(int) - theirs[..., :3]).max() <= LOSSY_ROUNDING
