"""Numbers of PQ: known light is shown as what it is, and a video in them is looked at in both ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from PIL import Image

from model.decode import decode
from model.errors import Unsupported
from model.formats.media import MP4, WEBM, MediaType
from model.plan import Plan
from model.preprocess import ViewSpec
from model.screen import Screen
from model.tone import HLG, PQ, check_transfer, curve
from tests.model.agreement import LIMITS
from tests.model.samples import picture
from tests.model.test_screen import NEAR, decoded
from tests.model.videos import encode

SPEC = ViewSpec(32, 32, 1.0, "squash", "bilinear")


@pytest.mark.parametrize(
    ("transfer", "number", "shown"),
    [
        (PQ, 0.0, 0),
        (PQ, 0.302, 63),  # 10 nits, a twentieth of white
        (PQ, 0.508, 186),  # 100 nits, half of white
        (PQ, 0.581, 237),  # 203 nits, white, where light is drawn together already
        (PQ, 0.75, 255),  # 1,000 nits
    ],
)
def test_light_that_is_known(transfer: int, number: float, shown: int) -> None:
    """ITU-R BT.2408, table 1."""
    levels = curve(transfer)
    assert levels
    assert abs(levels[round(255 * number)] - shown) <= 3


def test_what_is_brighter_is_shown_brighter() -> None:
    levels = curve(PQ)
    assert levels
    assert len(levels) == 256
    assert list(levels) == sorted(levels)


@pytest.mark.parametrize("transfer", [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, HLG])
def test_ordinary_ones_are_left_alone(transfer: int) -> None:
    check_transfer(transfer)
    assert curve(transfer) is None
    frame = decoded(picture(size=(64, 48)), "yuv420p", Colorspace.ITU601)
    frame.color_trc = transfer
    assert len(Screen(1, transfer).pictures(frame)) == 1


@pytest.mark.parametrize("transfer", [8, 9, 10, 17, 19, 255])
def test_those_of_no_screen_are_refused(transfer: int) -> None:
    frame = decoded(picture(size=(64, 48)), "yuv420p", Colorspace.ITU601)
    with pytest.raises(Unsupported, match=f"function {transfer} of"):
        Screen(1, transfer).pictures(frame)


@pytest.mark.parametrize(("container", "stream"), [(PQ, 2), (2, PQ), (PQ, PQ), (PQ, HLG)])
def test_container_and_stream_are_both_heeded(container: int, stream: int) -> None:
    frame = decoded(Image.new("RGB", (64, 48), (148, 148, 148)), "yuv420p", Colorspace.ITU601)
    frame.color_trc = stream
    plain, *others = Screen(1, container).pictures(frame)
    levels = curve(PQ)
    assert levels
    assert [image.tobytes() for image in others] == [plain.point(levels * 3).tobytes()]
    small = np.asarray(Screen(1, container).thumbnail(frame, 8))
    assert np.abs(small.astype(int) - np.asarray(others[0].crop((0, 0, 8, 8)))).max() <= NEAR


@pytest.mark.parametrize(("codec", "media"), [("libx264", MP4), ("libx265", MP4), ("libvpx-vp9", WEBM)])
def test_a_video_is_looked_at_as_numbers_and_as_shown(codec: str, media: MediaType) -> None:
    """The picture has little contrast in its numbers, and all of it on a screen."""
    levels = curve(PQ)
    assert levels
    wanted = picture(3, size=(64, 48)).resize((4, 4)).resize((64, 48), Image.Resampling.BICUBIC)
    back = [int(np.abs(np.array(levels) - level).argmin()) for level in range(256)]
    numbers = wanted.point(back * 3)

    def declare(stream: VideoStream) -> None:
        stream.codec_context.color_trc = PQ

    def off(image: Image.Image, stream: Callable[[VideoStream], None] = declare) -> float:
        data = encode([np.asarray(numbers)] * 3, codec, media.name, prepare=stream)
        views = decode(data, media, LIMITS, [SPEC], Plan(video_budget=8)).arrays[0]
        return float(min(np.abs(view.astype(int) - np.asarray(image.resize((32, 32)))).mean() for view in views))

    assert max(off(numbers), off(wanted)) < 6
    assert off(wanted, lambda stream: None) > 15


def test_what_phones_film_in_costs_no_more_views() -> None:
    """Upright and with five scenes: with twice the views for a frame there would be room for three."""

    def declare(stream: VideoStream) -> None:
        stream.codec_context.color_trc = HLG

    scenes = [np.asarray(picture(seed, size=(90, 160))) for seed in range(5) for _ in range(4)]
    views = decode(encode(scenes, "libx265", "mp4", prepare=declare), MP4, LIMITS, [SPEC])
    assert (views.frames, views.distinct, views.parts) == (20, 20, 0)
