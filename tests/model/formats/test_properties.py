"""Properties of an AVIF's pictures and tracks: those that viewers heed and Pillow does not are refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.properties import check_properties, check_tracks
from model.formats.steps import limited
from tests.model.heif_parts import COLOURS, IMIR, IROT, box, full, u16

ISPE = full(b"ispe", bytes(8))
PQ = box(b"colr", b"nclx", u16(9, 16, 9), b"\x80")
ICC = box(b"colr", b"prof", b"a profile")
UPRIGHT = b"".join(value.to_bytes(4) for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))


def named(rows: Sequence[tuple[int, Sequence[int]]], *, wide: bool = False, large: bool = False) -> bytes:
    """Which item has which properties; names of items have four bytes if `wide`, numbers of properties two if `large`.

    Every second property is marked as essential, which changes nothing.
    """
    size, mark = (2, 0x8000) if large else (1, 0x80)
    entries = b"".join(
        item.to_bytes(4 if wide else 2)
        + bytes([len(indices)])
        + b"".join((index | mark * (place % 2)).to_bytes(size) for place, index in enumerate(indices))
        for item, indices in rows
    )
    return full(b"ipma", len(rows).to_bytes(4), entries, version=wide, flags=large)


def check(properties: Sequence[bytes], *others: bytes, turned: Sequence[int] = (1, 2)) -> set[int]:
    content = box(b"ipco", *properties) + b"".join(others)
    data = b"before" + content + b"behind"
    return check_properties(data, 6, 6 + len(content), set(turned))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_items_that_have_colours_by_number(wide: bool, large: bool) -> None:
    rows = [(1, (1, 2)), (2, (1, 3)), (7, (2,)), (9, ())]
    assert check([ISPE, COLOURS, ICC], named(rows, wide=wide, large=large)) == {1, 7}


def test_several_lists_of_names_count_together() -> None:
    assert check([COLOURS, ISPE], named([(1, (1,))]), named([(2, (2,)), (3, (1,))], large=True)) == {1, 3}
    before = named([(1, (1,))]) + box(b"ipco", COLOURS)
    assert check_properties(before, 0, len(before), {1}) == {1}
    assert check([COLOURS]) == set()


def test_no_property_is_number_none() -> None:
    assert check([COLOURS], named([(1, (0,)), (2, (0, 1))])) == {2}


def test_numbers_of_properties_up_to_the_last() -> None:
    many = [ISPE] * 199 + [COLOURS]
    assert check(many, named([(1, (200,))], large=True)) == {1}
    assert check([ISPE] * 126 + [COLOURS], named([(1, (127,))])) == {1}
    for properties, row in (([COLOURS], (1, (2,))), (many, (1, (201,)))):
        with pytest.raises(Undecodable, match="not all properties"):
            check(properties, named([row], large=True))


def test_two_lists_of_properties() -> None:
    with pytest.raises(Undecodable, match="two lists"):
        check([ISPE], box(b"ipco", ISPE))


@pytest.mark.parametrize(
    ("kind", "why"), [(b"clap", "to be cut"), (b"a1lx", "layers"), (b"lsel", "layers"), (b"a1op", "layers")]
)
def test_what_pillow_does_not_heed_is_refused_even_where_no_item_has_it(kind: bytes, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        check([ISPE, box(kind, bytes(8))], named([(1, (1,))]))


def test_auxiliary_pictures_are_alpha() -> None:
    for urn in (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00", b"urn:mpeg:hevc:2015:auxid:1\x00"):
        assert check([full(b"auxC", urn)], named([(1, (1,))])) == set()
    for urn in (b"urn:mpeg:hevc:2015:auxid:2\x00", b"urn:mpeg:hevc:2015:auxid:1", b""):
        with pytest.raises(Unsupported, match="auxiliary"):
            check([full(b"auxC", urn)])


def test_colours_of_high_dynamic_range() -> None:
    with pytest.raises(Unsupported, match="transfer function 16"):
        check([PQ])
    assert check([ICC, box(b"colr", b"rICC", bytes(8))], named([(1, (1, 2))])) == set()
    with pytest.raises(Undecodable, match="too short"):
        check([box(b"colr", b"nclx", b"\x00\x01\x00")])


@pytest.mark.parametrize("indices", [(1,), (2,), (1, 2), (3, 1, 3, 2)])
def test_usual_turns(indices: tuple[int, ...]) -> None:
    assert check([IROT, IMIR, ISPE], named([(1, indices)])) == set()
    with pytest.raises(Unsupported, match="turned"):
        check([IROT, IMIR, ISPE], named([(3, indices)]))  # a tile, which only the whole may be


@pytest.mark.parametrize("indices", [(2, 1), (1, 1), (2, 2), (1, 2, 1), (2, 3, 1)])
def test_turns_in_more_than_the_usual_way(indices: tuple[int, ...]) -> None:
    with pytest.raises(Unsupported, match="turned"):
        check([IROT, IMIR, ISPE], named([(1, indices)]))


@pytest.mark.parametrize("left", range(16))
def test_names_that_break_off(left: int) -> None:
    whole = named([(1, (1,)), (2, (1,))])
    assert len(whole) == 8 + 16
    with pytest.raises(Undecodable):
        check([COLOURS], box(b"ipma", whole[8 : 8 + left]))


def test_names_count_as_steps() -> None:
    endless = full(b"ipma", (2**32 - 1).to_bytes(4), bytes(3 * 1000))
    with limited(1000), pytest.raises(TooLarge):
        check([COLOURS], endless)


def header(matrix: bytes = UPRIGHT) -> bytes:
    return full(b"tkhd", bytes(36), matrix, bytes(8))


def entry(*properties: bytes) -> bytes:
    return box(b"av01", bytes(78), *properties)


def track(*entries: bytes, head: bytes | None = None, more: bytes = b"") -> bytes:
    described = full(b"stsd", len(entries).to_bytes(4), *entries)
    tables = box(b"mdia", box(b"minf", box(b"stbl", described, more)))
    return box(b"trak", header() if head is None else head, tables)


def check_movie(*content: bytes) -> None:
    whole = b"".join(content)
    check_tracks(b"before" + whole, 6, 6 + len(whole))


def test_tracks_as_they_are() -> None:
    check_movie(full(b"mvhd", bytes(96)), track(entry(COLOURS)), track(entry(COLOURS, IROT, IMIR)))
    check_movie(track(entry(full(b"auxi", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00"))))


@pytest.mark.parametrize("at", range(9))
def test_a_track_that_is_turned(at: int) -> None:
    other = UPRIGHT[: 4 * at] + b"\x00\x00\x80\x00" + UPRIGHT[4 * at + 4 :]
    with pytest.raises(Unsupported, match="turned"):
        check_movie(track(entry(COLOURS)), track(entry(COLOURS), head=header(other)))


@pytest.mark.parametrize("entries", [(), (entry(COLOURS), entry(COLOURS))])
def test_a_track_of_several_kinds_of_pictures_or_none(entries: tuple[bytes, ...]) -> None:
    with pytest.raises(Unsupported, match="several kinds"):
        check_movie(track(*entries))


@pytest.mark.parametrize(
    ("properties", "why"),
    [((box(b"clap", bytes(32)),), "to be cut"), ((IMIR, IROT), "turned"), ((PQ,), "transfer function 16")],
)
def test_what_the_frames_of_a_track_are_not_shown_as(properties: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        check_movie(track(entry(COLOURS, *properties)))


REDUCED = "000 1 1 00101" + "0101" + "0101" + "110000" + "101000" + "000" + "000" + "0 0"
"""The head of an AV1 sequence up to its colours, as in test_av1.py."""


def sequence(primaries: int, transfer: int) -> bytes:
    bits = (REDUCED + f"1{primaries:08b}{transfer:08b}").replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    content = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return b"\x0a" + bytes([len(content)]) + content


@pytest.mark.parametrize("table", [b"stco", b"co64"])
def test_colours_of_a_track_that_only_its_frames_say(table: bytes) -> None:
    wide = 8 if table == b"co64" else 4
    for transfer, passes in ((13, True), (18, False)):
        frame = sequence(1, transfer)
        place = full(table, (1).to_bytes(4), (7).to_bytes(wide))
        data = b"before!" + frame + track(entry(), more=place)
        if passes:
            check_tracks(data, 7 + len(frame), len(data))
        else:
            with pytest.raises(Unsupported, match="transfer function 18"):
                check_tracks(data, 7 + len(frame), len(data))


def test_a_track_without_pictures() -> None:
    with pytest.raises(Undecodable, match="without pictures"):
        check_movie(track(entry()))
