"""JPEG and GIF are walked to their end markers, and what only some decoders would follow is left out or refused."""

from __future__ import annotations

import pytest

from model import blocks
from model.blocks import gif, jpeg, jpeg_end
from model.errors import Undecodable, Unsupported
from model.orientation import as_exif
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


HEAD = b"GIF89a\x04\x00\x03\x00\x80\x00\x00" + b"\x00\x00\x00\xff\xff\xff"
CONTROL = b"!\xf9\x04\x08\x0a\x00\x00\x00"
LEAVE = b"!\xf9\x04\x04\x00\x00\x00\x00"


def frame(
    left: int = 0, top: int = 0, width: int = 4, height: int = 3, table: bytes = b"", control: bytes = LEAVE
) -> bytes:
    place = b"".join(value.to_bytes(2, "little") for value in (left, top, width, height))
    return control + b"," + place + (b"\x80" if table else b"\x00") + table + b"\x02\x02\x44\x01\x00"


@pytest.mark.parametrize(
    ("data", "frames", "canvas"),
    [
        (HEAD + frame() + b";", 1, (4, 3)),
        (HEAD + frame(control=CONTROL) + frame(control=CONTROL) + b";", 2, (4, 3)),
        (HEAD + frame(table=b"\x00" * 6) + b";", 1, (4, 3)),
        (HEAD + frame(2, 1, 4, 3) + b";", 1, (6, 4)),
        (HEAD + frame(65535, 0, 65535, 9) + frame() + b";", 2, (131070, 9)),
        (b"GIF87a\x04\x00\x03\x00\x00\x00\x00" + frame() + b";", 1, (4, 3)),
    ],
    ids=["one", "two", "local-colours", "beyond-the-canvas", "far-beyond", "no-colours"],
)
def test_frames_of_a_gif(data: bytes, frames: int, canvas: tuple[int, int]) -> None:
    container = gif(data)
    assert (container.end, container.frames, container.canvas) == (len(data), frames, canvas)
    assert container.readings == (data,)


@pytest.mark.parametrize(
    "extension",
    [
        b"!\xfe\x03abc\x00",
        b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00",
        b"!\xff\x0bNETSCAPE2.0\x00",
        b"!\x01\x00",
        b"!\xce\x00",
    ],
    ids=["comment", "loop", "loop-without-content", "empty-text", "empty-unknown"],
)
def test_other_extensions_do_not_reach_the_decoder(extension: bytes) -> None:
    data = HEAD + extension + frame(control=CONTROL) + extension + frame() + b";"
    container = gif(data)
    assert (container.end, container.frames) == (len(data), 2)
    assert container.readings == (HEAD + frame(control=CONTROL) + frame() + b";",)


@pytest.mark.parametrize(
    ("control", "read"),
    [
        (b"", LEAVE),
        (b"!\xf9\x04\x00\x0a\x00\x00\x00", b"!\xf9\x04\x04\x0a\x00\x00\x00"),
        (b"!\xf9\x04\x01\x0a\x00\x07\x00", b"!\xf9\x04\x05\x0a\x00\x07\x00"),
        (CONTROL, CONTROL),
        (b"!\xf9\x04\x0d\x00\x00\x03\x00", b"!\xf9\x04\x0d\x00\x00\x03\x00"),
        (b"!\xf9\x04\x09\x00\x00\x00\x00" + LEAVE, LEAVE),
    ],
    ids=["none", "unspecified", "unspecified-transparent", "background", "previous", "the-last-of-two"],
)
def test_each_frame_says_what_becomes_of_it(control: bytes, read: bytes) -> None:
    # Viewers take the last control before an image, and none or "unspecified" for "leave it"; Pillow does otherwise.
    data = HEAD + frame(control=CONTROL) + frame(control=control) + b";"
    assert gif(data).readings == (HEAD + frame(control=CONTROL) + frame(control=read) + b";",)


@pytest.mark.parametrize("disposal", [4, 5, 6, 7])
def test_an_undefined_disposal_is_refused(disposal: int) -> None:
    with pytest.raises(Undecodable, match=f"undefined disposal {disposal}"):
        gif(HEAD + frame(control=b"!\xf9\x04" + bytes([disposal << 2]) + b"\x00" * 4) + b";")


def test_bytes_behind_the_trailer_are_not_part_of_it() -> None:
    data = HEAD + frame() + b";"
    container = gif(data + frame() + b";")
    assert (container.end, container.frames, container.readings) == (len(data), 1, (data,))


@pytest.mark.parametrize(
    "data",
    [
        HEAD[:12],
        HEAD,
        HEAD + b";",
        HEAD + frame(),
        HEAD + frame()[:-1],
        HEAD + frame()[:9],
        HEAD + frame() + b"\x00;",
        HEAD + frame() + b"junk;",
        HEAD + b"!",
        HEAD + b"!\xf9\x00" + frame() + b";",
        HEAD + b"!\xf9\x03\x00\x00\x00\x00" + frame() + b";",
        HEAD + CONTROL[:-1] + b"\x01\x00\x00" + frame() + b";",
    ],
    ids=[
        "header",
        "nothing",
        "no-picture",
        "no-trailer",
        "cut-block",
        "cut-frame",
        "zero-between",
        "junk-between",
        "cut-extension",
        "empty-control",
        "short-control",
        "long-control",
    ],
)
def test_a_gif_that_is_not_whole(data: bytes) -> None:
    with pytest.raises(Undecodable):
        gif(data)


def test_what_pillow_writes_is_whole() -> None:
    assert gif(encode(pictures(3), "GIF", loop=0, comment=b"hello")).frames == 3
    assert gif(encode(picture(mode="P"), "GIF", transparency=0)).frames == 1
