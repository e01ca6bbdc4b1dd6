"""What the filter judges of a file, as arrays, to hold against another decoder's opinion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from config.media import Limits
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.frames import pictures

Pixels = NDArray[np.uint8]
LIMITS = Limits()


def judged_frames(data: bytes) -> list[Pixels]:
    """Each composed frame of all readings, uint8 (height, width, 4), RGBA with the colours under alpha 0.

    Raises JudgeError if the file is refused.
    """
    media = sniff(data)
    assert media
    container = inspect(data, media)
    return [rgba(frame) for reading in container.readings for frame in pictures(reading, media, container, LIMITS)]


def rgba(image: Image.Image) -> Pixels:
    """A loaded picture, uint8 (height, width, 4)."""
    return np.array(image.convert("RGBA"))


def over(frame: Pixels, level: int) -> Pixels:
    """A frame on a background of one grey level, uint8 (height, width, 3)."""
    alpha = frame[..., 3:].astype(float) / 255
    return np.rint(frame[..., :3] * alpha + level * (1 - alpha)).astype(np.uint8)


def distance(one: Pixels, other: Pixels) -> int:
    """Largest difference, in levels of 255, of two frames as seen over white and over black."""
    if one.shape != other.shape:
        return 256
    return max(int(np.abs(over(one, level).astype(int) - over(other, level)).max()) for level in (0, 255))


def modular(mine: Pixels, theirs: Pixels) -> float:
    """Largest difference as seen, in levels of 255 modulo 256: FFmpeg lets 255 run over to 0 where it mixes two partly
    transparent pixels, an error of its own."""
    if mine.shape != theirs.shape:
        return 256
    difference = (theirs[..., :3].astype(int) - mine[..., :3] + 128) % 256 - 128
    seen = np.abs(difference) * (mine[..., 3:] / 255)
    return max(float(seen.max()), float(np.abs(theirs[..., 3].astype(int) - mine[..., 3]).max()))


def seen_as(mine: Pixels, theirs: Pixels, rounding: int) -> bool:
    """Whether the other decoder's frame is the judged one, or one of its views without the alpha of the other."""
    if mine.shape != theirs.shape:
        return False
    views = (mine[..., :3], over(mine, 255), over(mine, 0))
    flat = min(int(np.abs(theirs[..., :3].astype(int) - view).max()) for view in views)
    return min(float(flat), modular(mine, theirs)) <= rounding
