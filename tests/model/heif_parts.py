"""AVIF files taken apart and put together again with other items, relations and properties."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from model.formats.boxes import boxes
from tests.model.samples import encode, picture


def box(kind: bytes, *content: bytes) -> bytes:
    """A box with this content."""
    whole = b"".join(content)
    return (8 + len(whole)).to_bytes(4) + kind + whole


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, bytes([version]) + flags.to_bytes(3), *content)


def u16(*values: int) -> bytes:
    """Numbers of two bytes."""
    return b"".join(value.to_bytes(2) for value in values)


def children(data: bytes, start: int, end: int) -> dict[bytes, bytes]:
    """Type and content of the boxes there; the last of each type."""
    return {kind: data[at:stop] for kind, at, stop in boxes(data, start, end)}


COLOURS = box(b"colr", b"nclx", u16(1, 13, 6), b"\x80")
_ESSENTIAL = (b"irot", b"imir", b"clap", b"lsel", b"a1op", b"av1C")
IROT, IMIR = box(b"irot", b"\x01"), box(b"imir", b"\x00")


@dataclass(frozen=True)
class Item:
    """One item: its kind, its pixels, and its properties as boxes."""

    kind: bytes
    pixels: bytes
    properties: tuple[bytes, ...]

    def having(self, *properties: bytes) -> Item:
        """The same with more properties."""
        return replace(self, properties=(*self.properties, *properties))


@dataclass(frozen=True)
class Collection:
    """An AVIF of items 1, 2, 3 and so on. `related` are (relation, from, to...)."""

    items: tuple[Item, ...]
    related: tuple[tuple[bytes, int, *tuple[int, ...]], ...] = ()
    primary: int = 1
    wide: bool = False
    more: tuple[bytes, ...] = ()
    top: tuple[bytes, ...] = ()
    left_out: tuple[bytes, ...] = field(default=())

    def file(self) -> bytes:
        """The whole file; names of items have four bytes if `wide`."""
        size, version = (4, 1) if self.wide else (2, 0)

        def name(item: int) -> bytes:
            return item.to_bytes(size)

        properties = [one for item in self.items for one in item.properties]
        entries, number = b"", 0
        for index, item in enumerate(self.items, 1):
            numbers = range(number + 1, number + 1 + len(item.properties))
            number += len(item.properties)
            essential = [one[4:8] in _ESSENTIAL for one in item.properties]
            entries += name(index) + bytes([len(numbers)])
            for place, must in zip(numbers, essential, strict=True):
                entries += u16(place | must << 15) if self.wide else bytes([place | must << 7])
        infos = [
            full(b"infe", name(index), b"\x00\x00", item.kind, b"\x00", version=3 if self.wide else 2)
            for index, item in enumerate(self.items, 1)
        ]
        relations = [
            box(relation, name(item), u16(len(targets)), *map(name, targets))
            for relation, item, *targets in self.related
        ]
        parts = {
            b"hdlr": full(b"hdlr", bytes(4), b"pict", bytes(13)),
            b"pitm": full(b"pitm", name(self.primary), version=version),
            b"iinf": full(b"iinf", len(infos).to_bytes(size), *infos, version=version),
            b"iref": full(b"iref", *relations, version=version),
            b"iprp": box(
                b"iprp",
                box(b"ipco", *properties),
                full(b"ipma", len(self.items).to_bytes(4), entries, version=version, flags=version),
            ),
            b"idat": box(b"idat", *(item.pixels for item in self.items)),
        }
        locations, at = b"", 0
        for index, item in enumerate(self.items, 1):
            locations += name(index) + u16(1, 0, 1) + at.to_bytes(4) + len(item.pixels).to_bytes(4)
            at += len(item.pixels)
        count = len(self.items).to_bytes(size)
        parts[b"iloc"] = full(b"iloc", b"\x44\x00", count, locations, version=2 if self.wide else 1)
        meta = full(b"meta", *(part for kind, part in parts.items() if kind not in self.left_out), *self.more)
        return box(b"ftyp", b"avif", bytes(4), b"mif1", b"avif") + meta + b"".join(self.top)


def picture_item(seed: int = 0, size: tuple[int, int] = (48, 40), mode: str = "RGB") -> Item:
    """An AV1 picture from a file that Pillow writes."""
    data = encode(picture(seed, mode, size), "AVIF", speed=10, quality=95, subsampling="4:4:4")
    top = children(data, 0, len(data))
    meta = children(data[:], 0, len(data))[b"meta"]
    properties = children(meta, 4, len(meta))[b"iprp"]
    found = children(properties, 0, len(properties))[b"ipco"]
    kept = [box(kind, content) for kind, content in children(found, 0, len(found)).items() if kind != b"irot"]
    return Item(b"av01", top[b"mdat"], tuple(kept))


def grid_item(columns: int, rows: int, size: tuple[int, int]) -> Item:
    """A picture of so many tiles."""
    ispe = full(b"ispe", *(side.to_bytes(4) for side in size))
    pixi = full(b"pixi", b"\x03\x08\x08\x08")
    return Item(b"grid", bytes([0, 0, rows - 1, columns - 1]) + u16(*size), (ispe, pixi))


UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True)
class Track:
    """A track of an animation: AV1 pictures, the boxes of their description, its kind, the tracks that it is of."""

    pictures: tuple[Item, ...]
    described: tuple[bytes, ...] = ()
    handler: bytes = b"pict"
    number: int = 1
    of: tuple[int, ...] = ()
    matrix: tuple[int, ...] = UPRIGHT
    entries: int = 1
    code: bytes = b"av01"
    version: int = 0

    def box(self, at: int, table: bytes = b"stco") -> bytes:
        """The trak, the pictures of which stand one behind the other from a place in the file on."""
        wide = 8 * self.version
        numbers = self.number.to_bytes(4) + bytes(24 + wide // 2) + b"".join(value.to_bytes(4) for value in self.matrix)
        header = full(b"tkhd", bytes(8 + wide), numbers, u16(48, 0, 40, 0), version=self.version)
        entry = box(self.code, bytes(24), u16(48, 40), bytes(50), *(self.described or (COLOURS,)))
        sizes = [len(item.pixels) for item in self.pictures]
        count = len(sizes).to_bytes(4)
        one = (1).to_bytes(4)
        tables = (
            full(b"stsd", self.entries.to_bytes(4), entry * self.entries),
            full(b"stts", one, count, one),
            full(b"stsc", one, one, count, one),
            full(b"stsz", bytes(4), count, *(size.to_bytes(4) for size in sizes)),
            full(table, one, at.to_bytes(4 if table == b"stco" else 8)),
        )
        handler = full(b"hdlr", bytes(4), self.handler, bytes(13))
        media = box(
            b"mdia", full(b"mdhd", bytes(8), one, count, bytes(4)), handler, box(b"minf", box(b"stbl", *tables))
        )
        reference = [box(b"tref", box(b"auxl", *(number.to_bytes(4) for number in self.of)))] if self.of else []
        return box(b"trak", header, *reference, media)


def animated(collection: Collection, *tracks: Track, table: bytes = b"stco") -> bytes:
    """An AVIF with tracks behind its items, their pictures in front of them."""
    at = len(collection.file()) + 8
    pixels, traks = b"", b""
    for track in tracks:
        traks += track.box(at + len(pixels), table)
        pixels += b"".join(item.pixels for item in track.pictures)
    return replace(collection, top=(*collection.top, box(b"mdat", pixels), box(b"moov", traks))).file()
