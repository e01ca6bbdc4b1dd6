"""The picture track of an MP4 or QuickTime file: its codec, its size, how it is turned, what its edit list leaves out.

Accepted is what cameras and encoders write: one description, an edit list that starts with the first frame and ends
behind the last, turns by 90 degrees. Whatever lets one player show another part, shape or colour of the pictures than
the next is refused. Sources: ISO/IEC 14496-12 sections 8.3 to 8.6 and 12.1, QuickTime File Format.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import Undecodable, Unsupported
from model.formats.boxes import boxes
from model.formats.boxtree import VISUAL_ENTRY_BYTES, Place, level, numbers, only, table
from model.formats.sampletable import Sample
from model.formats.shape import check_matrix, check_square

CODECS = {b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc", b"av01": "av1"}
"""FFmpeg's name for each sample entry that is accepted; ISO/IEC 14496-15, AV1 Codec ISO Media File Format Binding."""
ACCEPTED = "MP4 and QuickTime with H.264, H.265 or AV1, one video track and at most one audio track"

_CONFIGURATIONS = {"h264": b"avcC", "hevc": b"hvcC", "av1": b"av1C"}
_BESIDE = tuple(b"pasp clap btrt fiel gama chrm mdcv clli amve ccst SmDm CoLL dvcC dvvC".split())
"""Shape, colour and rate. dvcC and dvvC are Dolby Vision over an ordinary picture, which iPhones write; a second layer
is refused frame by frame (model/formats/units.py)."""
_APERTURES = (b"clef", b"prof", b"enof")
_ONE = 1 << 16
_ENABLED = 1
_ORIENTATIONS = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
"""EXIF's number for the matrix (a, b, c, d) that takes a point (x, y) to (ax + cy, bx + dy), y downwards."""


class Description(NamedTuple):
    """What the frames are written in: FFmpeg's name of the codec, its configuration, (width, height) in pixels."""

    codec: str
    configuration: bytes
    size: tuple[int, int]


def description(data: bytes, place: Place, references: int) -> Description:
    """The one description in a stsd. Unsupported for other codecs, for a crop, for pixels far from square."""
    entries = list(boxes(data, place[0] + 8, place[1], zeros=True))
    if numbers(data, place, ">I", 4) != (1,) or len(entries) != 1:
        raise Unsupported(f"a video track with {len(entries)} descriptions; one is accepted")
    ((kind, *inside),) = entries
    if kind not in CODECS:
        raise Unsupported(f"a video track in {kind!r}; accepted is {ACCEPTED}")
    codec = CODECS[kind]
    entry = (inside[0], inside[1])
    (reference,) = numbers(data, entry, ">H", 6)
    width, height = numbers(data, entry, ">HH", 24)
    if not 1 <= reference <= references:
        raise Undecodable("a video track whose frames lie in a file that it does not name")
    parts = level(
        data,
        (entry[0] + VISUAL_ENTRY_BYTES, entry[1]),
        "the video's description",
        (_CONFIGURATIONS[codec], *_BESIDE),
        (b"colr", b"free", b"skip", b"uuid"),
        zeros=True,
    )
    start, end = only(parts, _CONFIGURATIONS[codec])
    if b"clap" in parts:
        _not_cropped(numbers(data, only(parts, b"clap"), ">IIIIiIiI"), (width, height))
    for colours in parts.get(b"colr", []):
        _known_colours(data, colours)
    if b"pasp" in parts:
        check_square(*numbers(data, only(parts, b"pasp"), ">II"))
    return Description(codec, data[start:end], (width, height))


def turned(data: bytes, tkhd: Place, size: tuple[int, int]) -> int:
    """How a track header turns frames of (width, height), as EXIF counts it. Unsupported if it is hidden or skewed."""
    version, flags = numbers(data, tkhd, ">B3s")
    if not flags[2] & _ENABLED:
        raise Unsupported("a hidden video track")
    *matrix, width, height = numbers(data, tkhd, ">9iII", 52 if version else 40)
    if width and height:
        check_square(width * size[1], height * size[0])
    return orientation(matrix)


def check_apertures(data: bytes, tapt: Place, size: tuple[int, int]) -> None:
    """The sizes in which QuickTime shows a track of (width, height): clean, whole or encoded. Unsupported if one is far
    from its shape, or of another kind (QuickTime File Format, "Track Aperture Mode Dimensions").
    """
    for places in level(data, tapt, "the apertures", _APERTURES, zeros=True).values():
        width, height = numbers(data, places[0], ">II", 4)
        if width or height:
            check_square(width * size[1], height * size[0])


def orientation(matrix: list[int]) -> int:
    """EXIF's number for a matrix of nine fixed-point numbers; Unsupported for others than turns and mirrors."""
    a, b, u, c, d, v, _, _, w = matrix
    turn = tuple(value // _ONE for value in (a, b, c, d))
    if turn not in _ORIENTATIONS or any(value % _ONE for value in (a, b, c, d)) or (u, v, w) != (0, 0, 1 << 30):
        raise Unsupported("a video that is turned by other than 90 degrees, or scaled, or skewed")
    return _ORIENTATIONS[turn]


def check_edits(data: bytes, elst: Place, frames: list[Sample], ticks: int, movie_ticks: int) -> None:
    """An edit list may delay the track, and then has to show all of it at its own speed. Unsupported otherwise.

    Some encoders begin before the first frame and lose the last ones by it; those are decoded like all others.
    `ticks` and `movie_ticks` are those of the track and of the movie in a second.
    """
    long = numbers(data, elst, ">B")[0] == 1
    edits = table(data, elst, ">QqI" if long else ">IiI")
    if len(edits) == 2 and edits[0][1] == -1:
        del edits[0]
    if len(edits) != 1 or edits[0][2] != _ONE or edits[0][1] < 0:
        raise Unsupported("a video with an edit list that repeats, skips or slows down parts of it")
    length, begin, _ = edits[0]
    shown: list[int] = []
    at = 0
    for sample in frames:
        shown.append(at + sample.shift)
        at += sample.duration
    if shown and (begin > min(shown) or (length and length * ticks // movie_ticks < max(shown) - min(shown))):
        raise Unsupported("a video with an edit list that hides frames")


def _not_cropped(clap: tuple[int, ...], size: tuple[int, int]) -> None:
    """12.1.4: width, height and the two offsets of the middle, each a numerator and a denominator."""
    if clap[0] != size[0] * clap[1] or clap[2] != size[1] * clap[3] or clap[4] or clap[6]:
        raise Unsupported("a video of which only a part is shown (clap)")


def _known_colours(data: bytes, place: Place) -> None:
    """12.1.5: no ICC profile, and a matrix that is known. QuickTime writes nclc, of the same numbers."""
    (kind,) = numbers(data, place, ">4s")
    if kind not in (b"nclx", b"nclc"):
        raise Unsupported(f"a video with colours of the kind {kind!r}")
    check_matrix(*numbers(data, place, ">H", 8))
