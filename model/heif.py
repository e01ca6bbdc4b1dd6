"""The items of an AVIF: which pictures are in it, and do all viewers show each of them alike?

A HEIF file is a collection: pictures, pictures made of others, thumbnails, layers, gain maps, and properties that cut,
turn and mirror them. The decoder (libavif, through Pillow) shows the primary item, and leaves out some of what the file
says of it. So every picture, with its alpha and as a grid of tiles or not, is made the primary one in a reading of its
own, and what libavif leaves out is refused. Sources: ISO/IEC 23008-12 (HEIF) sections 6 and 9, 23000-22 (MIAF) section
7.3, AV1 Image File Format. Rotation and mirroring (irot, imir) count, Exif's orientation does not: model/frames.py asks
libavif for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from model.boxes import avif as walk
from model.boxes import boxes
from model.container import Container
from model.errors import TooLarge, Undecodable, Unsupported
from model.steps import step

MAX_READING_BYTES = 128 * 1024 * 1024
"""Of the copies of a file in which each of its pictures is the primary one. ImageMagick makes such collections of
animations: 44 pictures in 1.2 MB are 55 MB."""

_TOP = (b"ftyp", b"meta", b"moov", b"mdat", b"free", b"skip", b"uuid")
_ONCE = (b"hdlr", b"pitm", b"iinf", b"iref", b"iprp", b"iloc", b"idat")
_PICTURES = (b"av01", b"grid")
_METADATA = (b"Exif", b"mime", b"uri ")
_RELATIONS = (b"auxl", b"dimg", b"cdsc")
"""An auxiliary picture, a tile, a description. Colours multiplied by alpha (prem) are divided by it or not, as a viewer
likes, and so may show a picture of their own; a thumbnail (thmb) is one that libavif does not decode."""
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00", b"urn:mpeg:hevc:2015:auxid:1\x00")
_REFUSED = {
    b"clap": "that is to be cut",  # Pillow shows all of it, browsers what is left
    b"a1lx": "of layers",  # which Chromium shows one by one while they load
    b"lsel": "of layers",
    b"a1op": "of layers",
}
_TURNS = (b"irot", b"imir")
_SAMPLE_ENTRY_BYTES = 78
"""Of a visual sample entry before its boxes; ISO/IEC 14496-12 section 12.1.3."""
_UPRIGHT = b"".join(value.to_bytes(4) for value in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
"""The matrix of a track that is shown as it is; ISO/IEC 14496-12 section 8.3.2."""


def avif(data: bytes) -> Container:
    """All boxes, and the ways to read the file: those of model/boxes.py, and one for each further picture.

    Raises Undecodable for what contradicts itself, Unsupported for what viewers show differently, TooLarge for more
    pictures than there is room for.
    """
    container = walk(data)
    others: list[bytes] = []
    for kind, start, end in boxes(data, 0, len(data)):
        if kind not in _TOP:
            raise Unsupported(f"an AVIF with a box {kind!r}")
        if kind == b"meta":
            still = container.readings[0]
            others = [still[:at] + name + still[at + len(name) :] for at, name in _other_pictures(data, start, end)]
        elif kind == b"moov":
            _check_tracks(data, start, end)
    return replace(container, readings=(*container.readings, *others))


class _Numbers:
    """Big-endian numbers from one place to another."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self.at, self._end = data, start, end

    def take(self, size: int) -> int:
        step()
        self.at += size
        if self.at > self._end:
            raise Undecodable("a box of the AVIF is shorter than what it should hold")
        return int.from_bytes(self._data[self.at - size : self.at])


def _other_pictures(data: bytes, start: int, end: int) -> list[tuple[int, bytes]]:
    """Where the name of the primary item stands, and the name of each other picture to put there instead."""
    found: dict[bytes, tuple[int, int]] = {}
    for kind, at, stop in boxes(data, start + 4, end):
        if kind in found and kind in _ONCE:
            raise Undecodable(f"the AVIF has two boxes {kind!r}")
        found[kind] = at, stop
    if not {b"pitm", b"iinf", b"iprp"} <= found.keys():
        raise Undecodable("the AVIF does not say which picture it is")
    numbers = _Numbers(data, *found[b"pitm"])
    wide = 4 if numbers.take(4) >> 24 else 2
    primary = numbers.take(wide)
    kinds = dict(_items(data, *found[b"iinf"]))
    alphas, tiles = _parts(data, kinds, *found.get(b"iref", (end - 4, end)))
    pictures = [item for item, kind in kinds.items() if kind in _PICTURES and item not in alphas | tiles]
    if primary not in pictures:
        raise Unsupported("an AVIF whose primary item is no picture of its own")
    if len(pictures) * len(data) > MAX_READING_BYTES and len(pictures) > 1:
        raise TooLarge(f"an AVIF of {len(data)} bytes with {len(pictures)} pictures")
    _check_properties(data, *found[b"iprp"], {*pictures, *alphas})
    return [(numbers.at - wide, item.to_bytes(wide)) for item in pictures if item != primary]


def _parts(data: bytes, kinds: dict[int, bytes], start: int, end: int) -> tuple[set[int], set[int]]:
    """The items that are the alpha of others, and those that are tiles of others."""
    alphas: set[int] = set()
    tiles: set[int] = set()
    covered: set[int] = set()
    for relation, item, targets in _relations(data, start, end):
        if relation == b"auxl":
            if covered.intersection(targets):
                raise Unsupported("an AVIF with two alphas for one picture")
            covered.update(targets)
            alphas.add(item)
        elif relation == b"dimg":
            if kinds.get(item) != b"grid" or tiles.intersection(targets):
                raise Unsupported("an AVIF with a picture made of others, but not of tiles of its own")
            tiles.update(targets)
    return alphas, tiles


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(id, kind) of each item."""
    first = start + (8 if data[start : start + 1] > b"\x00" else 6)
    seen: set[int] = set()
    for kind, at, stop in boxes(data, first, end):
        numbers = _Numbers(data, at, stop)
        version = numbers.take(4) >> 24
        if kind != b"infe" or version not in (2, 3):
            raise Undecodable("the AVIF has an item that nobody can read")
        item = numbers.take(2 if version == 2 else 4)
        numbers.take(2)
        name = numbers.take(4).to_bytes(4)
        if name not in _PICTURES + _METADATA:
            raise Unsupported(f"an AVIF with an item of the kind {name!r}")
        if item in seen:
            raise Undecodable("the AVIF has two items of one name")
        seen.add(item)
        yield item, name


def _relations(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, list[int]]]:
    """(relation, from item, to items)."""
    wide = 4 if data[start : start + 1] > b"\x00" else 2
    for relation, at, stop in boxes(data, start + 4, end):
        if relation not in _RELATIONS:
            raise Unsupported(f"an AVIF with items that are related as {relation!r}")
        numbers = _Numbers(data, at, stop)
        item = numbers.take(wide)
        yield relation, item, [numbers.take(wide) for _ in range(numbers.take(2))]


def _check_properties(data: bytes, start: int, end: int, turned: set[int]) -> None:
    """Of the properties only those that Pillow heeds, and rotations where it heeds them: at whole pictures."""
    properties: list[bytes] = []
    for kind, at, stop in boxes(data, start, end):
        if kind == b"ipco":
            if properties:
                raise Undecodable("the AVIF has two lists of properties")
            properties = [_property(data, *found) for found in boxes(data, at, stop)]
    for kind, at, stop in boxes(data, start, end):
        if kind != b"ipma":
            continue
        numbers = _Numbers(data, at, stop)
        head = numbers.take(4)
        for _ in range(numbers.take(4)):
            item = numbers.take(4 if head >> 24 else 2)
            indices = [numbers.take(2) & 0x7FFF if head & 1 else numbers.take(1) & 0x7F for _ in range(numbers.take(1))]
            if any(index > len(properties) for index in indices):
                raise Undecodable("the AVIF has not all properties that it names")
            _check_turns([properties[index - 1] for index in indices if index], item in turned)


def _property(data: bytes, kind: bytes, start: int, end: int) -> bytes:
    if kind in _REFUSED:
        raise Unsupported(f"an AVIF {_REFUSED[kind]}")
    if kind == b"auxC" and data[start + 4 : end] not in _ALPHA:
        raise Unsupported("an AVIF with an auxiliary picture that is not its alpha")
    return kind


def _check_turns(properties: list[bytes], whole: bool) -> None:
    """Rotation comes before mirroring (MIAF 7.3.6.7), each once; libavif takes that for granted."""
    turns = [kind for kind in properties if kind in _TURNS]
    if turns and (not whole or turns not in ([b"irot"], [b"imir"], [b"irot", b"imir"])):
        raise Unsupported("an AVIF that is turned in more than the usual way")


def _check_tracks(data: bytes, start: int, end: int) -> None:
    for track, at, stop in boxes(data, start, end):
        if track == b"trak":
            for kind, first, last in boxes(data, at, stop):
                if kind == b"tkhd" and data[first:last][-44:-8] != _UPRIGHT:
                    raise Unsupported("an AVIF with a track that is turned")
            _check_samples(data, at, stop)


def _check_samples(data: bytes, start: int, end: int) -> None:
    """The only entry of the track's sample descriptions."""
    places = [(start, end)]
    for name in (b"mdia", b"minf", b"stbl", b"stsd"):
        places = [box[1:] for place in places for box in boxes(data, *place) if box[0] == name]
    for at, stop in places:
        entries = list(boxes(data, at + 8, stop))
        if len(entries) != 1:
            raise Unsupported("an AVIF with a track of several kinds of pictures")
        _, first, last = entries[0]
        _check_turns([_property(data, *found) for found in boxes(data, first + _SAMPLE_ENTRY_BYTES, last)], True)
