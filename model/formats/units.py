"""The units that a frame is made of, H.264's and H.265's NAL units and AV1's OBUs: is there a second layer in them?

A layer is a second picture in the same frame: the other eye, an alpha channel, a larger size. Most players skip it,
some show it (Safari has H.265 with alpha, headsets have stereo), and our decoder does not. So it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.obu import unit

MAX_UNITS = 200_000
"""Units in all frames together: 900 frames of full HD have ten or fewer each. 200,000 take a fifth of a second."""

_H264_UNITS = frozenset({1, 5, 6, 7, 8, 9, 10, 11, 12})
"""ITU-T H.264 table 7-1 without data partitions, the auxiliary picture and the extensions for layers and views."""
_HEVC_MAX_UNIT, _DOLBY_METADATA = 40, 62
"""ITU-T H.265 table 7-1 up to SEI; beyond are reserved ones, and 62, which Dolby Vision uses for metadata."""
_AV1_TILE_LIST = 8

_LAYERS = "a video of more than one layer (stereo, alpha, scalable); one plain layer is accepted"


def check_units(data: bytes, frames: Iterable[tuple[int, int]], codec: str, configuration: bytes) -> None:
    """Walk all units of the frames at (start, end). `configuration` is the content of avcC, hvcC or av1C.

    Raises Unsupported for layers, Undecodable for units that do not fill their frame, TooLarge for too many.
    """
    if codec == "av1":
        left = MAX_UNITS
        for start, end in frames:
            left = _obus(data, start, end, left)
        return
    at = 4 if codec == "h264" else 21  # lengthSizeMinusOne, ISO/IEC 14496-15, sections 5.3.3.1 and 8.3.3.1
    if len(configuration) <= at:
        raise Undecodable("the decoder's configuration breaks off")
    _nals(data, frames, codec, (configuration[at] & 3) + 1)


def _nals(data: bytes, frames: Iterable[tuple[int, int]], codec: str, length_bytes: int) -> None:
    count = 0
    head = 1 if codec == "h264" else 2
    for start, end in frames:
        at = start
        while at < end:
            count += 1
            size = int.from_bytes(data[at : at + length_bytes])
            at += length_bytes
            if size < head or at + size > end:
                raise Undecodable("the units of a frame do not fill it")
            if count > MAX_UNITS:
                raise TooLarge(f"more than {MAX_UNITS} units in its frames")
            _plain_h264(data[at]) if codec == "h264" else _plain_hevc(data[at], data[at + 1])
            at += size


def _plain_h264(head: int) -> None:
    if head & 0x1F not in _H264_UNITS:
        raise Unsupported(_LAYERS)


def _plain_hevc(first: int, second: int) -> None:
    kind, layer = first >> 1 & 0x3F, (first & 1) << 5 | second >> 3
    if layer or (kind >= _HEVC_MAX_UNIT + 1 and kind != _DOLBY_METADATA):
        raise Unsupported(_LAYERS)


def _obus(data: bytes, at: int, end: int, left: int) -> int:
    """Returns how many more there may be."""
    while at < end:
        left -= 1
        found = unit(data, at, end)
        if not found.forbidden and (found.kind == _AV1_TILE_LIST or found.layer):
            raise Unsupported(_LAYERS)
        if found.forbidden or found.end > end:
            raise Undecodable("the units of a frame do not fill it")
        if left < 0:
            raise TooLarge(f"more than {MAX_UNITS} units in its frames")
        at = found.end
    return left
