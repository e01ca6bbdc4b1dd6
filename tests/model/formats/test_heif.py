"""AVIF items: every picture is judged as all viewers show it, and a file that they show differently is refused."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from config.media import Limits
from model.decode import decode
from model.errors import TooLarge, Undecodable, Unsupported
from model.formats import heif
from model.formats.heif import avif
from model.formats.media import AVIF
from model.formats.orientation import as_exif
from model.frames import pictures
from model.pixels import opaque
from model.preprocess import ViewSpec
from tests.model.heif_parts import (
    COLOURS,
    IMIR,
    IROT,
    Collection,
    Item,
    Track,
    animated,
    box,
    full,
    grid_item,
    picture_item,
    u16,
)
from tests.model.samples import ANIMATIONS, STILLS, encode, picture

SIDE = 64, 64
DOWN, ACROSS = box(b"irot", b"\x02"), box(b"imir", b"\x01")
DEPTH = full(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth\x00")
PLAIN = picture_item()
OTHER = picture_item(1)
ALPHA = Item(
    b"av01",
    picture_item(3, mode="L").pixels,
    (
        *(one for one in picture_item(3, mode="L").properties if one[4:8] != b"colr"),
        full(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00"),
    ),
)
EXIF = Item(b"Exif", bytes(4) + as_exif(6), ())
ONE = Collection((PLAIN,))


def shown(data: bytes) -> list[Image.Image]:
    container = avif(data)
    frames = [pictures(reading, AVIF, container, Limits()) for reading in container.readings]
    return [rgb for reading in frames for frame in reading for rgb in opaque(frame)]


def like(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other.convert("RGB")).astype(int)).mean()) < 8


def test_what_pillow_writes_passes() -> None:
    for name, make in (STILLS | ANIMATIONS).items():
        if name.startswith("avif"):
            assert len(avif(make()).readings) == (2 if "animated" in name else 1)


@pytest.mark.parametrize("wide", [False, True])
def test_files_of_one_picture(wide: bool) -> None:
    (rgb,) = shown(replace(ONE, wide=wide).file())
    assert like(rgb, picture())
    described = Collection((PLAIN, EXIF), related=((b"cdsc", 2, 1),), wide=wide)
    assert len(avif(described.file()).readings) == 1
    over_white, over_black, raw = shown(Collection((PLAIN, ALPHA), ((b"auxl", 2, 1),), wide=wide).file())
    assert like(raw, picture())
    assert not like(over_white, over_black)


@pytest.mark.parametrize("wide", [False, True])
def test_every_picture_of_a_collection_is_judged(wide: bool) -> None:
    for primary, expected in ((1, [0, 1]), (2, [1, 0])):
        data = Collection((PLAIN, OTHER), primary=primary, wide=wide).file()
        rgbs = shown(data)
        assert len(rgbs) == 2
        assert all(like(rgb, picture(seed)) for rgb, seed in zip(rgbs, expected, strict=True))
    with_alpha = Collection((PLAIN, OTHER, ALPHA), ((b"auxl", 3, 2),), wide=wide).file()
    assert len(shown(with_alpha)) == 1 + 3


def test_a_collection_behind_an_animation() -> None:
    moved = animated(replace(ONE, items=(PLAIN, OTHER)), Track((PLAIN, OTHER)))
    assert [reading[8:12] for reading in avif(moved).readings] == [b"avif", b"avis", b"avif"]


def test_as_many_pictures_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Collection((PLAIN, OTHER, PLAIN)).file()
    monkeypatch.setattr(heif, "MAX_READING_BYTES", 3 * len(data))
    assert len(avif(data).readings) == 3
    monkeypatch.setattr(heif, "MAX_READING_BYTES", 3 * len(data) - 1)
    with pytest.raises(TooLarge, match="3 pictures"):
        avif(data)
    monkeypatch.setattr(heif, "MAX_READING_BYTES", 1)
    assert len(avif(ONE.file()).readings) == 1


def test_a_grid_is_one_picture() -> None:
    tiles = tuple(picture_item(seed, SIDE) for seed in range(4))
    data = Collection((grid_item(2, 2, (128, 128)), *tiles), ((b"dimg", 1, 2, 3, 4, 5),)).file()
    (rgb,) = shown(data)
    assert rgb.size == (128, 128)
    assert like(rgb.crop((64, 0, 128, 64)), picture(1, size=SIDE))


@pytest.mark.parametrize(
    ("turns", "exif"),
    [((), 1), ((IROT,), 8), ((DOWN,), 3), ((IMIR,), 4), ((IROT, IMIR), 5), ((IROT, ACROSS), 7)],
    ids=["upright", "left", "down", "mirrored", "left-mirrored", "left-mirrored-otherwise"],
)
def test_boxes_say_which_way_is_up(turns: tuple[bytes, ...], exif: int) -> None:
    """And EXIF does not, whatever it says; HEIF 6.5.10 and 6.5.12: a quarter to the left first, then top and bottom."""
    expected = picture()
    expected.getexif()[0x0112] = exif
    ImageOps.exif_transpose(expected, in_place=True)
    long = as_exif(exif).replace(b"\x12\x01\x03", b"\x12\x01\x04")  # Pillow reads that, and takes it for said
    for tiff in (b"", as_exif(6), as_exif(3), long):
        items = (PLAIN.having(*turns), Item(b"Exif", bytes(4) + tiff, ()))
        (rgb,) = shown(Collection(items if tiff else items[:1], ((b"cdsc", 2, 1),) if tiff else ()).file())
        assert like(rgb, expected)


def test_a_picture_in_a_collection_is_turned_by_itself() -> None:
    first, second = shown(Collection((PLAIN, OTHER.having(IROT))).file())
    assert (first.size, second.size) == ((48, 40), (40, 48))


CLAP = box(b"clap", b"".join(value.to_bytes(4) for value in (24, 1, 20, 1, 0, 1, 0, 1)))


@pytest.mark.parametrize(
    "collection",
    [
        Collection((PLAIN.having(CLAP),)),
        Collection((PLAIN.having(box(b"lsel", u16(0))),)),
        Collection((PLAIN.having(box(b"a1lx", bytes(7))),)),
        Collection((PLAIN.having(box(b"a1op", b"\x01")),)),
        Collection((PLAIN.having(IMIR, IROT),)),
        Collection((PLAIN.having(IROT, IROT),)),
        Collection((PLAIN.having(IROT, IMIR, IROT),)),
        Collection((grid_item(1, 1, SIDE), picture_item(0, SIDE).having(IROT)), ((b"dimg", 1, 2),)),
        Collection((PLAIN, ALPHA), ((b"auxl", 2, 1), (b"prem", 1, 2))),
        Collection((PLAIN, ALPHA, ALPHA), ((b"auxl", 2, 1), (b"auxl", 3, 1))),
        Collection((PLAIN, OTHER.having(DEPTH)), ((b"auxl", 2, 1),)),
        Collection((PLAIN, OTHER), ((b"auxl", 2, 1),)),
        Collection((PLAIN, ALPHA), ((b"auxl", 2, 9),)),
        Collection((PLAIN, ALPHA), ((b"auxl", 2),)),
        Collection((PLAIN, ALPHA), ((b"auxl", 2, 2),)),
        Collection((PLAIN, ALPHA, EXIF), ((b"auxl", 2, 3),)),
        Collection((PLAIN, ALPHA, ALPHA), ((b"auxl", 2, 1), (b"auxl", 3, 2))),
        Collection((PLAIN, Item(b"tmap", bytes(9), ())), ((b"dimg", 2, 1),)),
        Collection((Item(b"iden", b"", PLAIN.properties), PLAIN), ((b"dimg", 1, 2),)),
        Collection((Item(b"iovl", b"", PLAIN.properties), PLAIN, OTHER), ((b"dimg", 1, 2, 3),)),
        Collection((PLAIN, Item(b"hvc1", b"", ()))),
        Collection((PLAIN, OTHER), ((b"base", 1, 2),)),
        Collection((PLAIN, OTHER), ((b"thmb", 2, 1),)),
        Collection((PLAIN, OTHER), ((b"dimg", 1, 2),)),
        Collection((PLAIN, ALPHA), ((b"auxl", 2, 1),), primary=2),
        Collection((PLAIN,), primary=7),
        Collection((PLAIN, EXIF), primary=2),
        Collection((PLAIN,), top=(box(b"mini"),)),
        Collection((PLAIN,), top=(box(b"moof"),)),
    ],
    ids=[
        "cut",
        "a-layer",
        "layers",
        "an-operating-point",
        "mirrored-first",
        "turned-twice",
        "turned-and-turned",
        "a-turned-tile",
        "premultiplied",
        "two-alphas",
        "depth",
        "beside-without-saying-what",
        "alpha-of-no-item",
        "alpha-of-nothing",
        "alpha-of-itself",
        "alpha-of-metadata",
        "alpha-of-alpha",
        "gain-map",
        "derived",
        "overlay",
        "HEVC",
        "unknown-relation",
        "thumbnail",
        "made-of-another",
        "primary-alpha",
        "no-primary",
        "primary-metadata",
        "minimal",
        "fragments",
    ],
)
def test_what_viewers_show_differently_is_refused(collection: Collection) -> None:
    with pytest.raises(Unsupported):
        avif(collection.file())


def test_pillow_ignores_the_cut_that_browsers_make() -> None:
    """So it is refused above; when this fails it need not be any more."""
    image = Image.open(io.BytesIO(Collection((PLAIN.having(CLAP),)).file()), formats=["AVIF"])
    assert image.size == (48, 40)


PITM = full(b"pitm", u16(2))


@pytest.mark.parametrize(
    "data",
    [
        replace(ONE, left_out=(b"pitm",)).file(),
        replace(ONE, left_out=(b"iinf",)).file(),
        replace(ONE, left_out=(b"iprp",)).file(),
        replace(ONE, items=(PLAIN, OTHER), more=(PITM,)).file(),
        replace(ONE, left_out=(b"pitm",), more=(full(b"pitm", b"\x01"),)).file(),
        replace(ONE, left_out=(b"iinf",), more=(full(b"iinf", u16(1), full(b"infe", bytes(9), version=1)),)).file(),
        replace(
            ONE,
            left_out=(b"iinf",),
            more=(full(b"iinf", u16(2), *[full(b"infe", u16(1, 0), b"av01\x00", version=2)] * 2),),
        ).file(),
        replace(
            ONE,
            left_out=(b"iinf",),
            more=(
                full(
                    b"iinf",
                    u16(2),
                    full(b"infe", u16(1, 0), b"av01\x00", version=2),
                    full(b"infe", u16(1, 1, 0), b"av01\x00", version=3),
                ),
            ),
        ).file(),
        replace(ONE, left_out=(b"iref",), more=(full(b"iref", box(b"auxl", u16(1, 2, 1))),)).file(),
        replace(
            ONE,
            left_out=(b"iprp",),
            more=(box(b"iprp", box(b"ipco", IROT), full(b"ipma", bytes(3), b"\x01", u16(1), b"\x01\x02")),),
        ).file(),
        replace(ONE, left_out=(b"iprp",), more=(box(b"iprp", box(b"ipco", IROT), box(b"ipco", IROT)),)).file(),
    ],
    ids=[
        "no-primary",
        "no-items",
        "no-properties",
        "two-primaries",
        "short-primary",
        "old-item",
        "item-twice",
        "item-of-a-wider-number",
        "short-relation",
        "no-such-property",
        "two-lists",
    ],
)
def test_what_contradicts_itself_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        avif(data)


def test_tracks_as_they_are_pass() -> None:
    for described in ((COLOURS,), (COLOURS, IROT, IMIR)):
        assert len(avif(animated(ONE, Track((PLAIN,), described))).readings) == 2


@pytest.mark.parametrize(
    "track",
    [
        Track((PLAIN,), entries=2),
        Track((PLAIN,), entries=0),
        Track((PLAIN,), (CLAP,)),
        Track((PLAIN,), (IMIR, IROT)),
        Track((PLAIN,), matrix=(0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)),
    ],
    ids=["two-kinds", "no-kind", "cut", "mirrored-first", "matrix"],
)
def test_tracks_that_viewers_show_differently_are_refused(track: Track) -> None:
    with pytest.raises(Unsupported):
        avif(animated(ONE, track))


def test_a_collection_reaches_the_views() -> None:
    spec = ViewSpec(8, 8, 1.0, "squash", "bilinear")
    views = decode(Collection((PLAIN, OTHER, EXIF), ((b"cdsc", 3, 1),)).file(), AVIF, Limits(), [spec])
    assert len(views.arrays[0]) == 2
    plain = decode(encode(picture(), "AVIF", speed=10, quality=95, subsampling="4:4:4"), AVIF, Limits(), [spec])
    assert np.array_equal(views.arrays[0][0], plain.arrays[0][0])


def nclx(transfer: int) -> bytes:
    return box(b"colr", b"nclx", u16(1, transfer, 6), b"\x80")


def uncoloured(item: Item, transfer: int) -> Item:
    """Without a box of colours, and with another transfer function in the header of its AV1 pixels."""
    pixels = item.pixels
    bits = f"{int.from_bytes(pixels[:40]):0320b}"
    at = bits.index(f"{1:08b}{13:08b}{6:08b}") + 8
    changed = bits[:at] + f"{transfer:08b}" + bits[at + 8 :]
    kept = tuple(one for one in item.properties if one[4:8] != b"colr")
    return Item(item.kind, int(changed, 2).to_bytes(40) + pixels[40:], kept)


@pytest.mark.parametrize("wide", [False, True])
def test_colours_that_browsers_heed_and_pillow_does_not(wide: bool) -> None:
    plain = uncoloured(PLAIN, 13)
    linear, hdr = uncoloured(PLAIN, 8), uncoloured(PLAIN, 16)
    assert linear.pixels != plain.pixels == PLAIN.pixels
    grid = grid_item(1, 1, (48, 40))
    for items in ((plain,), (linear.having(COLOURS),), (PLAIN, plain), (grid, plain)):
        related: tuple[tuple[bytes, int, int], ...] = ((b"dimg", 1, 2),) if items[0] is grid else ()
        assert avif(Collection(items, related, wide=wide).file()).readings
    for items in (
        (linear,),
        (hdr,),
        (PLAIN, linear),
        (plain.having(nclx(8)),),
        (plain.having(nclx(18)),),
        (grid, linear),
    ):
        related = ((b"dimg", 1, 2),) if items[0] is grid else ()
        with pytest.raises(Unsupported, match="transfer function"):
            avif(Collection(items, related, wide=wide).file())


def test_pillow_ignores_the_transfer_function() -> None:
    """So it is refused above; when this fails it need not be any more."""
    seen = [
        Image.open(io.BytesIO(Collection((uncoloured(PLAIN, transfer),)).file()), formats=["AVIF"]).tobytes()
        for transfer in (13, 8)
    ]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("table", [b"stco", b"co64"])
def test_colours_of_a_track_without_a_box_of_them(table: bytes) -> None:
    for transfer, passes in ((13, True), (16, False)):
        data = animated(ONE, Track((uncoloured(PLAIN, transfer),), (IROT,)), table=table)
        if passes:
            assert avif(data).readings
        else:
            with pytest.raises(Unsupported, match="transfer function"):
                avif(data)


def test_items_that_nobody_can_find() -> None:
    without = uncoloured(PLAIN, 13)
    for left_out, more in (((b"iloc",), ()), ((b"iloc",), (full(b"iloc", b"\x44\x00", u16(1, 1)),))):
        with pytest.raises(Undecodable):
            avif(Collection((without,), left_out=left_out, more=more).file())
    derived = full(b"iloc", b"\x44\x00", u16(1, 1, 2, 0, 0), version=1)
    with pytest.raises(Unsupported):
        avif(Collection((without,), left_out=(b"iloc",), more=(derived,)).file())


def test_an_item_of_two_frames() -> None:
    """libavif shows the first, libheif the last."""
    both = replace(PLAIN, pixels=PLAIN.pixels + OTHER.pixels)
    alphas = replace(ALPHA, pixels=ALPHA.pixels + ALPHA.pixels)
    for items, related in (
        ((both,), ()),
        ((PLAIN, both), ()),
        ((PLAIN, alphas), ((b"auxl", 2, 1),)),
        ((grid_item(1, 1, (48, 40)), both), ((b"dimg", 1, 2),)),
    ):
        with pytest.raises(Unsupported, match="2 frames"):
            avif(Collection(items, related).file())


def test_an_item_of_two_layers() -> None:
    layers = replace(PLAIN, pixels=PLAIN.pixels + b"\x36\x08\x01\x00")
    with pytest.raises(Unsupported, match="layer"):
        avif(Collection((layers,)).file())


def extents(*items: tuple[tuple[int, int], ...], names: tuple[int, ...] = ()) -> bytes:
    """Parts in idat for each item."""
    rows = b"".join(
        u16(name, 1, 0, len(parts)) + b"".join(at.to_bytes(4) + size.to_bytes(4) for at, size in parts)
        for name, parts in zip(names or range(1, len(items) + 1), items, strict=True)
    )
    return full(b"iloc", b"\x44\x00", u16(len(items)), rows, version=1)


def test_items_in_several_parts() -> None:
    one, other = len(PLAIN.pixels), len(OTHER.pixels)
    both = Collection((PLAIN, OTHER), left_out=(b"iloc",))
    first, second = (0, one), (one, other)

    def located(*items: tuple[tuple[int, int], ...], names: tuple[int, ...] = ()) -> bytes:
        return replace(both, more=(extents(*items, names=names),)).file()

    assert len(shown(located(((0, 9), (9, one - 9)), (second,)))) == 2
    assert len(avif(located((first,), (first,))).readings) == 2
    with pytest.raises(Unsupported, match="2 frames"):
        avif(located((first, second), (second,)))
    with pytest.raises(Undecodable, match="share"):
        avif(located((first,) * 99, (second,)))
    with pytest.raises(Undecodable, match="two places"):
        avif(located((first,), (second,), names=(1, 1)))
    for nowhere in ((), ((0, 0),)):
        with pytest.raises(Undecodable, match=r"nowhere|without a sequence header"):
            avif(located((first,), nowhere))
