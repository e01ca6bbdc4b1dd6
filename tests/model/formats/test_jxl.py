"""JPEG XL: the header is read as the decoder reads it, boxes stay behind, and what it would show wrong is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pillow_jxl
import pytest
from PIL import Image

from config.media import Limits
from model.decode import decode
from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.jxl import jxl, read_header
from model.formats.media import JXL
from model.preprocess import ViewSpec
from tests.model.samples import STILLS, encode, picture

SIZE = 48, 40
SIGNATURE = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
FTYP = b"\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl "
_SMALL_40_BY_6_TO_5 = "1 00100 010"
_DEPTH_8, _SRGB, _END = "0 00 1", "1", "00 1"
_ALPHA_8 = "10 1"


def stream(*fields: str) -> bytes:
    """The beginning of a codestream of 48 x 40 pixels from bits, the first one first, up to the frames."""
    bits = (_SMALL_40_BY_6_TO_5 + "".join(fields)).replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    return b"\xff\x0a" + bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def number(value: int, bits: int) -> str:
    return f"{value:0{bits}b}"[::-1]


PLAIN = stream("0 0", _DEPTH_8, "00 0", _SRGB, _END)
WITH_ALPHA = stream("0 0", _DEPTH_8, _ALPHA_8, "0", _SRGB, _END)


def frames_of(mode: str, header: bytes) -> bytes:
    """What the encoder writes behind its header, which it is shown to write just so."""
    data = encode(picture(mode=mode), "JXL", lossless=True)
    assert data.startswith(header)
    return data[len(header) :]


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JXL"])


SIDES = [(1, 1), (8, 8), (16, 8), (12, 10), (256, 256), (257, 256), (512, 256), (264, 8), (8, 264), (640, 480)]
SIDES += [(300, 200), (160, 90), (500, 400), (512, 3), (3, 513), (8192, 1), (1, 8193), (9000, 2)]


@pytest.mark.parametrize("size", SIDES, ids=str)
def test_sizes_are_read_as_the_decoder_reads_them(size: tuple[int, int]) -> None:
    for mode in ("L", "RGBA"):
        data = encode(Image.new(mode, size), "JXL", effort=1)
        assert jxl(data).canvas == size == opened(data).size


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_codestream_says_which_way_is_up_and_exif_does_not(turn: int) -> None:
    turned = stream("0 1", number(turn - 1, 3), "0 0 0", _DEPTH_8, "00 0", _SRGB, "1", _END)
    data = turned + frames_of("RGB", PLAIN)
    upright = picture()
    upright.getexif()[0x0112] = turn
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    seen = picture().transpose(Image.Transpose(turns[turn])) if turn > 1 else picture()
    assert jxl(data).canvas == opened(data).size == seen.size
    assert np.array_equal(np.asarray(opened(data)), np.asarray(seen))

    with_exif = encode(picture(), "JXL", lossless=True, exif=upright.getexif().tobytes())
    assert with_exif.startswith(SIGNATURE)
    (bare,) = jxl(with_exif).readings
    assert np.array_equal(np.asarray(opened(bare)), np.asarray(picture()))
    assert "exif" not in opened(bare).info


def test_headers_of_what_the_encoder_writes() -> None:
    kinds = {}
    for mode in ("L", "LA", "RGB", "RGBA", "I;16"):
        (bare,) = jxl(encode(picture(mode=mode), "JXL", lossless=True)).readings
        header = read_header(bare)
        assert (header.width, header.height) == SIZE
        kinds[mode] = (header.bits, header.extra, header.space)
    assert kinds == {"L": (8, (), 1), "LA": (8, (0,), 1), "RGB": (8, (), 0), "RGBA": (8, (0,), 0), "I;16": (16, (), 1)}


@pytest.mark.parametrize(
    "header",
    [
        stream("0 1 000 0 1"),
        stream("0 1 000 0 0 1"),
        stream("0 1 000 1", _SMALL_40_BY_6_TO_5, "0 1"),
        stream("0 0", "1 00", number(7, 4)),
        stream("0 0", "0 11", number(16, 6)),
        stream("0 0", _DEPTH_8, "01", number(0, 4)),
        stream("0 0", _DEPTH_8, "10 0 10"),
        stream("0 0", _DEPTH_8, "10 0 01", number(2, 4)),
        stream("0 0", _DEPTH_8, "10 0 00", "0 00", "00", "00", "1", "0", _SRGB),
        stream("0 0", _DEPTH_8, "10 0 00", "0 00", "00", "10", number(3, 4), number(0x414141, 24), "1", "0", _SRGB),
        stream("0 0", "0 10 0", _ALPHA_8, "0", "0 1 10"),
        stream("0 0", _DEPTH_8, "00 0", "0 1 01", number(0, 4)),
        stream("0 0", _DEPTH_8, "00 0", "0 0 00", "10", "10", "0 01", number(14, 4), "10"),
        stream("0 0", _DEPTH_8, "00 0", "0 0 00", "10", "10", "0 11", number(0, 6), "10"),
        stream("0 0", _DEPTH_8, "00 0", "0 0 10", "01 0000", *["00", number(9, 19)] * 2, "0 01", number(14, 4)),
        stream("0 0", _DEPTH_8, "00 0", "0 0 00", "10", "01 0000", *["11", number(9, 21)] * 6, "0 01", number(14, 4)),
    ],
    ids=[
        "preview",
        "animation",
        "animation-behind-a-size",
        "floating-point",
        "17-bits",
        "two-channels",
        "depth",
        "black",
        "premultiplied",
        "premultiplied-with-a-name",
        "grey-alpha-12-bits",
        "XYB",
        "PQ",
        "HLG",
        "PQ-grey-own-white",
        "PQ-own-primaries",
    ],
)
def test_what_the_decoder_would_show_otherwise_than_viewers_is_refused(header: bytes) -> None:
    with pytest.raises(Unsupported):
        jxl(header + bytes(20))


@pytest.mark.parametrize(
    "fields",
    [
        ("0 1 000 1", _SMALL_40_BY_6_TO_5, "0 0", _DEPTH_8, "00 0", _SRGB, "1"),
        ("0 0", "0 01 1", "00 0", _SRGB),
        ("0 0", "0 11", number(15, 6), "1", "00 0", _SRGB),
        ("0 0", _DEPTH_8, "10 0 00", "0 00", "00", "00", "0", "0", _SRGB),
        ("0 0", "0 10 1", "00 0", "0 0 10", "10", "0 01", number(11, 4), "10"),
        ("0 0", _DEPTH_8, "00 0", "0 0 00", "10", "10", "1", number(4545454, 24), "10"),
        ("0 0", _DEPTH_8, "00 0", "0 1 00"),
        ("1",),
    ],
    ids=["own-size", "10-bits", "16-bits", "alpha-in-words", "grey-12-bits", "gamma", "profile", "default"],
)
def test_ordinary_headers_pass(fields: tuple[str, ...]) -> None:
    assert jxl(stream(*fields) + bytes(20)).canvas == SIZE


def test_grey_and_alpha_of_twelve_bits_is_what_the_plugin_mixes_up() -> None:
    """So it is refused above; when this fails it need not be any more."""
    wide = stream("0 0", "0 01 1", _ALPHA_8, "0", "0 0 10", "10", "0 01", number(11, 4), "10", _END)
    narrow = stream("0 0", _DEPTH_8, _ALPHA_8, "0", "0 0 10", "10", "0 01", number(11, 4), "10", _END)
    _, info, pixels, *_ = pillow_jxl.Decoder(num_threads=0)(wide + frames_of("LA", narrow))
    assert (info.mode, len(pixels)) == ("LA", 4 * SIZE[0] * SIZE[1])


BARE = encode(picture(), "JXL", effort=1)
HALVES = BARE[:100], BARE[100:]


def part(index: int, content: bytes, last: bool = False) -> bytes:
    return box(b"jxlp", (index | last << 31).to_bytes(4) + content)


@pytest.mark.parametrize(
    "data",
    [
        BARE,
        SIGNATURE + FTYP + box(b"jxlc", BARE),
        SIGNATURE + FTYP + box(b"jxll", b"\x0a") + box(b"Exif") + box(b"jxlc", BARE) + box(b"xml ") + box(b"jumb"),
        SIGNATURE + FTYP + box(b"brob", b"Exif" + b"\xff" * 9) + box(b"jbrd", b"junk") + box(b"jxlc", BARE),
        SIGNATURE + FTYP + part(0, HALVES[0]) + box(b"Exif") + part(1, HALVES[1], last=True),
        SIGNATURE + FTYP + part(0, b"") + part(1, BARE) + part(2, b"", last=True),
        SIGNATURE + FTYP + b"\x00\x00\x00\x00jxlc" + BARE,
    ],
    ids=["bare", "box", "metadata", "compressed-and-broken-metadata", "parts", "empty-parts", "endless"],
)
def test_the_decoder_gets_the_bare_codestream(data: bytes) -> None:
    container = jxl(data)
    assert (container.end, container.frames, container.canvas) == (len(data), 1, SIZE)
    assert container.readings == (BARE,)


WHOLE = box(b"jxlc", BARE)


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE + FTYP,
        SIGNATURE + WHOLE,
        SIGNATURE + WHOLE + FTYP,
        SIGNATURE + FTYP + FTYP + WHOLE,
        SIGNATURE + FTYP + SIGNATURE + WHOLE,
        SIGNATURE + FTYP.replace(b"jxl ", b"avif") + WHOLE,
        SIGNATURE + FTYP + WHOLE + WHOLE,
        SIGNATURE + FTYP + WHOLE + part(0, BARE, last=True),
        SIGNATURE + FTYP + part(0, BARE),
        SIGNATURE + FTYP + part(1, BARE, last=True),
        SIGNATURE + FTYP + part(1, HALVES[1], last=True) + part(0, HALVES[0]),
        SIGNATURE + FTYP + part(0, BARE, last=True) + part(1, BARE, last=True),
        SIGNATURE + FTYP + part(0, HALVES[0]) + part(0, HALVES[1], last=True),
        SIGNATURE + FTYP + box(b"jxlp", b"\x80\x00\x00") + WHOLE,
        SIGNATURE + FTYP + box(b"brob", b"jxlc" + BARE) + WHOLE,
        SIGNATURE + FTYP + box(b"jxlc", BARE[1:]),
        SIGNATURE + FTYP + WHOLE + b"tail",
        SIGNATURE + FTYP + WHOLE[:-1],
        BARE[:3],
        BARE[:2],
    ],
    ids=[
        "empty",
        "no-ftyp",
        "ftyp-late",
        "ftyp-twice",
        "signature-twice",
        "another-brand",
        "two-codestreams",
        "box-and-parts",
        "no-last-part",
        "no-first-part",
        "parts-in-disorder",
        "part-behind-the-last",
        "part-twice",
        "short-part",
        "compressed-codestream",
        "no-codestream",
        "tail",
        "cut",
        "cut-header",
        "signature-only",
    ],
)
def test_a_container_that_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        jxl(data)


@pytest.mark.parametrize("kind", [b"jhgm", b"mdat", b"uuid"])
def test_boxes_that_nobody_knows_or_that_hold_a_picture_are_refused(kind: bytes) -> None:
    with pytest.raises(Unsupported):
        jxl(SIGNATURE + FTYP + box(kind, BARE) + WHOLE)


@pytest.mark.parametrize("name", [name for name in STILLS if name.startswith("jxl")])
@pytest.mark.parametrize("tail", [b"\x00", BARE], ids=["a-byte", "a-picture"])
def test_bytes_behind_the_codestream_are_refused(name: str, tail: bytes) -> None:
    (bare,) = jxl(STILLS[name]()).readings
    spec = ViewSpec(8, 8, 1.0, "squash", "bilinear")
    assert decode(bare, JXL, Limits(), [spec]).frames == 1
    for data in (bare + tail, SIGNATURE + FTYP + box(b"jxlc", bare + tail)):
        with pytest.raises(Undecodable, match="behind the end"):
            decode(data, JXL, Limits(), [spec])


def test_a_jpeg_in_disguise_is_decoded_as_viewers_do(tmp_path: Path) -> None:
    """Without jbrd; with it the plugin rebuilds the JPEG, whose markers may say that its colours are others."""
    path = tmp_path / "a.jpg"
    picture().save(path, quality=95)
    image = Image.open(path)
    data = encode(image, "JXL", lossless_jpeg=True)
    assert b"jbrd" in data
    (bare,) = jxl(data).readings
    seen = opened(bare)
    assert seen.size == SIZE
    assert np.abs(np.asarray(seen).astype(int) - np.asarray(image).astype(int)).max() < 12


def test_limits_are_looked_at_before_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(pillow_jxl, "Decoder", never)
    monkeypatch.setattr(Image, "open", never)
    bits = "0" + "11" + number(59_999, 30) + "100" + "1" + "000"
    huge = b"\xff\x0a" + bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    with pytest.raises(TooLarge, match="60000 x 60000"):
        decode(huge, JXL, Limits(), [])
