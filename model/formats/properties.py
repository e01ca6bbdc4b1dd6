"""The properties of pictures in an AVIF, and its tracks: what libavif heeds, and what it leaves out is refused.

Sources: ISO/IEC 23008-12 (HEIF) sections 6.5 and 9.3, 23000-22 (MIAF) section 7.3, AV1 Image File Format section 2.3.
"""

from __future__ import annotations

from collections.abc import Collection

from model.errors import Undecodable, Unsupported
from model.formats.av1 import sequence_colours
from model.formats.boxes import boxes
from model.formats.boxtree import VISUAL_ENTRY_BYTES, Numbers
from model.formats.cicp import check_code_points

_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00", b"urn:mpeg:hevc:2015:auxid:1\x00")
_REFUSED = {
    b"clap": "that is to be cut",  # Pillow shows all of it, browsers what is left
    b"a1lx": "of layers",  # which Chromium shows one by one while they load
    b"lsel": "of layers",
    b"a1op": "of layers",
}
_TURNS = (b"irot", b"imir")
_NCLX = b"nclx"
"""Colours by number; without them viewers take what the AV1 sequence header says."""
_UPRIGHT = b"".join(value.to_bytes(4) for value in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
"""The matrix of a track that is shown as it is; ISO/IEC 14496-12 section 8.3.2."""


def check_properties(
    data: bytes, start: int, end: int, turned: set[int], alphas: Collection[int] = frozenset()
) -> set[int]:
    """The items to which this iprp box gives colours by number; Unsupported for properties that Pillow does not heed.

    `turned`: the items that may be rotated and mirrored. `alphas`: those that others refer to as auxiliary, and which
    have to say that they are: viewers take them for nothing otherwise, or for pictures. Undecodable for properties that
    are not there.
    """
    silent = set(alphas)
    coloured: set[int] = set()
    properties: list[bytes] = []
    for kind, at, stop in boxes(data, start, end):
        if kind == b"ipco":
            if properties:
                raise Undecodable("the AVIF has two lists of properties")
            properties = [_property(data, *found) for found in boxes(data, at, stop)]
    for kind, at, stop in boxes(data, start, end):
        if kind != b"ipma":
            continue
        numbers = Numbers(data, at, stop)
        head = numbers.take(4)
        for _ in range(numbers.take(4)):
            item = numbers.take(4 if head >> 24 else 2)
            indices = [numbers.take(2) & 0x7FFF if head & 1 else numbers.take(1) & 0x7F for _ in range(numbers.take(1))]
            if any(index > len(properties) for index in indices):
                raise Undecodable("the AVIF has not all properties that it names")
            named = [properties[index - 1] for index in indices if index]
            _check_turns(named, item in turned)
            if _NCLX in named:
                coloured.add(item)
            if b"auxC" in named:
                silent.discard(item)
    if silent:
        raise Unsupported("an AVIF with an auxiliary picture that is not its alpha")
    return coloured


def _property(data: bytes, kind: bytes, start: int, end: int) -> bytes:
    if kind in _REFUSED:
        raise Unsupported(f"an AVIF {_REFUSED[kind]}")
    if kind == b"auxC" and data[start + 4 : end] not in _ALPHA:
        raise Unsupported("an AVIF with an auxiliary picture that is not its alpha")
    if kind == b"colr" and data[start : start + 4] == _NCLX:
        numbers = Numbers(data, start + 4, end)
        check_code_points(numbers.take(2), numbers.take(2))
        return _NCLX
    return kind


def _check_turns(properties: list[bytes], whole: bool) -> None:
    """Rotation comes before mirroring (MIAF 7.3.6.7), each once; libavif takes that for granted."""
    turns = [kind for kind in properties if kind in _TURNS]
    if turns and (not whole or turns not in ([b"irot"], [b"imir"], [b"irot", b"imir"])):
        raise Unsupported("an AVIF that is turned in more than the usual way")


def check_tracks(data: bytes, start: int, end: int) -> None:
    """Raise Unsupported if a track of this moov box is shown otherwise than its frames are, or differently.

    Undecodable if it has no frames.
    """
    for track, at, stop in boxes(data, start, end):
        if track == b"trak":
            for kind, first, last in boxes(data, at, stop):
                if kind == b"tkhd" and data[first:last][-44:-8] != _UPRIGHT:
                    raise Unsupported("an AVIF with a track that is turned")
            _check_samples(data, at, stop)


def _check_samples(data: bytes, start: int, end: int) -> None:
    """The only entry of the track's sample descriptions."""
    tables = [(start, end)]
    for name in (b"mdia", b"minf", b"stbl"):
        tables = [box[1:] for place in tables for box in boxes(data, *place) if box[0] == name]
    for table, kind, at, stop in [(place, *box) for place in tables for box in boxes(data, *place)]:
        if kind != b"stsd":
            continue
        entries = list(boxes(data, at + 8, stop))
        if len(entries) != 1:
            raise Unsupported("an AVIF with a track of several kinds of pictures")
        _, first, last = entries[0]
        properties = [_property(data, *found) for found in boxes(data, first + VISUAL_ENTRY_BYTES, last)]
        _check_turns(properties, True)
        if _NCLX not in properties and b"auxi" not in properties:
            check_code_points(*sequence_colours(data, *_first_sample(data, table)))


def _first_sample(data: bytes, table: tuple[int, int]) -> tuple[int, int]:
    """From the first sample of a track on."""
    for kind, start, end in boxes(data, *table):
        if kind in (b"stco", b"co64"):
            numbers = Numbers(data, start, end)
            numbers.take(8)
            return numbers.take(4 if kind == b"stco" else 8), len(data)
    raise Undecodable("the AVIF has a track without pictures")
