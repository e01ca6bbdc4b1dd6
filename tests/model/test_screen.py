"""Samples to RGB as a browser shows them: known colours in, the same colours out, turned as they should be."""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageOps

from model.errors import Unsupported
from model.screen import Screen
from tests.model.samples import picture

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (20, 200, 90), (200, 180, 170)]
NEAR = 4
"""Levels by which two conversions with eight bits each may differ."""


def decoded(image: Image.Image, layout: str, matrix: Colorspace, full: bool = False, tag: int = 2) -> VideoFrame:
    """A frame as it comes out of a decoder: `tag` is the matrix that it claims."""
    frame = VideoFrame.from_ndarray(np.asarray(image), format="rgb24").reformat(
        format=layout,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
    )
    frame.colorspace = tag
    frame.color_range = 2 if full else 1
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return frame


def error(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max())


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("layout", "height", "matrix", "full", "tag"),
    [
        ("yuv420p", 48, Colorspace.ITU601, False, 2),
        ("yuv420p", 718, Colorspace.ITU601, False, 2),
        ("yuv420p", 720, Colorspace.ITU709, False, 2),
        ("yuv420p", 48, Colorspace.ITU709, False, 1),
        ("yuv420p", 48, Colorspace.ITU601, False, 6),
        ("yuv420p", 720, Colorspace.ITU601, False, 5),
        ("yuv420p", 48, Colorspace.ITU601, True, 2),
        ("yuvj420p", 48, Colorspace.ITU601, True, 2),
        ("yuv444p", 48, Colorspace.ITU709, True, 1),
        ("yuv422p", 48, Colorspace.ITU601, False, 2),
        ("yuv420p10le", 48, Colorspace.BT2020, False, 9),
        ("yuv420p10le", 48, Colorspace.ITU709, False, 1),
        ("yuv444p12le", 48, Colorspace.ITU601, False, 2),
    ],
)
def test_colours(
    layout: str, height: int, matrix: Colorspace, full: bool, tag: int, colour: tuple[int, int, int]
) -> None:
    image = Image.new("RGB", (64, height), colour)
    frame = decoded(image, layout, matrix, full, tag)
    shown = Screen(1).picture(frame)
    assert (shown.mode, shown.size) == ("RGB", (64, height))
    assert error(shown, image) <= NEAR
    assert error(Screen(1).thumbnail(frame, 8), image.resize((8, 8))) <= NEAR


def test_matrices_are_told_apart() -> None:
    """The tests above would see it if one were taken for the other."""
    image = Image.new("RGB", (64, 48), (0, 255, 0))
    assert error(Screen(1).picture(decoded(image, "yuv420p", Colorspace.ITU601, tag=1)), image) > 4 * NEAR
    assert error(Screen(1).picture(decoded(image, "yuv420p", Colorspace.ITU709, tag=2)), image) > 4 * NEAR


@pytest.mark.parametrize("layout", ["gray", "gray10le", "gbrp"])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_grey_and_rgb_in_a_video(layout: str, level: int) -> None:
    image = Image.new("RGB", (64, 48), (level,) * 3)
    assert error(Screen(1).picture(decoded(image, layout, Colorspace.ITU601, full=True, tag=0)), image) <= NEAR


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns(orientation: int) -> None:
    """As Pillow turns a photo with the same number in its EXIF."""
    image = picture(size=(64, 48))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.info["exif"] = exif.tobytes()
    image.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(image)
    frame = decoded(image.convert("RGB"), "yuv444p", Colorspace.ITU601)
    screen = Screen(orientation)
    assert screen.size(frame) == upright.size
    assert error(screen.picture(frame), upright) <= NEAR
    small = screen.thumbnail(frame, 16)
    assert small.size == (16, 16)
    assert np.abs(np.asarray(small).astype(int) - np.asarray(upright.resize((16, 16), Image.Resampling.BOX))).mean() < 9


def test_sides_that_are_odd() -> None:
    frame = decoded(Image.new("RGB", (63, 47), (200, 180, 170)), "yuv420p", Colorspace.ITU601)
    assert error(Screen(6).picture(frame), Image.new("RGB", (47, 63), (200, 180, 170))) <= NEAR


def test_every_pixel_counts_in_a_thumbnail() -> None:
    """A white dot that is smaller than a pixel of the thumbnail leaves its share there, wherever it is."""
    for at in ((0, 0), (100, 50), (319, 239), (161, 119)):
        image = Image.new("RGB", (320, 240))
        image.paste((255, 255, 255), (at[0] // 4 * 4, at[1] // 4 * 4, at[0] // 4 * 4 + 4, at[1] // 4 * 4 + 4))
        assert np.asarray(Screen(1).thumbnail(decoded(image, "yuv420p", Colorspace.ITU601), 32)).max() > 20


@pytest.mark.parametrize("layout", ["yuva420p", "rgba", "pal8", "nv12", "monow", "gray16le"])
def test_layouts_that_are_not_known(layout: str) -> None:
    frame = VideoFrame(64, 48, layout)
    with pytest.raises(Unsupported, match=layout):
        Screen(1).picture(frame)


@pytest.mark.parametrize("tag", [0, 8, 10, 12, 14, 15])
def test_matrices_that_are_not_known(tag: int) -> None:
    frame = decoded(Image.new("RGB", (64, 48)), "yuv420p", Colorspace.ITU601, tag=tag)
    with pytest.raises(Unsupported, match=f"matrix {tag}"):
        Screen(1).thumbnail(frame, 8)


def test_it_starts_no_thread() -> None:
    """A decoder may not; swscale would take one per processor, and keep it as long as the screen lives."""
    frame = decoded(Image.new("RGB", (1280, 720)), "yuv420p", Colorspace.ITU709)
    before = len(os.listdir("/proc/self/task"))
    screen = Screen(1)
    screen.picture(frame)
    screen.thumbnail(frame, 32)
    assert len(os.listdir("/proc/self/task")) == before
