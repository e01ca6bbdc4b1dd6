"""What the filter judges of an APNG is what FFmpeg shows, and what the specification says, frame by frame.

The third opinion is the short composition below, from the samples that the files were made of, by section 11.3.6.2 of
the PNG specification. FFmpeg blends only 8 bits, and of grey or palette only what is opaque; the rest is held against
the specification alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from av.error import PatchWelcomeError
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.errors import Unsupported
from model.formats.media import PNG
from tests.model.agreement import Pixels, distance, judged_frames, modular, over
from tests.model.apng_parts import CHANNELS, GREY, GREY_ALPHA, PALETTE, RGB, RGBA, Frame, apng
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.samples import chunk

ROUNDING = 2
"""Levels by which blends of 8 bits may differ after several frames."""


@dataclass(frozen=True)
class Kind:
    """Depth, colour type, and the content of tRNS if there is one."""

    depth: int
    colour: int
    transparent: bytes = b""

    def before(self) -> bytes:
        palette = chunk(b"PLTE", COLOURS[:, :3].tobytes()) if self.colour == PALETTE else b""
        return palette + (chunk(b"tRNS", self.transparent) if self.transparent else b"")

    def as_rgba(self, samples: NDArray[np.uint16]) -> Pixels:
        if self.colour == PALETTE:
            looked_up = COLOURS[samples[..., 0]].copy()
            looked_up[..., 3] = looked_up[..., 3] if self.transparent else 255
            return looked_up
        opaque = np.full((*samples.shape[:2], 1), 2**self.depth - 1)
        if self.transparent:
            values = np.frombuffer(self.transparent, ">u2")
            opaque = np.where((samples == values).all(axis=-1, keepdims=True), 0, opaque)
        colours, alpha = (
            (samples[..., :-1], samples[..., -1:]) if self.colour in (GREY_ALPHA, RGBA) else (samples, opaque)
        )
        wide = np.concatenate([np.broadcast_to(colours, (*samples.shape[:2], 3)), alpha], axis=-1).astype(int)
        return (wide >> 8 if self.depth == 16 else wide * 255 // (2**self.depth - 1)).astype(np.uint8)


COLOURS = np.array([[250, 0, 0, 255], [0, 200, 0, 100], [0, 0, 150, 0], [9, 90, 60, 255]], np.uint8)
KINDS = [
    *(Kind(depth, GREY) for depth in (1, 2, 4, 8, 16)),
    *(Kind(depth, GREY, b"\x00\x01") for depth in (1, 2, 4, 8, 16)),
    *(Kind(depth, PALETTE) for depth in (2, 4, 8)),
    *(Kind(depth, PALETTE, COLOURS[:, 3].tobytes()) for depth in (2, 4, 8)),
    *(Kind(depth, colour) for depth in (8, 16) for colour in (RGB, GREY_ALPHA, RGBA)),
    Kind(8, RGB, b"\x00\x01\x00\x00\x00\x01"),
]


def by_the_specification(size: tuple[int, int], frames: Sequence[Frame], kind: Kind) -> list[Pixels]:
    """Clear at first; `over` by the formula of the specification, in 0 to 1."""
    canvas = np.zeros((size[1], size[0], 4))
    shown = []
    for frame in frames:
        before = canvas.copy()
        (left, top), (width, height) = frame.place, frame.size
        area = canvas[top : top + height, left : left + width]
        new = kind.as_rgba(frame.samples) / 255
        if frame.blend:
            alpha, under = new[..., 3:], area[..., 3:]
            both = alpha + under * (1 - alpha)
            mixed = (new[..., :3] * alpha + area[..., :3] * under * (1 - alpha)) / np.where(both == 0, 1, both)
            new = np.concatenate([mixed, both], axis=-1)
        area[:] = new
        shown.append(np.rint(canvas * 255).astype(np.uint8))
        if frame.dispose == 1:
            area[:] = 0
        elif frame.dispose == 2:
            canvas = before
    return shown


def samples(rng: np.random.Generator, kind: Kind, width: int, height: int) -> NDArray[np.uint16]:
    levels = 4 if kind.colour == PALETTE else 2**kind.depth
    values = rng.integers(0, levels, (height, width, CHANNELS[kind.colour]), dtype=np.uint16)
    # Often the ends of the range, where transparency and colour keys are.
    return np.where(rng.integers(0, 2, values.shape) == 0, values, rng.choice([0, 1, levels - 1], values.shape)).astype(
        np.uint16
    )


@dataclass(frozen=True)
class Animation:
    kind: Kind
    size: tuple[int, int]
    frames: list[Frame]
    apart: Frame | None

    def data(self) -> bytes:
        return apng(self.frames, self.kind.depth, self.kind.colour, self.kind.before(), self.apart)


@st.composite
def animations(draw: st.DrawFn) -> Animation:
    kind = draw(st.sampled_from(KINDS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    apart = Frame(samples(rng, kind, width, height)) if draw(st.booleans()) else None
    frames = []
    for number in range(draw(st.integers(1, 5))):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        across, down = draw(st.integers(1, width - left)), draw(st.integers(1, height - top))
        if not number and not apart:
            left, top, across, down = 0, 0, width, height
        frames.append(
            Frame(samples(rng, kind, across, down), (left, top), draw(st.integers(0, 2)), draw(st.integers(0, 1)))
        )
    return Animation(kind, (width, height), frames, apart)


def as_ffmpeg(mine: Pixels, kind: Kind) -> Pixels:
    """FFmpeg has black where there is nothing, if its pixels have no alpha."""
    if kind.transparent or kind.colour in (GREY_ALPHA, RGBA, PALETTE):
        return mine
    return np.dstack([over(mine, 0), np.full(mine.shape[:2], 255, np.uint8)])


def differs_in_ffmpeg(animation: Animation) -> bool:
    """The three kinds that are refused for it."""
    if animation.kind.colour == GREY and animation.kind.depth < 8 and animation.kind.transparent:
        return True
    clear = True
    for number, frame in enumerate(animation.frames):
        covers = frame.size == animation.size
        if frame.place[0] and animation.kind.depth < 8:
            return True
        if covers and number and (frame.blend, frame.dispose) == (1, 1) and not clear:
            return True
        clear = (clear and frame.dispose != 0) or (covers and frame.dispose == 1)
    return False


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(animations())
def test_apngs_of_all_kinds(animation: Animation) -> None:
    data, kind = animation.data(), animation.kind
    if differs_in_ffmpeg(animation):
        with pytest.raises(Unsupported):
            judged_frames(data)
        return
    judged = judged_frames(data)
    if animation.apart:
        assert distance(judged.pop(0), kind.as_rgba(animation.apart.samples)) == 0
    expected = by_the_specification(animation.size, animation.frames, kind)
    assert len(judged) == len(expected)
    assert max(distance(mine, theirs) for mine, theirs in zip(judged, expected, strict=True)) <= ROUNDING
    try:
        ffmpeg = ffmpeg_frames(data, PNG)
    except PatchWelcomeError:
        # It shows nothing of one bit, of mixtures of 16, and if the first frame is smaller than the canvas.
        mixed = kind.depth == 16 and any(frame.blend for frame in animation.frames)
        assert kind.depth == 1 or mixed or animation.frames[0].size != animation.size
        return
    assert len(ffmpeg) == len(judged)
    for mine, theirs in zip(judged, ffmpeg, strict=True):
        assert modular(as_ffmpeg(mine, kind), theirs) <= ROUNDING
