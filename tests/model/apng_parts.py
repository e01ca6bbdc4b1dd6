"""APNGs by hand, chunk by chunk (PNG specification, third edition), for tests that need what no encoder writes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.model.samples import chunk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
END = chunk(b"IEND", b"")


def header(width: int, height: int, depth: int = 8, colour: int = RGBA, interlaced: bool = False) -> bytes:
    """Signature and IHDR."""
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def actl(frames: int, plays: int = 0) -> bytes:
    """How many frames there are."""
    return chunk(b"acTL", struct.pack(">II", frames, plays))


def fctl(
    sequence: int, size: tuple[int, int], place: tuple[int, int] = (0, 0), dispose: int = 0, blend: int = 0
) -> bytes:
    """How one frame is shown."""
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, *size, *place, 1, 10, dispose, blend))


def pixels(samples: NDArray[np.unsignedinteger], depth: int) -> bytes:
    """Compressed rows without filter; `samples` (height, width, channels) or (height, width)."""
    rows = samples.reshape(len(samples), -1)
    if depth == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif depth == 8:
        packed = rows.astype(np.uint8)
    else:
        bits = np.unpackbits(rows.astype(np.uint8)[..., None], axis=-1)[..., -depth:]
        packed = np.packbits(bits.reshape(len(rows), -1), axis=-1)
    return zlib.compress(b"".join(b"\x00" + row.tobytes() for row in packed))


def adam7(samples: NDArray[np.uint8], passes: int = 7) -> bytes:
    """Compressed rows of the first passes, without filter; PNG specification, section 8.2."""
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    parts = [samples[top::down, left::right] for left, top, right, down in steps[:passes]]
    return zlib.compress(b"".join(b"\x00" + row.tobytes() for part in parts if part.size for row in part))


def idat(data: bytes) -> bytes:
    """Pixels of the still."""
    return chunk(b"IDAT", data)


def fdat(sequence: int, data: bytes) -> bytes:
    """Pixels of a later frame."""
    return chunk(b"fdAT", sequence.to_bytes(4) + data)


@dataclass(frozen=True)
class Frame:
    """One frame: samples (height, width, channels), its place, and what its control says."""

    samples: NDArray[np.unsignedinteger]
    place: tuple[int, int] = (0, 0)
    dispose: int = 0
    blend: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.samples.shape[1], self.samples.shape[0]


def apng(
    frames: Sequence[Frame], depth: int = 8, colour: int = RGBA, before: bytes = b"", apart: Frame | None = None
) -> bytes:
    """An animation; `apart` is a still that is not one of its frames, `before` chunks before the pixels."""
    still = apart or frames[0]
    parts = [header(*still.size, depth, colour), before, actl(len(frames))]
    sequence = 0
    if apart:
        parts.append(idat(pixels(apart.samples, depth)))
    for frame in frames:
        parts.append(fctl(sequence, frame.size, frame.place, frame.dispose, frame.blend))
        sequence += 1
        if frame is still:
            parts.append(idat(pixels(frame.samples, depth)))
        else:
            parts.append(fdat(sequence, pixels(frame.samples, depth)))
            sequence += 1
    return b"".join([*parts, END])
