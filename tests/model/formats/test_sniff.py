"""Formats are known by their first bytes, strictly, and nothing makes sniffing raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.formats.media import MEDIA_TYPES
from model.formats.sniff import _SIGNS, BRANDS_BYTES, sniff
from tests.model.samples import ANIMATIONS, STILLS, Maker, encode, pictures


def ftyp(major: bytes, *compatible: bytes, size: int | None = None) -> bytes:
    length = 16 + 4 * len(compatible) if size is None else size
    return length.to_bytes(4) + b"ftyp" + major + b"\x00\x00\x00\x00" + b"".join(compatible)


def ebml(doctype: bytes, before: bytes = b"") -> bytes:
    content = before + b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(content)]) + content + b"\x18\x53\x80\x67"


VERSION = b"\x42\x86\x81\x01"
KNOWN = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
    (b"\xff\xd8\xff\xdb\x00\x43", "jpeg"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", "png"),
    (b"GIF87a\x01\x00\x01\x00", "gif"),
    (b"GIF89a\x01\x00\x01\x00", "gif"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "webp"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8L", "webp"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8X", "webp"),
    (ftyp(b"avif", b"mif1"), "avif"),
    (ftyp(b"avis", b"msf1"), "avif"),
    (ftyp(b"mif1", b"miaf", b"avif"), "avif"),
    (ftyp(b"msf1", b"avis"), "avif"),
    (b"\xff\x0a\xfa\x1f", "jxl"),
    (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", "jxl"),
    (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), "mp4"),
    (ftyp(b"mp42"), "mp4"),
    (ftyp(b"qt  "), "mp4"),
    (ftyp(b"isom", b"avif"), "mp4"),
    (ebml(b"webm"), "webm"),
    (ebml(b"webm\x00"), "webm"),
    (ebml(b"webm", VERSION + b"\xec\x82\x00\x00"), "webm"),
    (ebml(b"matroska", VERSION), "matroska"),
    (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x07\x42\x82\x84webm", "webm"),
]
UNKNOWN = [
    b"",
    b"\xff",
    b"\xff\xd8",
    b"\xff\xd8\x00\xff",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x04CgBI",
    b"\x89PNG\n\x1a\n",
    b"GIF88a",
    b"RIFF\x24\x00\x00\x00WAVEfmt ",
    b"RIFF\x24\x00\x00\x00WEBPJUNK",
    ftyp(b"heic", b"mif1", b"avif"),
    ftyp(b"mif1", b"heic"),
    ftyp(b"avif", size=15),
    ftyp(b"avif", size=24),
    ftyp(b"avif", b"mif1", size=18),
    b"\x00\x00\x00\x10moovavif",
    ftyp(b"zzzz"),
    ebml(b"webmx"),
    b"\x1a\x45\xdf\xa3",
    b"\x1a\x45\xdf\xa3\x00",
    b"\x1a\x45\xdf\xa3\x87\x42\x82\x90webm",
    b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff\x42\x82\x84webm",
    b"BM\x00\x00",
    b"II*\x00",
    b"%PDF-1.7",
    b"<svg xmlns=",
    b"#EXTM3U",
    b" \xff\xd8\xff",
]


@pytest.mark.parametrize(("data", "name"), KNOWN, ids=lambda value: repr(value)[:60])
def test_known_by_magic(data: bytes, name: str) -> None:
    media = sniff(data)
    assert media
    assert media.name == name


@pytest.mark.parametrize("data", UNKNOWN, ids=lambda value: repr(value)[:60])
def test_unknown(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(("name", "make"), (STILLS | ANIMATIONS).items(), ids=(STILLS | ANIMATIONS).keys())
def test_what_pillow_writes(name: str, make: Maker) -> None:
    media = sniff(make())
    assert media
    assert media.name == name.split("-")[0].removeprefix("a" if name.startswith("apng") else "")


def test_two_pictures_in_a_jpeg_are_a_jpeg() -> None:
    media = sniff(encode(pictures(2), "MPO"))
    assert media
    assert media.name == "jpeg"


def test_brands_are_read_up_to_the_limit() -> None:
    fits = (BRANDS_BYTES - 16) // 4
    assert sniff(ftyp(b"mif1", *[b"miaf"] * (fits - 1), b"avif"))
    assert sniff(ftyp(b"mif1", *[b"miaf"] * fits, b"avif")) is None


def test_every_format_of_the_table_has_a_sign() -> None:
    assert {media for media, _ in _SIGNS} == set(MEDIA_TYPES)


@given(st.binary(max_size=64) | st.builds(lambda known, cut, tail: known[0][:cut] + tail, st.sampled_from(KNOWN),
                                          st.integers(0, 40), st.binary(max_size=32)))  # fmt: skip
def test_any_bytes_are_at_most_one_format(data: bytes) -> None:
    assert sum(says(data) for _, says in _SIGNS) <= 1
    sniff(data)
