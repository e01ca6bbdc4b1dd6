"""Drawn photographs to measure with: soft colours and noise, so that a JPEG of them has the bytes, and takes the time,
of one from a camera.

Nobody's pictures are shipped, and the same seed gives the same picture everywhere, to within what another version of
libjpeg rounds otherwise. No two seeds give the same bytes, so that nothing is answered from a memory of verdicts. They
hold nothing that a model looks for: a real photograph comes near a rule more often, and then takes more views.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

PATCH = 64
"""Pixels from one colour to the next: the soft part of a picture."""
NOISE = 12
"""How far a pixel may be off (0..255). At this quality it makes 12 megapixels 3.2 MB, as a phone does."""
QUALITY = 85


def drawn(width: int, height: int, noise: int, seed: int) -> Image.Image:
    """An RGB picture, in which a pixel may be `noise` (0..255) off the soft part: that decides its size in bytes."""
    random = np.random.default_rng(seed)
    size = (height // PATCH + 1, width // PATCH + 1, 3)
    patches = Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
    soft = np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    off = random.integers(-noise, noise + 1, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(soft + off, 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Kind:
    """A kind of photograph; `width` and `height` in pixels."""

    name: str
    width: int
    height: int

    def draw(self, seed: int) -> bytes:
        """A JPEG file, another one for each seed. Takes 0.1 s a megapixel."""
        file = io.BytesIO()
        drawn(self.width, self.height, NOISE, seed).save(file, "JPEG", quality=QUALITY)
        return file.getvalue()


PHONE = Kind("phone photo", 4032, 3024)
"""12 megapixels, 3.2 MB: what a phone's camera makes, uploaded as it is."""
UPLOAD = Kind("ordinary upload", 1600, 1200)
"""500 kB: a photograph as many programs and sites make it smaller before it is sent."""
THUMBNAIL = Kind("thumbnail", 400, 300)
"""32 kB: a link's preview."""
