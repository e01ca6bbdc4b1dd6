"""Pictures to upload: soft colours with noise, which compress about as photographs do. Each seed another one."""

from __future__ import annotations

import io
from dataclasses import dataclass

from model.photograph import drawn


@dataclass(frozen=True)
class Kind:
    """One kind of picture. `noise` is how far a pixel may be off (0..255); it decides how many bytes the file has."""

    format: str
    width: int
    height: int
    noise: int

    def make(self, seed: int) -> bytes:
        """The file, the same one for the same seed."""
        picture = drawn(self.width, self.height, self.noise, seed)
        file = io.BytesIO()
        if self.format == "JPEG":
            picture.save(file, "JPEG", quality=85)
        else:
            picture.save(file, self.format, compress_level=1)
        return file.getvalue()
