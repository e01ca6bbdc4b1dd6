"""Where files become views: what the decoder pool is to the judge (model/sandbox.py is the one here)."""

from __future__ import annotations

from typing import Protocol

from model.formats.media import MediaType
from model.preprocess import Views


class Decoder(Protocol):
    """What the judge needs of the decoder pool: bytes to views, raising a JudgeError when there are none."""

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        """Views of one file, the arrays in the order of the models, all of the same number of views."""
        ...

    def expects(self) -> float:
        """In how many seconds another file would have a decoder; 0 when that is not known yet."""
        ...

    async def normalise(self, data: bytes, media: MediaType, deadline: float) -> bytes | None:
        """A still encoded anew, or None for an animation or a video."""
        ...

    async def close(self) -> None:
        """End all children."""
        ...
