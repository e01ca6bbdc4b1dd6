"""Pillow opens the one format, within the limits, and each frame is what a viewer shows."""

from __future__ import annotations

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from config.media import Limits
from model import frames as model_frames
from model.decode import decode
from model.errors import JudgeError, TooLarge, Undecodable
from model.formats.media import JPEG, MediaType
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.frames import PILLOW_ERRORS, check_frames, check_size, pictures, refusals
from tests import imagenet
from tests.model.apng_parts import END, RGB, adam7, header, idat
from tests.model.apng_parts import pixels as packed
from tests.model.samples import ANIMATIONS, STILLS, chunk, encode, picture, png, png_header
from tests.model.samples import pictures as several

LIMITS = Limits()
PILLOWS_OWN_LIMIT = Image.MAX_IMAGE_PIXELS


def media_of(data: bytes) -> MediaType:
    media = sniff(data)
    assert media
    return media


def frames(data: bytes, limits: Limits = LIMITS) -> list[Image.Image]:
    media = media_of(data)
    container = inspect(data, media)
    return [frame.copy() for reading in container.readings for frame in pictures(reading, media, container, limits)]


@pytest.mark.parametrize("size", [(10, 3), (3, 10), (6, 5)], ids=["wide", "high", "area"])
def test_sizes_at_the_limit(size: tuple[int, int]) -> None:
    limits = Limits(max_side_pixels=10, max_area_pixels=30, max_frames=2)
    check_size(size, limits)
    assert frames(encode(picture(size=size), "PNG"), limits)
    for beyond in ((size[0] + 1, size[1]), (size[0], size[1] + 1)):
        with pytest.raises(TooLarge):
            check_size(beyond, limits)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "JXL"])
@pytest.mark.parametrize(
    ("side", "area"),
    [(39, 10_000), (40, 30 * 40 - 1), (40, 30 * 40 - 2), (40, 7)],
    ids=["side", "area", "even", "tiny"],
)
def test_sizes_beyond_the_limit_are_refused_in_every_format(kind: str, side: int, area: int) -> None:
    data = encode(picture(size=(40, 30)), kind)
    assert frames(data, Limits(max_side_pixels=40, max_area_pixels=1200))
    with pytest.raises(TooLarge):
        frames(data, Limits(max_side_pixels=side, max_area_pixels=area))


def test_a_bomb_is_refused_from_its_header() -> None:
    with pytest.raises(TooLarge):
        frames(png_header(60_000, 60_000))


def test_no_pixels_are_touched_before_the_limits() -> None:
    class TouchedError(Exception):
        pass

    def load(image: Image.Image) -> None:
        raise TouchedError

    spot = struct.pack("<BHHHHB", 0x2C, 0, 0, 2, 2, 0) + b"\x02\x02\x44\x01\x00"
    gif = b"GIF89a" + struct.pack("<2H", 10_001, 2) + b"\x80\x00\x00" + b"\x00" * 6 + spot + b";"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("PIL.ImageFile.ImageFile.load", load)
        for data in (png_header(10_001, 1), png_header(8000, 5001), gif):
            with pytest.raises(TooLarge):
                frames(data)
        with pytest.raises(TouchedError):
            frames(png_header(8000, 5000))


def test_webps_canvas_is_not_made_before_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(picture(size=(40, 30)), "WEBP")
    assert len(frames(data, Limits(max_area_pixels=1200))) == 1
    monkeypatch.delattr(Image, "open")  # libwebp makes its canvas when the file is opened
    with pytest.raises(TooLarge, match="40 x 30"):
        frames(data, Limits(max_area_pixels=1199))


@pytest.mark.parametrize("name", ANIMATIONS)
def test_frames_at_the_limit_and_beyond(name: str) -> None:
    data = ANIMATIONS[name]()
    assert len(frames(data, Limits(max_frames=4))) in (4, 5)
    with pytest.raises(TooLarge, match="4 frames"):
        frames(data, Limits(max_frames=3))


def test_frames_are_counted_before_pillow_sees_them() -> None:
    check_frames(2, Limits(max_frames=2))
    with pytest.raises(TooLarge, match="3 frames"):
        check_frames(3, Limits(max_frames=2))


@pytest.mark.parametrize("name", STILLS)
def test_a_still_is_one_loaded_frame(name: str) -> None:
    (frame,) = frames(STILLS[name]())
    assert frame.tobytes()


@pytest.mark.parametrize("name", ["apng", "gif-animated", "webp-animated", "avif-animated"])
def test_each_frame_is_the_whole_picture(name: str) -> None:
    shown = frames(ANIMATIONS[name]())[-4:]
    for frame, image in zip(shown, several(4), strict=True):
        difference = np.asarray(frame.convert("RGB")).astype(int) - np.asarray(image).astype(int)
        assert np.abs(difference).mean() < 30


def test_frames_are_composed_as_a_viewer_does() -> None:
    """The second frame is a spot on the first."""
    ground, spot = Image.new("RGB", (20, 20), (200, 0, 0)), Image.new("RGB", (20, 20), (200, 0, 0))
    spot.paste((0, 0, 200), (5, 5, 10, 10))
    for kind in ("PNG", "GIF", "WEBP"):
        data = encode([ground, spot], kind, **({"lossless": True} if kind == "WEBP" else {}))
        _, second = frames(data)
        assert second.convert("RGB").tobytes() == spot.tobytes()


def test_an_apngs_still_that_is_no_frame_is_looked_at() -> None:
    shown = frames(encode(several(3), "PNG", default_image=True))
    assert [frame.convert("RGB").tobytes() for frame in shown] == [image.tobytes() for image in several(3)]


def test_both_pictures_of_a_file_with_a_still_and_a_track() -> None:
    data = ANIMATIONS["avif-animated"]()
    assert len(frames(data)) == 1 + 4


MPO = encode(several(3), "MPO", quality=95)


def test_all_pictures_of_an_mpo() -> None:
    assert len(frames(MPO)) == 3


def test_a_gain_map_is_a_picture_too() -> None:
    xmp = b'http://ns.adobe.com/xap/1.0/\x00<x hdrgm:Version="1.0"/>'
    at = MPO.index(b"\xff\xe2")  # in front of the index, whose places count from the index on
    data = MPO[:at] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + MPO[at:]
    assert len(frames(data)) == 3


def second_picture() -> int:
    return MPO.index(b"\xff\xd8\xff", 3)


def test_an_index_that_points_at_nothing() -> None:
    """Editors drop the further pictures of a phone's photo and keep the index."""
    assert len(frames(MPO[: second_picture()])) == 1
    assert len(frames(MPO[: second_picture()] + b"something else" * 500)) == 1


def test_a_further_picture_is_measured_too() -> None:
    data = encode([picture(size=(40, 30)), picture(size=(30, 41))], "MPO")
    assert len(frames(data, Limits(max_side_pixels=41))) == 2
    with pytest.raises(TooLarge, match="30 x 41"):
        frames(data, Limits(max_side_pixels=40))


def test_a_further_picture_that_no_browser_shows_is_cut_off() -> None:
    at = MPO.index(b"\xff\xc0", second_picture()) + 4
    assert MPO[at] == 8
    data = MPO[:at] + b"\x0c" + MPO[at + 1 :]
    assert len(frames(data)) == 1
    assert decode(data, JPEG, LIMITS, []).trailing == len(data) - second_picture()


def test_a_further_picture_that_is_broken_is_refused() -> None:
    at = MPO.index(b"\xff\xc4", second_picture()) + 4
    with pytest.raises(Undecodable, match="OSError"):
        frames(MPO[:at] + b"\xff" * 4 + MPO[at + 4 :])


@pytest.mark.parametrize("cut", [3, 20, 400])
def test_a_further_picture_that_breaks_off_is_cut_off(cut: int) -> None:
    data = MPO[: second_picture() + cut]
    assert len(frames(data)) == 1
    assert decode(data, JPEG, LIMITS, []).trailing == len(data) - second_picture()


@pytest.mark.parametrize("tail", [b"", b"PK\x03\x04 anything", MPO[: second_picture()]], ids=["none", "zip", "a-third"])
def test_what_the_index_does_not_name_is_cut_off(tail: bytes) -> None:
    assert len(frames(MPO + tail)) == 3
    assert decode(MPO + tail, JPEG, LIMITS, []).trailing == len(tail)
    junk = MPO.replace(b"MPF\x00II*\x00", b"MPF\x00XX*\x00") + tail
    assert decode(junk, JPEG, LIMITS, []).trailing == len(junk) - second_picture()


def test_an_index_that_passes_a_picture_over_is_refused() -> None:
    # [first][hidden][second]: the index names the first and the last, so the one between them would go unseen.
    at = second_picture()
    hidden = encode(picture(9), "JPEG")
    data = bytearray(MPO[:at] + hidden + MPO[at:])
    entry = MPO.index(b"MPF\x00") + 4
    named = at - entry
    where = bytes(MPO).index(named.to_bytes(4, "little"), entry)
    data[where : where + 4] = (named + len(hidden)).to_bytes(4, "little")
    with pytest.raises(Undecodable, match="names other pictures"):
        frames(bytes(data))


def test_the_work_of_an_animation_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(several(3), "GIF")
    monkeypatch.setattr(model_frames, "MAX_WORK_PIXELS", 3 * 48 * 40)
    assert len(frames(data)) == 3
    monkeypatch.setattr(model_frames, "MAX_WORK_PIXELS", 3 * 48 * 40 - 1)
    with pytest.raises(TooLarge, match="3 frames of 48 x 40"):
        frames(data)


def test_a_broken_index_leaves_one_picture() -> None:
    assert len(frames(MPO.replace(b"MPF\x00II*\x00", b"MPF\x00XX*\x00"))) == 1


@pytest.mark.parametrize(("depth", "row"), [(2, b"\x00\x1b"), (4, b"\x00\x5a\xf0")], ids=["2", "4"])
def test_the_transparent_grey_of_few_bits(depth: int, row: bytes) -> None:
    white = 2**depth - 1
    data = png(row, 4, 1, depth, 0, before=chunk(b"tRNS", struct.pack(">H", white)))
    (frame,) = frames(data)
    grey, alpha = np.asarray(frame.convert("LA"))[0].T.tolist()
    assert [value == 255 for value in grey] == [value == 0 for value in alpha]
    assert 255 in grey


@pytest.mark.parametrize(
    ("depth", "colour", "samples", "far"),
    [
        (1, 0, (1,), (0xFFFF,)),
        (1, 0, (0,), (2,)),
        (2, 0, (1,), (5,)),
        (4, 0, (5,), (0x15,)),
        (8, 0, (5,), (0x105,)),
        (8, 2, (5, 6, 7), (0x105, 6, 0xFF07)),
    ],
)
def test_only_the_bits_of_a_sample_count_in_what_is_transparent(
    depth: int, colour: int, samples: tuple[int, ...], far: tuple[int, ...]
) -> None:
    """A picture in transparent pixels among others that look the same."""
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 2, (8, 8, 1)).astype(bool)
    others = [(sample + 1) % 2**depth for sample in samples]
    values = np.where(hidden, samples, others).astype(np.uint8)
    data = header(8, 8, depth, colour)
    pixels = idat(packed(values, depth)) + END
    said, seen = (
        np.asarray(frames(data + chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)) + pixels)[0].convert("RGBA"))
        for key in (samples, far)
    )
    assert np.array_equal(said[..., 3:] == 0, hidden)
    assert np.array_equal(seen, said)


def test_text_cannot_pose_as_a_header() -> None:
    text = chunk(b"tEXt", b"transparency\x00x") + chunk(b"tEXt", b"icc_profile\x00x") + chunk(b"tEXt", b"exif\x00x")
    (frame,) = frames(png(b"\x00\x01\x02", 2, 1, before=text, after=text))
    assert not {"transparency", "icc_profile", "exif"} & set(map(str, frame.info))


def test_a_file_is_opened_as_nothing_else() -> None:
    data = STILLS["png-RGB"]()
    container = inspect(data, media_of(data))
    with pytest.raises(Undecodable, match="cannot open"):
        list(pictures(data, JPEG, container, LIMITS))


def test_declared_and_found_frames_must_agree() -> None:
    data = ANIMATIONS["webp-animated"]()
    still = inspect(STILLS["webp"](), media_of(data))
    with pytest.raises(Undecodable, match="declares 1 frames, and 4"):
        list(pictures(data, media_of(data), still, LIMITS))


@pytest.mark.parametrize("error", [*PILLOW_ERRORS, UnidentifiedImageError], ids=lambda error: error.__name__)
def test_pillows_errors_are_undecodable(error: type[Exception]) -> None:
    with pytest.raises(Undecodable), refusals():
        raise error("broken")


@pytest.mark.parametrize("error", [MemoryError, Image.DecompressionBombError], ids=["memory", "bomb"])
def test_what_is_too_large_is_said_to_be(error: type[Exception]) -> None:
    with pytest.raises(TooLarge), refusals():
        raise error("big")


def test_bugs_are_not_taken_for_broken_files() -> None:
    with pytest.raises(AssertionError), refusals():
        raise AssertionError
    with pytest.raises(JudgeError), refusals():
        raise JudgeError


def test_pillows_own_settings_are_as_before() -> None:
    with pytest.raises(TooLarge):
        frames(png_header(20_000, 20_000))
    frames(STILLS["jpeg"]())
    assert Image.MAX_IMAGE_PIXELS == PILLOWS_OWN_LIMIT
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frames(encode(picture(size=(900, 900)), "PNG"), Limits(max_area_pixels=900 * 900))
    assert not caught


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("bottom", ["black", "other"])
def test_a_last_row_that_is_missing(mode: str, bottom: str) -> None:
    """And one that is there and black, or all clear: of that Pillow sees nothing else."""
    image = picture(mode=mode)
    if bottom == "black":
        image.paste(0 if len(image.getbands()) == 1 else (0,) * len(image.getbands()), (0, 30, 48, 40))
    data = encode(image, "PNG")
    assert frames(data)[0].tobytes()
    at = data.index(b"IHDR") + 4
    start = data.index(b"IDAT") + 4
    rows = zlib.decompress(data[start : start + int.from_bytes(data[start - 8 : start - 4])])
    parts = chunk(b"IHDR", data[at : at + 13]), data[at + 17 : start - 8]
    for short in (rows[: -len(rows) // 40], rows[:-1], rows[: len(rows) // 2]):
        with pytest.raises(Undecodable, match=r"last row|truncated"):
            frames(data[:8] + b"".join(parts) + chunk(b"IDAT", zlib.compress(short)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("passes", range(7))
def test_passes_that_are_missing(passes: int) -> None:
    """A browser shows the first ones made larger, and Pillow black between them."""
    with Image.open(imagenet.picture("chelsea.png")) as image:
        cat = np.asarray(image.resize((96, 64)))
    whole, part = (header(96, 64, 8, RGB, interlaced=True) + idat(adam7(cat, count)) + END for count in (7, passes))
    assert np.array_equal(np.asarray(frames(whole)[0]), cat)
    with pytest.raises(Undecodable, match=r"last row|truncated"):
        frames(part)


def test_few_pngs_are_unpacked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []
    monkeypatch.setattr(model_frames, "check_rows", checked.append)
    for name in ("png-L", "png-RGB", "png-RGBA", "png-I;16"):
        frames(STILLS[name]())
    assert not checked
    frames(encode(Image.new("RGBA", (9, 9)), "PNG"))
    assert len(checked) == 1


def test_wrong_pixels_are_refused() -> None:
    short = zlib.compress(b"\x00" * 5)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", short) + chunk(b"IEND", b"")
    with pytest.raises(Undecodable):
        frames(data)
