"""What the filter judges of an AVIF, as a still and as a track, is what FFmpeg finds in its streams."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from model.formats.media import AVIF
from tests.model.agreement import Pixels, judged_frames
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.samples import STILLS, encode, pictures

ROUNDING = 6
"""Levels of 255 by which two conversions from YUV may differ in the mean of a channel over a square of 8 x 8 pixels;
samples are drawn in squares of that size."""


def squares(frame: Pixels) -> NDArray[np.float64]:
    return np.asarray(frame.reshape(5, 8, 6, 8, 4).mean(axis=(1, 3)), np.float64)


def with_alpha(colours: list[Pixels], alpha: list[Pixels]) -> list[Pixels]:
    assert len(colours) == len(alpha)
    return [np.dstack([one[..., :3], other[..., 0]]) for one, other in zip(colours, alpha, strict=True)]


def agree(judged: list[Pixels], theirs: list[Pixels]) -> bool:
    return len(judged) == len(theirs) and all(
        np.abs(squares(mine) - squares(other)).max() <= ROUNDING for mine, other in zip(judged, theirs, strict=True)
    )


@pytest.mark.parametrize("duration", [40, [10, 500, 1, 70]], ids=["even", "uneven"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_animations(mode: str, duration: int | list[int]) -> None:
    data = encode(pictures(4, mode), "AVIF", speed=9, quality=90, subsampling="4:4:4", duration=duration)
    streams = [ffmpeg_frames(data, AVIF, stream) for stream in range(2 * len(mode) - 4)]
    if mode == "RGBA":
        still, track = with_alpha(*streams[:2]), with_alpha(*streams[2:])
    else:
        still, track = streams
    assert (len(still), len(track)) == (1, 4)
    assert agree(judged_frames(data), [*still, *track])
    assert all(not agree([one], [other]) for one, other in pairwise(track))


@pytest.mark.parametrize("name", ["avif", "avif-alpha"])
def test_stills(name: str) -> None:
    data = STILLS[name]()
    theirs = ffmpeg_frames(data, AVIF)
    if name == "avif-alpha":
        theirs = with_alpha(theirs, ffmpeg_frames(data, AVIF, 1))
    (judged,) = judged_frames(data)
    assert (len(theirs), theirs[0].shape) == (1, judged.shape)
    assert np.abs(judged.astype(int) - theirs[0]).mean() <= ROUNDING
