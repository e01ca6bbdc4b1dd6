"""What a walk over a file finds out before anything is decoded, and how it cuts out what no viewer shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_LAYERS = 100_000
"""Most images that a walk makes layers of; no setting allows more frames. Each costs a kilobyte before the frames are
counted, and a GIF of 40 MiB can hold millions."""
Disposal = Literal["leave", "clear", "previous"]
"""What becomes of an image's place before the next one is drawn: nothing, transparency, or what was there before it."""


@dataclass(frozen=True)
class Layer:
    """One image of an animation, and how a viewer composes it.

    `data`: a file of its own, with that image alone. `left`, `top`: its place on the canvas, in pixels. `over`: what is
    there already shows through, rather than being replaced. `clear`: the RGB colour under the transparency that it
    leaves behind, or that it begins upon as the first. `colours`: entries of its colour table, 0 without one.
    """

    data: bytes
    left: int
    top: int
    disposal: Disposal
    over: bool
    clear: tuple[int, int, int] = (0, 0, 0)
    colours: int = 0


@dataclass(frozen=True)
class Container:
    """The structure of a whole file.

    `end`: bytes up to and with the end marker. `readings`: the bytes to decode, once for each way in which a viewer may
    take the file; the file up to its end, without what no viewer shows. `frames`: pictures that it declares, None where
    only the decoder can tell. `canvas`: (width, height) in pixels that its frames take together, as far as is known.
    `starts` and `ends`: of the pictures that stand one behind the other, if `frames` is None. `codec`, `seconds` and
    `orientation`: of a video, FFmpeg's name of what its only track of pictures is written in, how long it says it
    lasts, and how its frames are turned, as EXIF counts the ways. `layers`: the images of an animation that is composed
    here (model/compose.py) and not by the decoder.
    """

    end: int
    readings: tuple[bytes, ...]
    frames: int | None
    canvas: tuple[int, int] = (1, 1)
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    codec: str | None = None
    seconds: float = 0.0
    layers: tuple[Layer, ...] = ()
    orientation: int = 1

    def end_of(self, pictures: int) -> int:
        """Where the file ends if so many of the pictures at `starts` and `ends` were looked at."""
        return self.ends[pictures - 1] if self.ends else self.end


class Kept:
    """The parts of a file that the decoder is to read, in their order."""

    def __init__(self, end: int) -> None:
        self._parts = [(0, end)]

    def add(self, start: int, end: int) -> None:
        """Keep the bytes from `start` to `end`, which come after all that is kept already."""
        if self._parts[-1][1] == start:
            self._parts[-1] = (self._parts[-1][0], end)
        else:
            self._parts.append((start, end))

    def of(self, data: bytes) -> bytes:
        """The kept parts; the very same object if that is all of it."""
        if len(self._parts) == 1:
            return data[: self._parts[0][1]]
        view = memoryview(data)
        return b"".join(view[start:end] for start, end in self._parts)
