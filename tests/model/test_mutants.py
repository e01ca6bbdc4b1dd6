"""Damaged animations: whatever of them is accepted, other decoders see frame by frame as the filter does.

GIF and APNG are held against FFmpeg, which goes on behind a frame that it cannot decode; WebP, which FFmpeg does not
animate, against the pictures of its frames decoded alone and composed here. Only this may differ: FFmpeg stops early,
so that its frames are the first of those that were judged. It does for chunks between the frames of an APNG.
`MUTANTS=n pytest tests/model/test_mutants.py` looks at n of each format, for a longer search.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import count

import numpy as np
import pytest
from av.error import FFmpegError

from model.errors import JudgeError
from model.formats.media import GIF, PNG, WEBP, MediaType
from model.formats.sniff import sniff
from model.formats.structure import inspect
from tests.model.agreement import Pixels, judged_frames, seen_as
from tests.model.ffmpeg_frames import ffmpeg_frames
from tests.model.mutants import mutant
from tests.model.webp_parts import ALPHA, riff, vp8x

MUTANTS = int(os.environ.get("MUTANTS", "1500"))
"""Damaged files of each format; about a millisecond each, if they are refused."""
ROUNDING = 3
"""Levels of 255 by which blends may differ after some frames."""


def second_opinion(data: bytes, media: MediaType) -> list[Pixels]:
    if media is WEBP:
        return webp_frames(data)
    try:
        return ffmpeg_frames(data, media, forgive=True)
    except (FFmpegError, IndexError):
        return []


def webp_frames(data: bytes) -> list[Pixels]:
    """By RFC 9649, section 2.7.1; the file of a walked WebP."""
    chunks, at = [], 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    frames: list[Pixels] = []
    canvas = np.zeros((0, 0, 4))
    for kind, content in chunks:
        numbers = [int.from_bytes(content[at : at + 3], "little") for at in range(0, 15, 3)]
        if kind == b"VP8X":
            width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (4, 7))
            canvas = np.zeros((height, width, 4))
        if kind == b"ANMF":
            left, top, width, height = 2 * numbers[0], 2 * numbers[1], numbers[2] + 1, numbers[3] + 1
            (alone,) = judged_frames(riff(vp8x((width, height), ALPHA), content[16:]))
            area, new = canvas[top : top + height, left : left + width], alone / 255
            if not content[15] & 2:
                alpha, under = new[..., 3:], area[..., 3:]
                both = alpha + under * (1 - alpha)
                mixed = (new[..., :3] * alpha + area[..., :3] * under * (1 - alpha)) / np.where(both == 0, 1, both)
                new = np.concatenate([mixed, both], axis=-1)
            area[:] = new
            frames.append(np.rint(canvas * 255).astype(np.uint8))
            if content[15] & 1:
                area[:] = 0
    return frames or ffmpeg_frames(data, WEBP, forgive=True)


@pytest.mark.parametrize("media", [GIF, PNG, WEBP], ids=lambda media: media.name)
def test_what_is_accepted_is_seen_alike(media: MediaType) -> None:
    results: Counter[str] = Counter()
    for seed in range(MUTANTS):
        data = mutant(media, seed)
        if sniff(data) is not media:
            results["of another format"] += 1
            continue
        try:
            judged = judged_frames(data)
        except JudgeError:
            results["refused"] += 1
            continue
        theirs = second_opinion(data[: inspect(data, media).end], media)
        assert len(theirs) <= len(judged), seed
        for number, mine, other in zip(count(), judged, theirs, strict=False):
            assert seen_as(mine, other, ROUNDING), (seed, number)
        results["accepted" if len(theirs) == len(judged) else "accepted, and FFmpeg stopped early"] += 1
    print(media.name, dict(results))
    assert results["accepted"] > MUTANTS / 10
    assert results["refused"] > MUTANTS / 10
    assert results["accepted, and FFmpeg stopped early"] <= results["accepted"] / 50
