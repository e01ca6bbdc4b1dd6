"""Odd JPEGs of innocent people pass: photos with a video or a trailer behind them, two pictures in one file, CMYK from
Photoshop, long screenshots.

What is behind a photo's end is cut off, and what goes on is what was judged: the same bytes have the same views.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from config.media import Limits
from model.decode import decode
from model.errors import TooLarge
from model.formats.media import JPEG, PNG, MediaType
from model.plan import Plan
from model.preprocess import Views, ViewSpec, make_view
from model.verdict import Outcome
from tests.model.agreement import LIMITS, Pixels, distance, judged_frames
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.phones import micro_video, motion_photo, mpo, samsung, ultra_hdr
from tests.model.samples import encode, picture
from tests.model.test_judge import FakeDecoder, ask, judge
from tests.model.videos import video

SPEC = ViewSpec(32, 32, 1.0, "squash", "bilinear")
PHOTO = encode(picture(1), "JPEG", quality=95, subsampling="4:4:4")
OTHER = encode(picture(3), "JPEG", quality=95, subsampling="4:4:4")
GAIN = picture(2, "L", (24, 20))


class Decoder(FakeDecoder):
    """The real decoding, in this process."""

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        return decode(data, media, LIMITS, [SPEC])


BEHIND: dict[str, Callable[[], bytes]] = {
    "motion photo, version 1": lambda: micro_video(PHOTO, video()),
    "motion photo": lambda: motion_photo(PHOTO, video()),
    "motion photo of Ultra HDR": lambda: ultra_hdr(PHOTO, GAIN, video()),
    "Samsung": lambda: samsung(PHOTO, video()),
    "motion photo with Samsung's trailer": lambda: samsung(motion_photo(PHOTO, video()), b""),
}
"""Each has its video behind the end of the last picture."""


@pytest.mark.parametrize("name", BEHIND)
async def test_a_phones_video_is_cut_off(name: str) -> None:
    data = BEHIND[name]()
    end = data.rindex(b"\xff\xd9", 0, data.index(b"ftyp")) + 2
    whole, kept = (decode(each, JPEG, LIMITS, [SPEC]) for each in (data, data[:end]))
    assert (whole.trailing, kept.trailing) == (len(data) - end, 0)
    assert whole.frames == kept.frames == 1 + ("HDR" in name)
    assert np.array_equal(whole.arrays[0], kept.arrays[0])
    verdict = await ask(judge(Decoder()), data)
    assert (verdict.outcome, verdict.media) == (Outcome.PASS, "jpeg")
    assert (verdict.size, verdict.sha256) == (end, hashlib.sha256(data[:end]).hexdigest())


def near(views: Pixels, image: Image.Image) -> bool:
    """Whether a view is that of the whole picture, but for what JPEG loses."""
    wanted = make_view(image.convert("RGB"), SPEC)
    return bool(np.abs(views.astype(int) - wanted).mean(axis=(1, 2, 3)).min() < 6)


@pytest.mark.parametrize(
    ("data", "second"),
    [
        (mpo(PHOTO, OTHER, 1), picture(3)),
        (ultra_hdr(PHOTO, GAIN, b""), GAIN),
    ],
    ids=["both-eyes", "gain-map"],
)
def test_both_pictures_of_a_phones_file_are_judged(data: bytes, second: Image.Image) -> None:
    views = decode(data, JPEG, LIMITS, [SPEC])
    assert (views.frames, views.distinct, views.trailing) == (2, 2, 0)
    assert near(views.arrays[0], picture(1))
    assert near(views.arrays[0], second)
    assert not near(decode(PHOTO, JPEG, LIMITS, [SPEC]).arrays[0], second)


def cmyk(progressive: bool) -> bytes:
    """As cameras' programs and Photoshop write it: four inks, inverted, and an APP14 that says so (transform 0)."""
    data = encode(picture(4, "RGB").convert("CMYK"), "JPEG", quality=95, progressive=progressive)
    assert data[data.index(b"Adobe") :][:12] == b"Adobe\x00\x64\x00\x00\x00\x00\x00"
    return data


def ycck(progressive: bool) -> bytes:
    """The same with transform 2: the first three inks as YCbCr, and components of other names, from which FFmpeg knows
    it. Sources: Adobe's Technical Note 5116, section 18; libjpeg's jccolor.c.
    """
    *inks, black = picture(4, "RGB").convert("CMYK").split()
    luminance = Image.merge("RGB", inks).convert("YCbCr").split()
    samples = Image.merge("CMYK", (*(channel.point(lambda level: 255 - level) for channel in luminance), black))
    data = encode(samples, "JPEG", quality=95, progressive=progressive)
    at = data.index(b"Adobe") + 11
    out = bytearray(data[:at] + b"\x02" + data[at + 1 :])
    for header in re.finditer(rb"\xff[\xc0\xc2\xda]", data):  # of the frame and of each scan
        count, step = (header.end() + 2, 2) if header[0] == b"\xff\xda" else (header.end() + 7, 3)
        for name in range(count + 1, count + 1 + step * data[count], step):
            out[name] = b"CMYK".index(data[name]) + 1
    return bytes(out)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("make", [cmyk, ycck])
def test_four_inks(make: Callable[[bool], bytes], progressive: bool) -> None:
    data = make(progressive)
    assert (b"\xff\xc2" in data) == progressive
    (judged,), (theirs,) = judged_frames(data), ffmpeg_frames(data, JPEG)
    assert distance(judged, theirs) <= 3
    assert near(decode(data, JPEG, LIMITS, [SPEC]).arrays[0], picture(4))


LONG = (1080, 20_000)
"""A screenshot of a whole conversation, as phones put it together."""


def screenshot(bottom: Image.Image) -> bytes:
    image = Image.new("RGB", LONG, (240, 240, 245))
    image.paste(bottom, (0, LONG[1] - LONG[0]))
    return encode(image, "PNG", compress_level=1)


def test_a_long_screenshot_is_beyond_pictrs_limit_and_seen_to_its_end_where_that_is_raised() -> None:
    shown = picture(5, size=(LONG[0], LONG[0]))
    data = screenshot(shown)
    with pytest.raises(TooLarge, match="1080 x 20000"):
        decode(data, PNG, LIMITS, [SPEC])
    raised = Limits(max_side_pixels=LONG[1])
    views = decode(data, PNG, raised, [SPEC], Plan())
    assert (views.width, views.height, views.seen) == (*LONG, views.distinct)
    assert near(views.arrays[0], shown)
    assert not near(decode(data, PNG, raised, [SPEC], Plan(tiles=False)).arrays[0], shown)
