"""A file's bytes -> the views that the models are to see. Runs in a decoder process and nowhere else.

Every frame and every picture in the file, in every way in which it may be seen (model/pixels.py), whole and closely
(model/gallery.py), or a choice of the frames of a video (model/reel.py), to every model's input. The file is refused if
it is broken, truncated or beyond the limits, and limits are looked at before pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from model.chance import SECRET, chances
from model.errors import TooLarge, Undecodable, Unsupported, enough_memory
from model.formats.container import Container
from model.formats.media import MediaType
from model.formats.structure import inspect
from model.frames import MAX_WORK_PIXELS, Size, Sizes, pictures, refusals
from model.gallery import Gallery, Looks
from model.magnified import magnified_size
from model.pixels import opaque
from model.plan import DEFAULT, Plan
from model.preprocess import Views, ViewSpec
from model.reel import Reel
from model.video import VideoSizes, frames


def decode(
    data: bytes,
    media: MediaType,
    limits: VideoSizes,
    specs: Sequence[ViewSpec],
    plan: Plan = DEFAULT,
    secret: bytes = SECRET,
) -> Views:
    """The views of a whole file, `arrays[i]` uint8 (N, height, width, 3) for `specs[i]`, N at most what `plan` allows.

    Where not all can be looked at, `secret` decides what is (model/chance.py).
    Raises Undecodable, Unsupported and TooLarge; anything else is a bug.
    """
    if not media.judged:
        raise Unsupported(f"{media.name} is not judged")
    container = inspect(data, media)
    watch = _video if media.codecs else _pictures
    size, count, looks = watch(data, media, container, limits, _Looking(specs, plan, chances(data, secret)))
    arrays = tuple(
        np.stack([view[i] for view in looks.views]).reshape(-1, spec.height, spec.width, 3)
        for i, spec in enumerate(specs)
    )
    larger = tuple(
        np.stack([part[i] for part in looks.magnified])
        if looks.magnified
        else np.empty((0, *magnified_size(spec), 3), np.uint8)
        for i, spec in enumerate(specs)
    )
    trailing = len(data) - container.end_of(count)
    pdq = np.stack([each.hashes for each in looks.hashed])
    quality = np.array([each.quality for each in looks.hashed], np.uint8)
    return Views(*size, count, arrays, trailing, looks.distinct, looks.seen, looks.parts, larger, pdq, quality)


MAX_SHOWN_PIXELS = MAX_WORK_PIXELS
"""The same of all pictures of a file with more than one, each counted as often as it may be seen otherwise: a frame
with alpha three times."""


class _Looking(NamedTuple):
    """For which models, how much, and by whose choice."""

    specs: Sequence[ViewSpec]
    plan: Plan
    chance: Random


_Found = tuple[Size, int, Looks]
"""(width and height of the first picture, pictures in one reading, what is to be judged)."""


def _video(data: bytes, media: MediaType, container: Container, limits: VideoSizes, looking: _Looking) -> _Found:
    reel = Reel(*looking, container.frames or 0)
    for frame in frames(data, media, container, limits):
        with enough_memory():
            reel.show(frame)
    return container.canvas, container.frames or 1, reel.looks()


def _pictures(_: bytes, media: MediaType, container: Container, limits: Sizes, looking: _Looking) -> _Found:
    size: Size | None = None
    gallery = Gallery(*looking)
    counts: list[int] = []
    work, times = 0, 1
    for reading in container.readings:
        counts.append(0)
        for frame in pictures(reading, media, container, limits):
            counts[-1] += 1
            size = size or frame.size
            # As many times as the last one, which is known before this one has cost anything but its decoding.
            if work + times * math.prod(frame.size) > MAX_SHOWN_PIXELS and sum(counts) > 1:
                raise TooLarge(f"{sum(counts)} pictures of more than {MAX_SHOWN_PIXELS} pixels")
            with refusals():
                shown = opaque(frame)
            times = len(shown)
            work += times * math.prod(frame.size)
            with enough_memory():
                gallery.show(shown)
    if size is None:
        raise Undecodable("no picture in it")
    return size, max(counts), gallery.looks()
