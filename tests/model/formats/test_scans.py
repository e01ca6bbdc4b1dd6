"""JPEG scans complete each other or are refused; whatever cameras and optimisers write passes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from config.media import Limits
from model.decode import decode
from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.jpeg import jpeg
from model.formats.media import JPEG
from model.formats.scans import MAX_SCANS, MAX_SHIFT, Scans
from model.preprocess import ViewSpec
from tests.model.samples import encode, picture

EOI = b"\xff\xd9"
SPEC = ViewSpec(8, 8, 1.0, "squash", "bilinear")


def header(*components: int, bits: int = 8, height: int = 8) -> bytes:
    sizes = bytes([bits]) + height.to_bytes(2) + b"\x00\x08" + bytes([len(components)])
    return sizes + b"".join(bytes([component, 0x11, 0]) for component in components)


def scan(*components: int, first: int = 0, last: int = 0, high: int = 0, low: int = 0) -> bytes:
    tables = b"".join(bytes([component, 0]) for component in components)
    return bytes([len(components)]) + tables + bytes([first, last, high << 4 | low])


def walk(marker: int, frame: bytes, *scans: bytes) -> None:
    state = Scans()
    state.segment(marker, frame)
    for content in scans:
        state.segment(0xDA, content)
    state.finish()


DC = scan(1, 2, 3)
LIBJPEG = [
    scan(1, 2, 3, low=1),
    scan(1, first=1, last=5, low=2),
    scan(3, first=1, last=63, low=1),
    scan(2, first=1, last=63, low=1),
    scan(1, first=6, last=63, low=2),
    scan(1, first=1, last=63, high=2, low=1),
    scan(1, 2, 3, high=1),
    *[scan(component, first=1, last=63, high=1) for component in (3, 2, 1)],
]


@pytest.mark.parametrize(
    "scans",
    [
        LIBJPEG,
        LIBJPEG[:1],
        [DC],
        [scan(1), scan(2), scan(3)],
        [scan(1), scan(1, first=1, last=63), scan(2, 3)],
        [scan(1, 2, 3, low=MAX_SHIFT), *[scan(1, 2, 3, high=low + 1, low=low) for low in range(MAX_SHIFT - 1, -1, -1)]],
        [DC, *[scan(1, first=number, last=number) for number in range(63, 0, -1)]],
    ],
    ids=[
        "libjpeg",
        "the-first-scan-only",
        "blurred",
        "one-by-one",
        "mixed",
        "bit-by-bit",
        "coefficient-by-coefficient",
    ],
)
def test_legal_progressions_pass(scans: list[bytes]) -> None:
    walk(0xC2, header(1, 2, 3), *scans)


@pytest.mark.parametrize(
    "scans",
    [
        [DC, DC],
        [DC, scan(1)],
        [DC, scan(2, high=1)],
        [scan(1, 2, 3, low=2), scan(1, 2, 3, high=1)],
        [scan(1, 2, 3, low=1), scan(1, 2, 3, high=1), scan(1, 2, 3, high=1)],
        [DC, scan(1, first=1, last=5), scan(1, first=5, last=63)],
        [DC, scan(1, first=1, last=5, low=1), scan(1, first=1, last=6, high=1)],
        [DC, scan(1, first=1, last=5, high=1)],
        [scan(1, first=1, last=63), DC],
        [scan(1, 2, 3, low=3), scan(1, 2, 3, high=3, low=1)],
        [scan(1, 2, 3, low=MAX_SHIFT + 1)],
        [scan(1, 2, 3, last=5)],
        [DC, scan(1, 2, first=1, last=63)],
        [DC, scan(1, first=6, last=5)],
        [DC, scan(1, first=1, last=64)],
        [scan(1, 2)],
        [],
        [scan(1, 2, 3, 4)],
        [scan(1, 1, 2, 3)],
        [DC + b"\x00"],
        [b""],
        [b"\x00\x00\x00\x00"],
    ],
    ids=[
        "twice",
        "one-of-them-twice",
        "refined-beyond-the-last-bit",
        "a-bit-left-out",
        "refined-twice",
        "overlap",
        "refined-where-there-is-nothing",
        "refined-only",
        "details-first",
        "two-bits-at-once",
        "too-high-a-bit",
        "average-and-details",
        "details-of-two",
        "backwards",
        "too-many-coefficients",
        "a-component-left-out",
        "no-scan",
        "unknown-component",
        "component-twice",
        "too-long",
        "empty",
        "of-nothing",
    ],
)
def test_scans_that_do_not_complete_each_other_are_refused(scans: list[bytes]) -> None:
    with pytest.raises(Undecodable):
        walk(0xC2, header(1, 2, 3), *scans)


@pytest.mark.parametrize("marker", [0xC0, 0xC1])
def test_each_component_is_in_one_scan_of_a_sequential_jpeg(marker: int) -> None:
    samsung = scan(1, 2, 3, first=3, last=1, high=9, low=9)
    for scans in ([scan(1, 2, 3, last=63)], [samsung], [scan(1), scan(2, 3)], [scan(3), scan(2), scan(1)]):
        walk(marker, header(1, 2, 3), *scans)
    for scans in ([DC, DC], [DC, scan(2)], [scan(1), scan(2)], [DC, scan(1, first=1, last=63)]):
        with pytest.raises(Undecodable):
            walk(marker, header(1, 2, 3), *scans)


@pytest.mark.parametrize("components", [(1,), (1, 2, 3), (82, 71, 66), (0, 1, 2), (67, 77, 89, 75)], ids=str)
def test_components_that_a_jpeg_may_have(components: tuple[int, ...]) -> None:
    walk(0xC0, header(*components), scan(*components))


@pytest.mark.parametrize("frame", [header(1, 2), header(1, 2, 3, 4, 5), header(1, bits=12), header(1, height=0)])
def test_pictures_that_browsers_do_not_show(frame: bytes) -> None:
    with pytest.raises(Unsupported):
        walk(0xC1, frame)


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF, 0xDC, 0xDE, 0xDF])
def test_kinds_of_jpeg_that_browsers_do_not_show(marker: int) -> None:
    with pytest.raises(Unsupported):
        Scans().segment(marker, header(1))


@pytest.mark.parametrize("frame", [b"", header(1)[:-1], header(1) + b"\x00", header(1, 1, 2)])
def test_a_header_that_makes_no_sense(frame: bytes) -> None:
    with pytest.raises(Undecodable):
        walk(0xC0, frame)


def test_one_header_before_the_scans() -> None:
    state = Scans()
    with pytest.raises(Undecodable):
        state.segment(0xDA, scan(1))
    state = Scans()
    state.segment(0xC0, header(1))
    with pytest.raises(Undecodable, match="two headers"):
        state.segment(0xC0, header(1))


def test_scans_up_to_the_limit() -> None:
    one_by_one = [scan(component, first=number, last=number) for component in (1, 2) for number in range(1, 64)]
    walk(0xC2, header(1, 2, 3), DC, *one_by_one[: MAX_SCANS - 1])
    with pytest.raises(TooLarge, match=str(MAX_SCANS)):
        walk(0xC2, header(1, 2, 3), DC, *one_by_one[:MAX_SCANS])


def table(name: int, value: int, wide: bool = False) -> bytes:
    return bytes([wide << 4 | name]) + value.to_bytes(1 + wide) * 64


def test_quantization_tables_do_not_change_between_scans() -> None:
    def tables(*between: bytes) -> None:
        state = Scans()
        state.segment(0xDB, table(0, 1) + table(1, 300, wide=True))
        state.segment(0xDB, table(0, 2))
        state.segment(0xC0, header(1, 2, 3))
        state.segment(0xDA, scan(1))
        for content in between:
            state.segment(0xDB, content)
        state.segment(0xDA, scan(2, 3))
        state.finish()

    tables()
    tables(table(2, 9), table(1, 300, wide=True), table(2, 9) + table(0, 2))
    for changed in (table(0, 1), table(0, 2, wide=True), table(2, 1) + table(1, 301, wide=True)):
        with pytest.raises(Undecodable, match="quantization"):
            tables(changed)


def scan_starts(data: bytes) -> list[int]:
    """Where the tables and the header of each scan begin."""
    places, at = [], 2
    begin = None
    while data[at + 1] != 0xD9:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xC4 and begin is None:
            begin = at
        if marker == 0xDA:
            places.append(at if begin is None else begin)
            begin = None
        at += 2 + length
        while marker == 0xDA and (data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8))):
            at += 1
    return places


def test_a_second_picture_in_later_scans_is_what_a_loading_page_does_not_show() -> None:
    """First the scans of one picture, then those of another: libjpeg only warns, and ends with the other."""
    first, other = (encode(Image.new("RGB", (64, 64), colour), "JPEG", progressive=True) for colour in ("red", "blue"))
    assert first[: scan_starts(first)[0]] == other[: scan_starts(other)[0]]
    data = first[:-2] + other[scan_starts(other)[0] :]
    finished = Image.open(io.BytesIO(data)).convert("RGB")
    loading = Image.open(io.BytesIO(data[: len(first) - 2] + EOI)).convert("RGB")
    assert finished.getpixel((9, 9)) == pytest.approx((0, 0, 254), abs=3)
    assert loading.getpixel((9, 9)) == pytest.approx((254, 0, 0), abs=3)
    for ours in (first, other):
        assert decode(ours, JPEG, Limits(), [SPEC]).frames == 1
    with pytest.raises(Undecodable, match="paints over"):
        decode(data, JPEG, Limits(), [SPEC])


def test_a_bomb_of_scans_is_refused_before_it_is_decoded() -> None:
    data = encode(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    last = scan_starts(data)[-1]
    with pytest.raises((Undecodable, TooLarge)):
        jpeg(data[:-2] + data[last:-2] * 2000 + EOI)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"progressive": True, "subsampling": "4:1:1"},
        {"progressive": True, "restart_marker_rows": 1, "optimize": True},
        {"subsampling": "4:4:4", "restart_marker_blocks": 1},
        {"subsampling": "4:2:2", "quality": 1},
        {"keep_rgb": True},
        {"progressive": True, "quality": 100, "comment": b"a comment \xff\xda"},
        {"exif": b"Exif\x00\x00" + encode(picture(size=(16, 16)), "JPEG") * 2, "dpi": (72, 72)},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_what_libjpeg_writes_passes(mode: str, options: dict[str, object]) -> None:
    if mode != "RGB":
        options = {name: value for name, value in options.items() if name not in ("keep_rgb", "subsampling")}
    data = encode(picture(mode=mode), "JPEG", **options)
    assert jpeg(data).end == len(data)


def test_scans_of_single_components_pass_and_are_decoded() -> None:
    """As some cameras and optimisers write them: the interleaved scan of a grey picture, three times."""
    grey = encode(Image.new("L", (16, 16), 200), "JPEG")
    at = scan_starts(grey)[0]
    body = grey[grey.index(b"\xff\xda") + 10 : -2]
    tables = grey[at : grey.index(b"\xff\xda")]
    frame = b"\xff\xc0\x00\x11" + b"\x08\x00\x10\x00\x10\x03" + b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    scans = [b"\xff\xff\xff\xda\x00\x08" + scan(component, last=63) + body for component in (1, 2, 3)]
    between = tables + b"\xff\xfe\x00\x04hi"
    data = grey[: grey.index(b"\xff\xc0")] + frame + tables + between.join(scans) + EOI
    views = decode(data, JPEG, Limits(), [SPEC])
    shown = np.asarray(Image.new("YCbCr", (1, 1), (200, 200, 200)).convert("RGB"))[0, 0]
    assert np.abs(views.arrays[0][0].astype(int) - shown).max() <= 2
