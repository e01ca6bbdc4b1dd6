"""What the filter judges of a GIF is what FFmpeg shows, and what the specification says, frame by frame.

FFmpeg is asked for each frame; where browsers are clear and FFmpeg is not (behind the first image, after a disposal),
the colour that FFmpeg has must be the one under the transparency. The third opinion is the short composition below,
from the colour numbers that the files were made of, by section 23 of the GIF89a specification.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.formats.media import GIF
from tests.model.agreement import Pixels, judged_frames, over
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.gif_parts import LOOP, TRAILER, Colour, Frame, header

COLOURS: tuple[Colour, ...] = ((200, 0, 0), (0, 150, 0), (0, 0, 250), (90, 80, 70))
LOCAL: tuple[Colour, ...] = ((1, 220, 220), (255, 255, 255))
GREYS: tuple[Colour, ...] = ((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3))


def gif(
    size: tuple[int, int], frames: Sequence[Frame], colours: Sequence[Colour] = COLOURS, background: int = 0
) -> bytes:
    return header(*size, colours, background) + LOOP + b"".join(frame.blocks() for frame in frames) + TRAILER


def by_the_specification(size: tuple[int, int], frames: Sequence[Frame], shared: Sequence[Colour]) -> list[Pixels]:
    """Clear at first; what is restored to the background is clear again, as all browsers have it."""
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    shown = []
    for frame in frames:
        before = canvas.copy()
        for y, row in enumerate(frame.rows):
            for x, index in enumerate(row):
                if index != frame.transparent:
                    canvas[frame.top + y, frame.left + x] = (*(frame.colours or shared)[index], 255)
        shown.append(canvas.copy())
        if frame.disposal == 2:
            canvas[frame.top : frame.top + len(frame.rows), frame.left : frame.left + len(frame.rows[0])] = 0
        elif frame.disposal == 3:
            canvas = before
    return shown


def check(data: bytes, expected: Sequence[Pixels]) -> None:
    judged, ffmpeg = judged_frames(data), ffmpeg_frames(data, GIF)
    assert len(judged) == len(ffmpeg) == len(expected)
    for number, (mine, theirs, specified) in enumerate(zip(judged, ffmpeg, expected, strict=True)):
        assert np.array_equal(mine[..., 3], specified[..., 3]), number
        for level in (0, 255):
            assert np.array_equal(over(mine, level), over(specified, level)), number
        # One of the three views is FFmpeg's without its alpha.
        assert any(np.array_equal(theirs[..., :3], view) for view in (mine[..., :3], over(mine, 255))), number


@st.composite
def frames(draw: st.DrawFn, width: int, height: int) -> Frame:
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    across, down = draw(st.integers(1, width - left)), draw(st.integers(1, height - top))
    colours = draw(st.sampled_from([(), LOCAL, GREYS, COLOURS[::-1]]))
    index = st.integers(0, len(colours or COLOURS) - 1)
    return Frame(
        draw(st.tuples(*[st.tuples(*[index] * across)] * down)),
        left,
        top,
        colours,
        draw(st.booleans()),
        draw(st.integers(0, 3)),
        draw(st.none() | st.integers(0, 3)),
        draw(st.sampled_from([0, 1, 7])),
        draw(st.integers(2, 8)),
    )


@st.composite
def animations(draw: st.DrawFn) -> tuple[bytes, list[Pixels]]:
    size = draw(st.integers(1, 5)), draw(st.integers(1, 11))
    images = draw(st.lists(frames(*size), min_size=1, max_size=6))
    colours = draw(st.sampled_from([COLOURS, GREYS]))
    data = gif(size, images, colours, draw(st.integers(0, 5)))
    return data, by_the_specification(size, images, colours)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(animations())
def test_gifs_of_all_kinds(animation: tuple[bytes, list[Pixels]]) -> None:
    check(*animation)
