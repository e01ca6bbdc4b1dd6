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

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.av1 import sequence_colours
from model.formats.av1frames import check_av1
from model.formats.avistracks import check_tracks_and_frames
from model.formats.boxes import avif as walk
from model.formats.boxes import boxes
from model.formats.boxtree import Numbers, Place
from model.formats.cicp import check_code_points
from model.formats.container import Container
from model.formats.properties import check_properties, check_tracks
from model.formats.units import check_units

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


def avif(data: bytes) -> Container:
    """All boxes, and the ways to read the file: those of model/formats/boxes.py, and one for each further picture.

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
            check_tracks(data, start, end)
            check_tracks_and_frames(data, start, end)
    return replace(container, readings=(*container.readings, *others))


def _other_pictures(data: bytes, start: int, end: int) -> list[tuple[int, bytes]]:
    """Where the name of the primary item stands, and the name of each other picture to put there instead."""
    found: dict[bytes, tuple[int, int]] = {}
    for kind, at, stop in boxes(data, start + 4, end):
        if kind in found and kind in _ONCE:
            raise Undecodable(f"the AVIF has two boxes {kind!r}")
        found[kind] = at, stop
    if not {b"pitm", b"iinf", b"iprp"} <= found.keys():
        raise Undecodable("the AVIF does not say which picture it is")
    numbers = Numbers(data, *found[b"pitm"])
    wide = 4 if numbers.take(4) >> 24 else 2
    primary = numbers.take(wide)
    kinds = dict(_items(data, *found[b"iinf"]))
    alphas, tiles = _parts(data, kinds, *found.get(b"iref", (end - 4, end)))
    pictures = [item for item, kind in kinds.items() if kind in _PICTURES and item not in alphas | tiles]
    if primary not in pictures:
        raise Unsupported("an AVIF whose primary item is no picture of its own")
    if len(pictures) * len(data) > MAX_READING_BYTES and len(pictures) > 1:
        raise TooLarge(f"an AVIF of {len(data)} bytes with {len(pictures)} pictures")
    if max(pictures) >> 8 * wide:
        raise Undecodable("the AVIF has a picture whose number is too large to be the primary one")
    coloured = check_properties(data, *found[b"iprp"], {*pictures, *alphas}, alphas)
    places = _places(data, *found.get(b"iloc", (end, end)), found.get(b"idat", (0, 0))[0])
    _check_pixels(
        data, [(item not in alphas | coloured, places.get(item, ())) for item in kinds if kinds[item] == b"av01"]
    )
    return [(numbers.at - wide, item.to_bytes(wide)) for item in pictures if item != primary]


def _check_pixels(data: bytes, items: list[tuple[bool, tuple[Place, ...]]]) -> None:
    """Look at the AV1 units of pictures: whether their colours count, and the parts that they lie in.

    Pictures may lie in the very same parts, as tiles of one colour do, but not otherwise share bytes.
    """
    left = len(data)
    coloured_within = {parts for counts, parts in items if counts}
    for parts in {parts: None for _, parts in items}:
        left -= sum(max(0, stop - at) for at, stop in parts)
        if left < 0:
            raise Undecodable("the AVIF has pictures that share their bytes")
        pixels = b"".join(data[at:stop] for at, stop in parts)
        if parts in coloured_within:
            check_code_points(*sequence_colours(pixels, 0, len(pixels)))
        check_picture(pixels)


def _parts(data: bytes, kinds: dict[int, bytes], start: int, end: int) -> tuple[set[int], set[int]]:
    """The items that are the alpha of others, and those that are tiles of others."""
    alphas: set[int] = set()
    tiles: set[int] = set()
    covered: set[int] = set()
    for relation, item, targets in _relations(data, start, end):
        if relation == b"auxl":
            if covered.intersection(targets):
                raise Unsupported("an AVIF with two alphas for one picture")
            if not targets or any(kinds.get(target) not in _PICTURES for target in targets):
                raise Unsupported("an AVIF with an alpha of nothing")
            covered.update(targets)
            alphas.add(item)
        elif relation == b"dimg":
            if kinds.get(item) != b"grid" or tiles.intersection(targets):
                raise Unsupported("an AVIF with a picture made of others, but not of tiles of its own")
            tiles.update(targets)
    if alphas & covered:
        raise Unsupported("an AVIF with an alpha that has an alpha")
    return alphas, tiles


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(id, kind) of each item."""
    first = start + (8 if data[start : start + 1] > b"\x00" else 6)
    seen: set[int] = set()
    for kind, at, stop in boxes(data, first, end):
        numbers = Numbers(data, at, stop)
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
        numbers = Numbers(data, at, stop)
        item = numbers.take(wide)
        yield relation, item, [numbers.take(wide) for _ in range(numbers.take(2))]


def check_picture(pixels: bytes) -> None:
    """Unsupported for AV1 units that show other than one frame in one layer, Undecodable for broken ones or none."""
    if not pixels:
        raise Undecodable("the AVIF has a picture that is nowhere")
    whole = [(0, len(pixels))]
    check_units(pixels, whole, "av1", b"")
    check_av1(pixels, whole)


def _places(data: bytes, start: int, end: int, inside: int) -> dict[int, tuple[Place, ...]]:
    """Where the parts of each item are (iloc, ISO/IEC 14496-12 section 8.11.3); `inside`: where idat begins."""
    places: dict[int, tuple[Place, ...]] = {}
    if start == end:
        return places
    numbers = Numbers(data, start, end)
    version = numbers.take(4) >> 24
    sizes = numbers.take(2)
    for_offset, for_length, for_base, for_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for_index = for_index if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(numbers.take(wide)):
        item = numbers.take(wide)
        if item in places:
            raise Undecodable("the AVIF has an item in two places")
        method = numbers.take(2) & 15 if version else 0
        numbers.take(2)
        base = numbers.take(for_base) + (inside if method == 1 else 0)
        parts: list[Place] = []
        for _ in range(numbers.take(2)):
            numbers.take(for_index)
            at, size = base + numbers.take(for_offset), numbers.take(for_length)
            parts.append((at, min(at + size, len(data))))
        places[item] = tuple(parts)
        if method > 1:
            raise Unsupported("an AVIF with items that are parts of others")
    return places
