"""JPEG: is every segment there, up to the end marker, and which pictures follow it where an index says that some do?

The loop runs over segments; entropy-coded data is skipped by a regular expression. Source: ITU-T T.81.
"""

from __future__ import annotations

import re

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.container import Container
from model.formats.orientation import UPRIGHT, orientation
from model.formats.scans import Scans
from model.formats.steps import step

_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""The next JPEG marker, past junk, fill bytes, entropy-coded data and restart markers (ITU-T T.81, B.1.1). It begins
with one plain byte, which the engine looks for 20 times as fast as for a repetition."""
_EOI, _SOI, _TEM, _APP1, _APP2 = 0xD9, 0xD8, 0x01, 0xE1, 0xE2
_EXIF = re.compile(rb"Exif\x00(.)(?:II\*\x00|MM\x00\*)", re.DOTALL)
"""Where EXIF begins; one of more than 64 KiB goes on in further segments, without the second half. The sixth byte
should be zero; not all viewers look at it, and Pillow sees no EXIF where it is another."""

_NEXT_PICTURE = b"\xff\xd8\xff"
PICTURE_STEPS = 20
"""What one more picture counts as among the steps of a walk; it takes as long as so many segments."""
MAX_GAP_BYTES = 64 * 1024
"""Most bytes between two pictures of one file; programs align them to some power of two."""


def jpeg_end(data: bytes, start: int = 0) -> tuple[int, bool]:
    """(place after the end marker, whether an index of further pictures was met) of the JPEG that begins at `start`.

    The index is that of the Multi-Picture Format, CIPA DC-007. Raises Undecodable if the picture breaks off, and what
    model/formats/scans.py raises.
    """
    at = start + 2
    index = False
    scans = Scans()
    turns: set[int] = set()
    perhaps: set[int] = set()
    while match := _MARKER.search(data, at):
        step()
        at = match.end()
        marker = match[1][0]
        if marker == _EOI:
            scans.finish()
            if len(turns) > 1 or not perhaps <= (turns or {UPRIGHT}):
                raise Undecodable("the JPEG says twice which way is up, or where only some look, and not the same")
            return at, index
        if marker in (_SOI, _TEM):
            continue
        length = int.from_bytes(data[at : at + 2])
        if length < 2:
            break
        index = index or (marker == _APP2 and data[at + 2 : at + 6] == b"MPF\x00")
        scans.segment(marker, data[at + 2 : at + length])
        if marker == _APP1 and (exif := _EXIF.match(data, at + 2)):
            (perhaps if exif[1] != b"\x00" else turns).add(orientation(data[exif.end(1) : at + length]))
        at += length
    raise Undecodable("the JPEG breaks off before its end marker")


def jpeg(data: bytes) -> Container:
    """One picture up to its end marker; where an index says that there are more, all that follow close upon another.

    Which of them the index really names only the decoder can tell; what comes behind those is cut off there.
    """
    end, index = jpeg_end(data)
    if not index:
        return Container(end, (data[:end],), 1)
    starts, ends = [0], [end]
    while (start := data.find(_NEXT_PICTURE, ends[-1], ends[-1] + MAX_GAP_BYTES)) >= 0:
        try:
            ends.append(jpeg_end(data, start)[0])
        except (Undecodable, Unsupported, TooLarge):
            break  # it is cut off, with all behind it
        finally:
            step(PICTURE_STEPS)  # TooLarge also where the last one ended at too many steps
        starts.append(start)
    return Container(ends[-1], (data[: ends[-1]],), None, starts=tuple(starts), ends=tuple(ends))
