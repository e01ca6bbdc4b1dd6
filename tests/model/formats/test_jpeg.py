"""JPEG is walked to its end marker, and on where an index says so; what only some decoders would follow is left out."""

from __future__ import annotations

import pytest

from model.errors import Undecodable, Unsupported
from model.formats import jpeg as module
from model.formats.jpeg import jpeg, jpeg_end
from model.formats.orientation import as_exif
from tests.model.samples import encode, pictures


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


def test_exif_that_only_some_viewers_see_turns_nothing() -> None:
    def exif(turn: int, sixth: int) -> bytes:
        return segment(0xE1, b"Exif\x00" + bytes([sixth]) + as_exif(turn))

    for right in (exif(1, 0xFF), exif(6, 0) + exif(6, 0xFF), exif(6, 1) + exif(6, 0), exif(1, 1) + exif(1, 2)):
        jpeg(SOI + right + BODY[2:])
    for sixth in (1, 10, 0xFF):
        for wrong in (exif(6, sixth), exif(1, 0) + exif(6, sixth), exif(1, sixth) + exif(6, 0)):
            with pytest.raises(Undecodable, match="which way is up"):
                jpeg(SOI + wrong + BODY[2:])


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
    for gap, count in ((module.MAX_GAP_BYTES - 3, 2), (module.MAX_GAP_BYTES - 2, 1)):
        assert len(jpeg(indexed + b"\x00" * gap + BODY).starts) == count


def test_each_picture_has_scans_of_its_own_and_they_are_looked_at() -> None:
    data = encode(pictures(2), "MPO")
    assert len(jpeg(data).starts) == 2
    second = jpeg_end(data)[0]
    tail = data[second:].replace(b"\xff\xc0", b"\xff\xc9", 1)
    assert len(jpeg(data[:second] + tail).starts) == 1
    with pytest.raises(Unsupported):
        jpeg(data.replace(b"\xff\xc0", b"\xff\xc9", 1))
