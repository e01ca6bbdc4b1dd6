"""Files with changed headers that are accepted all the same: another decoder sees in them what was judged.

A third of them is. Most of these differ from the whole file in colours (of the 160 bytes that change, up to 147 are
palette in a GIF, 130 quantization tables in a JPEG, and a WebP's picture begins at 20), the others in metadata that
nobody shows: densities, brands, dates, names of handlers. FFmpeg gives the second opinion, on a video with its own
choice of a demuxer and none of the filter's options, as a player does. It knows no JPEG XL here, and no animated WebP,
of which the frames are composed anew. The pictures are soft, since decoders enlarge the colours of 4:2:0 differently.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable

import av
import numpy as np
import pytest
from PIL import Image

from model.errors import JudgeError
from model.formats.media import AVIF, GIF, JXL, PNG, MediaType
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.video import frames
from tests.model.agreement import LIMITS, Pixels, judged_frames, over, rgba, seen_as
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.malformed import changed_headers
from tests.model.samples import encode, picture
from tests.model.test_mutants import second_opinion
from tests.model.videos import video
from tests.model.webms import plain

EACH = 60
ROUNDING = 3
"""Levels of 255 that a pixel of a GIF, a PNG or a video may differ by: blends, and conversion from YCbCr."""
SHADE = 16
"""The same of the mean of 8 x 8 pixels of the others, for which every decoder has arithmetic of its own. Up to 7 were
seen, and 15 where a quantization table multiplied colours beyond their range, which decoders cut off or let run over.
Pictures that differ are 60 and more apart."""
EXACT = (GIF, PNG)


def soft(seed: int = 0, mode: str = "RGB") -> Image.Image:
    """Three by three colours, flowing into each other."""
    return picture(seed, mode).resize((3, 3)).resize((48, 40), Image.Resampling.BICUBIC)


FILES = {
    "jpeg": encode(soft(), "JPEG"),
    "jpeg-progressive": encode(soft(), "JPEG", progressive=True),
    "png": encode(soft(), "PNG"),
    "apng": encode([soft(0), soft(1)], "PNG"),
    "gif": encode(soft(mode="P"), "GIF"),
    "gif-animated": encode([soft(0), soft(1)], "GIF"),
    "webp": encode(soft(), "WEBP"),
    "webp-lossless": encode(soft(mode="RGBA"), "WEBP", lossless=True),
    "webp-animated": encode([soft(0), soft(1)], "WEBP"),
    "avif": encode(soft(), "AVIF", speed=9),
    "avif-animated": encode([soft(0), soft(1)], "AVIF", speed=9),
    "mp4": video(frames=4),
    "webm": plain(frames=4),
}


def judged(data: bytes, media: MediaType) -> list[Pixels]:
    """As agreement.judged_frames, of videos too."""
    if not media.codecs:
        return judged_frames(data)
    return [rgba(frame.pictures()[0]) for frame in frames(data, media, inspect(data, media), LIMITS)]


def player(data: bytes) -> list[Pixels]:
    """The frames of a video as FFmpeg shows them by itself, uint8 (height, width, 4)."""
    with av.open(io.BytesIO(data), "r", metadata_errors="replace") as container:
        container.streams.video[0].thread_type = "NONE"
        return [np.asarray(frame.to_ndarray(format="rgba", threads=1)) for frame in container.decode(video=0)]


def others(data: bytes, media: MediaType) -> list[Pixels]:
    """The second opinion."""
    if media.codecs:
        return player(data)
    container = inspect(data, media)
    if media is AVIF:  # a still and a track are two streams
        return [frame for stream in range(len(container.readings)) for frame in ffmpeg_frames(data, media, stream)]
    return second_opinion(data[: container.end], media)


def shade(mine: Pixels, theirs: Pixels) -> int:
    """How far apart two frames are, as the means of 8 x 8 pixels, in one of the ways in which mine is looked at."""
    views = (mine[..., :3], over(mine, 255), over(mine, 0))
    seen, other = ([Image.fromarray(np.ascontiguousarray(each)).reduce(8) for each in row] for row in (views, [theirs]))
    wanted = np.asarray(other[0].convert("RGB")).astype(int)
    return min(int(np.abs(np.asarray(each).astype(int) - wanted).max()) for each in seen)


def alike(mine: list[Pixels], theirs: list[Pixels], media: MediaType) -> bool:
    if [frame.shape for frame in mine] != [frame.shape for frame in theirs]:
        return False
    if media in EXACT or media.codecs:
        return all(map(lambda one, other: seen_as(one, other, ROUNDING), mine, theirs))
    return all(shade(one, other) <= SHADE for one, other in zip(mine, theirs, strict=True))


def test_what_is_accepted_is_seen_alike(record_property: Callable[[str, object], None]) -> None:
    results: Counter[str] = Counter()
    wrong: list[str] = []
    for name, data in changed_headers(EACH, FILES):
        media = sniff(data)
        try:
            mine = judged(data, media) if media else None
        except JudgeError:
            mine = None
        results["refused" if mine is None else "accepted"] += 1
        if media and mine is not None and not alike(mine, others(data, media), media):
            wrong.append(name)
    record_property(
        "figures",
        f"{results['accepted']} of {results.total()} files with changed headers were accepted, and {len(wrong)} of "
        "those seen otherwise by FFmpeg",
    )
    assert wrong == []
    assert results["accepted"] > results.total() / 5
    assert results["refused"] > results.total() / 5


@pytest.mark.parametrize("name", FILES)
def test_a_different_picture_is_not_taken_for_the_same(name: str) -> None:
    media = sniff(FILES[name])
    assert media
    assert media is not JXL
    mine = judged(FILES[name], media)
    assert alike(mine, mine, media)
    other = rgba(soft(7).resize((mine[0].shape[1], mine[0].shape[0])))
    assert not alike(mine, [*mine[:-1], other], media)
    assert not alike(mine, mine[:-1], media)
