"""Pictures to upload: soft colours with noise, which compress about as photographs do. Each seed another one."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

PATCH = 64
"""Pixels from one colour to the next: the soft part of a picture."""


@dataclass(frozen=True)
class Kind:
    """One kind of picture. `noise` is how far a pixel may be off (0..255); it decides how many bytes the file has."""

    format: str
    width: int
    height: int
    noise: int

    def make(self, seed: int) -> bytes:
        """The file, the same one for the same seed."""
        random = np.random.default_rng(seed)
        size = (self.height // PATCH + 1, self.width // PATCH + 1, 3)
        patches = Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
        soft = np.asarray(patches.resize((self.width, self.height), Image.Resampling.BICUBIC), dtype=np.int16)
        off = random.integers(-self.noise, self.noise + 1, (self.height, self.width, 1), dtype=np.int16)
        picture = Image.fromarray(np.clip(soft + off, 0, 255).astype(np.uint8))
        file = io.BytesIO()
        if self.format == "JPEG":
            picture.save(file, "JPEG", quality=85)
        else:
            picture.save(file, self.format, compress_level=1)
        return file.getvalue()
