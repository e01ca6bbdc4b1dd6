"""AVIF: boxes fill the file, and a file with a still and a track has two readings."""

from __future__ import annotations

import pytest

from model.errors import Undecodable
from model.formats.boxes import MAX_BOXES, avif, boxes
from tests.model.samples import ANIMATIONS, STILLS


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


FTYP, META, MDAT = box(b"ftyp", b"mif1\x00\x00\x00\x00avifavis"), box(b"meta", b"\x00" * 4), box(b"mdat", b"pixels")
MOOV = box(b"moov", b"tracks")


def test_sizes_of_boxes() -> None:
    long = b"\x00\x00\x00\x01mdat" + (20).to_bytes(8) + b"abcd"
    rest = b"\x00\x00\x00\x00freexyz"
    data = FTYP + long + rest
    assert [(kind, data[start:end]) for kind, start, end in boxes(data, 0, len(data))] == [
        (b"ftyp", FTYP[8:]),
        (b"mdat", b"abcd"),
        (b"free", b"xyz"),
    ]


@pytest.mark.parametrize(
    ("data", "majors"),
    [
        (FTYP + META + MDAT, [b"mif1"]),
        (FTYP + MOOV + MDAT, [b"mif1"]),
        (FTYP + META + MOOV + MDAT, [b"avif", b"avis"]),
        (FTYP + MDAT + MOOV + META, [b"avif", b"avis"]),
    ],
    ids=["still", "track", "both", "both-in-another-order"],
)
def test_ways_to_read_it(data: bytes, majors: list[bytes]) -> None:
    container = avif(data)
    assert (container.end, container.frames) == (len(data), None)
    assert container.readings == tuple(data[:8] + major + data[12:] for major in majors)


@pytest.mark.parametrize(
    "data",
    [
        META + FTYP,
        FTYP + FTYP + META,
        FTYP + META + META,
        FTYP + box(b"moov") + box(b"moov"),
        FTYP + META + MDAT[:-1],
        FTYP + META + b"\x00",
        FTYP + META + MDAT + b"tail",
        FTYP + b"\x00\x00\x00\x07meta",
        FTYP + b"\x00\x00\x00\x01mdat" + (15).to_bytes(8),
        FTYP + box(b"free") * (MAX_BOXES + 1),
    ],
    ids=[
        "header-second",
        "two-headers",
        "two-stills",
        "two-movies",
        "cut",
        "stub",
        "tail",
        "short-box",
        "short-long-box",
        "too-many",
    ],
)
def test_an_avif_that_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        avif(data)


def test_boxes_are_counted_up_to_the_limit() -> None:
    data = FTYP + box(b"free") * (MAX_BOXES - 1)
    assert avif(data).end == len(data)


def test_what_pillow_writes_is_whole() -> None:
    assert len(avif(STILLS["avif-alpha"]()).readings) == 1
    assert len(avif(ANIMATIONS["avif-animated-alpha"]()).readings) == 2
