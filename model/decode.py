"""A file's bytes -> the views that the models are to see. Runs in a decoder process and nowhere else.

Every frame and every picture in the file, in every way in which it may be seen (model/pixels.py), to every model's
input; what comes out the same for all models is kept once. The file is refused if it is broken, truncated or beyond
the limits, and limits are looked at before pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.errors import TooLarge, Undecodable, Unsupported
from model.frames import Sizes, pictures, refusals
from model.media import MediaType
from model.pixels import opaque
from model.preprocess import Views, ViewSpec, make_view
from model.structure import inspect


class PictureLimits(Sizes, Protocol):
    """The limits of a picture; config.settings.Limits has them all."""

    @property
    def max_distinct_frames(self) -> int:
        """Views that differ."""


def decode(data: bytes, media: MediaType, limits: PictureLimits, specs: Sequence[ViewSpec]) -> Views:
    """The views of a whole file, `arrays[i]` uint8 (N, height, width, 3) for `specs[i]`, N at most max_distinct_frames.

    Raises Undecodable, Unsupported and TooLarge; anything else is a bug.
    """
    if not media.judged or media.codecs:
        raise Unsupported(f"{media.name} is not judged yet")
    container = inspect(data, media)
    size: tuple[int, int] | None = None
    counts: list[int] = []
    distinct: dict[tuple[bytes, ...], None] = {}
    for reading in container.readings:
        counts.append(0)
        for frame in pictures(reading, media, container, limits):
            counts[-1] += 1
            size = size or frame.size
            with refusals():
                for picture in opaque(frame):
                    distinct[tuple(make_view(picture, spec).tobytes() for spec in specs)] = None
            if len(distinct) > limits.max_distinct_frames:
                raise TooLarge(f"more than {limits.max_distinct_frames} views that differ")
    if size is None:
        raise Undecodable("no picture in it")
    arrays = tuple(
        np.frombuffer(b"".join(views[i] for views in distinct), np.uint8).reshape(-1, spec.height, spec.width, 3)
        for i, spec in enumerate(specs)
    )
    return Views(*size, max(counts), arrays, len(data) - container.end_of(max(counts)))
