"""JPEG and GIF are walked to their end markers, and what only some decoders would follow is left out or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats import blocks
from model.formats.blocks import gif, jpeg, jpeg_end
from model.formats.container import Layer
from model.formats.orientation import as_exif
from tests.model.gif_parts import LOOP, Frame, control, extension, header, plain, u16
from tests.model.samples import encode, picture, pictures


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


SOI, EOI = b"\xff\xd8", b"\xff\xd9"
HEADER = segment(0xC0, b"\x08\x00\x08\x00\x08\x01\x01\x11\x00")
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56\xff\xd7\x78"
BODY = SOI + segment(0xE0, b"JFIF\x00") + HEADER + SCAN + EOI
TWO_SCANS = BODY.replace(b"\xff\xc0", b"\xff\xc2").replace(b"\x3f\x00", b"\x00\x00")
TWO_SCANS = TWO_SCANS[:-2] + SCAN.replace(b"\x00\x3f", b"\x01\x3f") + EOI


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (BODY, len(BODY)),
        (BODY + b"anything \xff\xd9", len(BODY)),
        (TWO_SCANS, len(BODY) + len(SCAN)),
        (SOI + segment(0xE1, b"Exif\x00\x00" + BODY) + BODY[2:], 2 * len(BODY) + 10),
        (BODY[:-2] + b"\xff\xff\xff\xd9", len(BODY) + 2),
        (SOI + b"junk\x00" + BODY[2:], len(BODY) + 5),
        (SOI + b"\xff\x01" + BODY[2:], len(BODY) + 2),
    ],
    ids=["whole", "trailing", "two-scans", "thumbnail", "fill-bytes", "junk-before-a-marker", "TEM"],
)
def test_the_end_of_a_jpeg(data: bytes, end: int) -> None:
    assert jpeg_end(data) == (end, False)
    container = jpeg(data)
    assert (container.end, container.frames, container.readings) == (end, 1, (data[:end],))
    assert jpeg_end(b"before" + data, 6) == (end + 6, False)


@pytest.mark.parametrize(
    "data",
    [BODY[:-2], BODY[:-1], SOI, SOI + b"\xff\xe0\x00\x01" + EOI, SOI + segment(0xE0, b"JFIF")[:-1] + EOI],
    ids=["no-end", "half-an-end", "start-only", "length-of-1", "length-beyond-the-end-marker"],
)
def test_a_jpeg_that_breaks_off(data: bytes) -> None:
    with pytest.raises(Undecodable, match="breaks off"):
        jpeg(data)


def test_two_exif_that_disagree_are_refused() -> None:
    def exif(turn: int, start: bytes = b"") -> bytes:
        return segment(0xE1, b"Exif\x00\x00" + (start or as_exif(turn)))

    for first, second in ((6, 6), (1, 1)):
        jpeg(SOI + exif(first) + exif(second) + BODY[2:])
    jpeg(SOI + exif(6) + exif(1, b"the rest of a long one") + segment(0xE1, b"http://ns.adobe.com/xap/1.0/") + BODY[2:])
    for first, second in ((6, 1), (1, 3)):
        with pytest.raises(Undecodable, match="which way is up"):
            jpeg(SOI + exif(first) + exif(second) + BODY[2:])


def test_a_jpeg_without_a_scan_is_refused() -> None:
    for data in (SOI + EOI, SOI + HEADER + EOI):
        with pytest.raises(Undecodable, match="without a scan"):
            jpeg(data)


def test_an_index_of_more_pictures_keeps_those_that_follow() -> None:
    data = encode(pictures(2), "MPO")
    container = jpeg(data + b"tail")
    assert (container.end, container.frames, container.readings) == (len(data), None, (data,))
    assert (len(container.starts), container.end_of(2)) == (2, len(data))
    assert container.end_of(1) == container.ends[0] == jpeg_end(data)[0]


def test_a_picture_far_behind_is_not_one_that_follows() -> None:
    indexed = SOI + segment(0xE2, b"MPF\x00") + HEADER + SCAN + EOI
    for gap, count in ((blocks.MAX_GAP_BYTES - 3, 2), (blocks.MAX_GAP_BYTES - 2, 1)):
        assert len(jpeg(indexed + b"\x00" * gap + BODY).starts) == count


def test_each_picture_has_scans_of_its_own_and_they_are_looked_at() -> None:
    data = encode(pictures(2), "MPO")
    assert len(jpeg(data).starts) == 2
    second = jpeg_end(data)[0]
    tail = data[second:].replace(b"\xff\xc0", b"\xff\xc9", 1)
    assert len(jpeg(data[:second] + tail).starts) == 1
    with pytest.raises(Unsupported):
        jpeg(data.replace(b"\xff\xc0", b"\xff\xc9", 1))


COLOURS = ((0, 0, 0), (255, 255, 255))
HEAD = header(4, 3, COLOURS)
FRAME = plain(4, 3, 1, bits=2)
ONE, BARE = FRAME.blocks(), FRAME.image()
END = b";"
XMP = b"!\xff\x0bXMP DataXMP<x:xmpmeta> any text \xc3\xa9</x:xmpmeta>" + b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
"""Not in sub-blocks: whatever byte a reader takes for a length leads into the countdown and so to its end."""


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (HEAD + BARE + END, 1),
        (HEAD + ONE + ONE + END, 2),
        (HEAD + ONE + BARE + END, 2),
        (HEAD + BARE + ONE + END, 2),
        (HEAD + LOOP + BARE + BARE + END, 2),
        (header(4, 3) + replace(FRAME, colours=COLOURS).blocks() + END, 1),
        (header(4, 3, COLOURS, version=b"GIF87a") + BARE + END, 1),
        (HEAD + control() + ONE + control() + END, 1),
    ],
    ids=["one", "two", "control-first", "control-last", "loop", "local-colours", "87a", "controls-to-spare"],
)
def test_frames_of_a_gif(data: bytes, frames: int) -> None:
    container = gif(data)
    assert (container.end, container.frames, container.canvas) == (len(data), frames, (4, 3))
    assert container.readings == (data,)
    assert len(container.layers) == frames


@pytest.mark.parametrize(
    "other",
    [
        extension(0xFE, b"hello", b"again"),
        LOOP,
        extension(0xFF, b"NETSCAPE2.0"),
        extension(0xFF, b"MGK8BIM0000", b"\x00" * 255, b"\x01"),
        extension(0x01, b"\x00" * 12, b"text"),
        extension(0xCE, b"unknown"),
        XMP,
    ],
    ids=["comment", "loop", "loop-without-content", "application", "text", "unknown", "xmp"],
)
def test_other_extensions_change_nothing(other: bytes) -> None:
    two = replace(FRAME, disposal=2).blocks()
    container = gif(HEAD + other + two + other + ONE + other + END)
    assert container.layers == gif(HEAD + two + ONE + END).layers


def test_a_layer_is_a_gif_of_its_own() -> None:
    local = Frame(((1, 0), (0, 1)), 2, 1, ((9, 9, 9), (8, 8, 8)), True, 3, 0, bits=2)
    layers = gif(header(4, 3, COLOURS, 1) + ONE + local.blocks() + END).layers
    colours = ((9, 9, 9), (8, 8, 8))
    first = header(4, 3, COLOURS) + control(delay=5) + BARE + END
    second = header(2, 2, colours) + control(0, 0, 5) + Frame(local.rows, interlaced=True, bits=2).image() + END
    assert layers == (
        Layer(first, 0, 0, "leave", over=True, clear=(255, 255, 255), colours=2),
        Layer(second, 2, 1, "previous", over=True, clear=(255, 255, 255), colours=2),
    )


@pytest.mark.parametrize(
    ("frame", "background", "clear"),
    [
        (FRAME, 0, (0, 0, 0)),
        (FRAME, 1, (255, 255, 255)),
        (FRAME, 2, (0, 0, 0)),
        (replace(FRAME, transparent=1), 0, (255, 255, 255)),
    ],
    ids=["first", "second", "beyond-the-table", "transparent"],
)
def test_the_colour_under_what_is_clear(frame: Frame, background: int, clear: tuple[int, int, int]) -> None:
    (layer,) = gif(header(4, 3, COLOURS, background) + frame.blocks() + END).layers
    assert layer.clear == clear


@pytest.mark.parametrize(
    ("blocks", "disposal"),
    [
        (BARE, "leave"),
        *(
            (replace(FRAME, disposal=number).blocks(), name)
            for number, name in enumerate(("leave", "leave", "clear", "previous"))
        ),
        (control(2) + ONE, "leave"),
        (control(2) + LOOP + BARE, "clear"),
    ],
)
def test_the_last_control_before_an_image_counts(blocks: bytes, disposal: str) -> None:
    assert gif(HEAD + replace(FRAME, disposal=3).blocks() + blocks + END).layers[1].disposal == disposal


@pytest.mark.parametrize("disposal", [4, 5, 6, 7])
def test_an_undefined_disposal_is_refused(disposal: int) -> None:
    with pytest.raises(Undecodable, match=f"undefined disposal {disposal}"):
        gif(HEAD + replace(FRAME, disposal=disposal).blocks() + END)


def test_bytes_behind_the_trailer_are_not_part_of_it() -> None:
    data = HEAD + ONE + END
    container = gif(data + ONE + END)
    assert (container.end, container.frames, container.readings) == (len(data), 1, (data,))


BROKEN = {
    "header": HEAD[:12],
    "header-without-table": HEAD[:-1],
    "nothing": HEAD,
    "no-picture": HEAD + END,
    "no-trailer": HEAD + ONE,
    "cut-block": HEAD + ONE[:-1],
    "cut-frame": HEAD + BARE[:9],
    "cut-extension": HEAD + b"!",
    "zero-between": HEAD + ONE + b"\x00" + END,
    "junk-between": HEAD + ONE + b"junk" + END,
    "empty-control": HEAD + b"!\xf9\x00" + ONE + END,
    "short-control": HEAD + b"!\xf9\x03\x00\x00\x00\x00" + ONE + END,
    "long-control": HEAD + control()[:-1] + b"\x01\x00\x00" + ONE + END,
    "empty-comment": HEAD + extension(0xFE) + ONE + END,
    "empty-unknown": HEAD + extension(0xCE) + ONE + END,
    "short-text": HEAD + extension(0x01, b"\x00" * 11) + ONE + END,
    "long-text": HEAD + extension(0x01, b"\x00" * 13) + ONE + END,
    "no-colours": header(4, 3) + ONE + END,
    "no-screen": header(0, 0, COLOURS) + ONE + END,
    "beyond-the-right": HEAD + replace(FRAME, left=1).blocks() + END,
    "beyond-the-bottom": HEAD + replace(FRAME, top=1).blocks() + END,
    "no-width": HEAD + b"," + u16(0, 0, 0, 3) + BARE[9:] + END,
    "no-height": HEAD + b"," + u16(0, 0, 4, 0) + BARE[9:] + END,
    "one-bit": HEAD + BARE.replace(b"\x02", b"\x01", 1) + END,
    "nine-bits": HEAD + BARE.replace(b"\x02", b"\x09", 1) + END,
    "two-images-and-no-extension": HEAD + BARE + BARE + END,
    "extension-too-late": HEAD + BARE + BARE + LOOP + ONE + END,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_gif_that_is_refused(name: str) -> None:
    with pytest.raises(Undecodable):
        gif(BROKEN[name])


def test_layers_at_the_limit_and_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_LAYERS", 3)
    assert gif(HEAD + ONE * 3 + END).frames == 3
    with pytest.raises(TooLarge, match="more than 3 frames"):
        gif(HEAD + ONE * 4 + END)


def test_what_pillow_writes_is_whole() -> None:
    assert gif(encode(pictures(3), "GIF", loop=0, comment=b"hello")).frames == 3
    assert gif(encode(picture(mode="P"), "GIF", transparency=0)).frames == 1
