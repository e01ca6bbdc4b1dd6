"""The EXIF orientation of a picture, read as browsers read it: one tag, and nothing else of EXIF.

Only the first directory is looked at, only a single SHORT counts (EXIF 2.32, 4.6.5), and whatever is broken means
"upright". Pillow's own reader also believes text chunks and XMP, which no browser does, and it raises many things.
"""

from __future__ import annotations

import re
import struct
from typing import Literal

UPRIGHT = 1
MAX_ENTRIES = 1000
"""Entries of the first directory that are read; cameras write about fifteen."""
_TAG, _SHORT = 0x0112, 3
_PREFIX = re.compile(rb"\A(?:Exif\x00\x00){1,2}")


def orientation(exif: bytes) -> int:
    """1 to 8 as in EXIF; 1 (upright) for broken, absent or senseless values. Never raises.

    `exif` is the TIFF structure, with or without the `Exif` prefix that JPEG has before it.
    """
    tiff = _PREFIX.sub(b"", exif)
    if tiff[:4] == b"II*\x00":
        order: Literal["little", "big"] = "little"
    elif tiff[:4] == b"MM\x00*":
        order = "big"
    else:
        return UPRIGHT
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for number in range(min(count, MAX_ENTRIES)):
        entry = tiff[start + 2 + 12 * number : start + 14 + 12 * number]
        tag, kind, values = (int.from_bytes(entry[a:b], order) for a, b in ((0, 2), (2, 4), (4, 8)))
        if tag == _TAG and len(entry) == 12:
            value = int.from_bytes(entry[8:10], order)
            return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def as_exif(turn: int) -> bytes:
    """The least EXIF that says an orientation, 1 to 8."""
    entry = struct.pack("<HHIHH", _TAG, _SHORT, 1, turn, 0)
    return b"II*\x00" + struct.pack("<IH", 8, 1) + entry + bytes(4)
