"""Pixel modes to colours and alpha; profiles and gamma as a browser applies them, and without them where that shows."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model import colour
from model.colour import renditions, split
from model.decode import decode
from model.errors import Undecodable, Unsupported
from model.formats.media import PNG
from model.preprocess import ViewSpec
from tests.model.agreement import LIMITS
from tests.model.profiles import having, negative, put_together, srgb, taken_apart
from tests.model.samples import chunk, encode, picture

LINEAR = chunk(b"gAMA", struct.pack(">I", 100_000))
SPEC = ViewSpec(8, 8, 1.0, "squash", "bilinear")


def swapped() -> bytes:
    """sRGB with red and blue changed over: the directory's two entries get each other's names."""
    profile = srgb()
    return profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)


def grey(gamma: float) -> bytes:
    """An ICC profile (ICC.1:2010, 7.2) of grey with one gamma, by hand."""
    white = b"XYZ \x00\x00\x00\x00" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\x00\x00\x00\x00" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, 16)
    total = 128 + len(tags) + len(white) + len(curve)
    head = struct.pack(">I4sI4s4s4s", total, b"\x00" * 4, 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    head += b"\x00" * 12 + b"acsp" + b"\x00" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\x00") + tags + white + curve


def plain(values: list[list[tuple[int, ...]]] | NDArray[np.uint8], mode: str) -> Image.Image:
    image = Image.fromarray(np.array(values, dtype=np.uint8))
    assert image.mode == mode
    return image


def pixels(image: Image.Image | None) -> list[object]:
    assert image is not None
    array = np.asarray(image)
    return list(array.reshape(-1, *array.shape[2:]).tolist())


def with_info(image: Image.Image, **info: object) -> Image.Image:
    image.info.update(info)
    return image


def indexed(transparency: bytes | int | None) -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    return image if transparency is None else with_info(image, transparency=transparency)


def grey_with_key(mode: str, values: list[int], key: int | None) -> Image.Image:
    image = Image.new(mode, (len(values), 1))
    image.putdata(values)
    return image if key is None else with_info(image, transparency=key)


def sixteen(mode: str, values: list[int], key: int | None = None) -> Image.Image:
    order = ">" if mode == "I;16B" else "<"
    image = Image.frombytes(mode, (len(values), 1), struct.pack(f"{order}{len(values)}H", *values))
    return image if key is None else with_info(image, transparency=key)


RED, GREEN, BLUE = [255, 0, 0], [0, 255, 0], [0, 0, 255]
SPLITS: dict[str, tuple[Image.Image, str, list[object], list[int] | None]] = {
    "1": (grey_with_key("1", [0, 255], None), "L", [0, 255], None),
    "1-key": (grey_with_key("1", [0, 255], 255), "L", [0, 255], [255, 0]),
    "L": (grey_with_key("L", [3, 4], None), "L", [3, 4], None),
    "L-key": (grey_with_key("L", [3, 4], 4), "L", [3, 4], [255, 0]),
    "LA": (plain([[(9, 0), (7, 128)]], "LA"), "L", [9, 7], [0, 128]),
    "La": (plain([[(8, 255), (0, 0)]], "LA").convert("La"), "L", [8, 0], [255, 0]),
    "P": (indexed(None), "RGB", [RED, GREEN, BLUE], None),
    "P-index": (indexed(1), "RGB", [RED, GREEN, BLUE], [255, 0, 255]),
    "P-bytes": (indexed(b"\x00\x80"), "RGB", [RED, GREEN, BLUE], [0, 128, 255]),
    "PA": (indexed(b"\x00\x80").convert("PA"), "RGB", [RED, GREEN, BLUE], [0, 128, 255]),
    "RGB": (plain([[(1, 2, 3)]], "RGB"), "RGB", [[1, 2, 3]], None),
    "RGB-key": (
        with_info(plain([[(1, 2, 3), (1, 2, 4)]], "RGB"), transparency=(1, 2, 4)),
        "RGB",
        [[1, 2, 3], [1, 2, 4]],
        [255, 0],
    ),
    "RGBA": (plain([[(1, 2, 3, 0), (4, 5, 6, 99)]], "RGBA"), "RGB", [[1, 2, 3], [4, 5, 6]], [0, 99]),
    "RGBa": (plain([[(9, 8, 7, 255)]], "RGBA").convert("RGBa"), "RGB", [[9, 8, 7]], [255]),
    "RGBX": (Image.new("RGBX", (1, 1), (1, 2, 3)), "RGB", [[1, 2, 3]], None),
    "CMYK": (Image.new("CMYK", (1, 1), (255, 0, 0, 0)), "CMYK", [[255, 0, 0, 0]], None),
    "YCbCr": (Image.new("YCbCr", (1, 1), (150, 128, 128)), "RGB", [[150, 150, 150]], None),
    "HSV": (Image.new("HSV", (1, 1), (0, 255, 255)), "RGB", [RED], None),
    "LAB": (Image.new("LAB", (1, 1), (255, 128, 128)), "RGB", [[254, 255, 254]], None),
    "I;16": (sixteen("I;16", [0, 255, 256, 65535]), "L", [0, 0, 1, 255], None),
    "I;16-key": (sixteen("I;16", [256, 257], 257), "L", [1, 1], [255, 0]),
    "I;16L": (sixteen("I;16L", [512]), "L", [2], None),
    "I;16B": (sixteen("I;16B", [512, 513], 513), "L", [2, 2], [255, 0]),
    "I;16N": (sixteen("I;16N", [512]), "L", [2], None),
}


@pytest.mark.parametrize("name", SPLITS)
def test_colours_and_alpha_of_each_mode(name: str) -> None:
    image, mode, colours, alpha = SPLITS[name]
    got_colours, got_alpha = split(image)
    assert got_colours.mode == mode
    assert pixels(got_colours) == colours
    if alpha is None:
        assert got_alpha is None
    else:
        assert pixels(got_alpha) == alpha


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_plain_pixels_are_not_copied(mode: str) -> None:
    image = picture(mode=mode)
    assert split(image)[0] is image


def test_plain_rgb_is_its_own_rendition() -> None:
    image = picture()
    assert renditions(image, {})[0] is image


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_without_an_agreed_range_are_refused(mode: str) -> None:
    with pytest.raises(Unsupported, match=f"mode {mode}"):
        split(Image.new(mode, (1, 1)))


def test_a_profile_that_changes_colours_is_applied_and_left_out() -> None:
    image = Image.new("RGB", (8, 8), (250, 10, 10))
    managed, as_it_is = renditions(image, {"icc_profile": swapped()})
    red, green, blue = np.asarray(managed)[0, 0].tolist()
    assert blue > 200 > 60 > red
    assert green < 60
    assert as_it_is is image


def test_a_profile_that_changes_one_pixel_is_judged_both_ways() -> None:
    dim = Image.new("RGB", (500, 500), (60, 60, 60))
    dim.putpixel((7, 7), (60, 60, 40))
    managed, as_it_is = renditions(dim, {"icc_profile": swapped()})
    assert pixels(managed) != pixels(dim)
    assert as_it_is is dim


def test_a_profile_with_free_tables_is_never_taken_for_srgb(monkeypatch: pytest.MonkeyPatch) -> None:
    # Curves are looked at on every level; a free table may do anything between them.
    seen: list[tuple[int, int]] = []
    plain = colour._largest

    def largest(one: Image.Image, other: Image.Image) -> int:
        seen.append(one.size)
        return plain(one, other)

    monkeypatch.setattr(colour, "_largest", largest)
    image = picture(mode="RGB")
    renditions(image, {"icc_profile": srgb()})
    assert seen == [(256, 8)]  # by the levels alone
    seen.clear()
    tags = [(name, tag) for name, tag in taken_apart(srgb()).items() if not name.endswith(b"TRC")]
    tabled = put_together(srgb(), [*tags, (b"A2B0", negative())])
    assert len(renditions(image, {"icc_profile": tabled})) == 2
    assert (256, 8) not in seen


def test_tables_and_curves_of_one_profile_are_both_judged() -> None:
    # lcms takes the tables, which make a negative of it here; some viewers take the curves.
    dark = Image.new("RGB", (8, 8), (20, 20, 20))
    both = having((b"A2B0", negative())).replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1)
    red = Image.new("RGB", (8, 8), (200, 20, 20))
    by_tables, as_it_is = renditions(dark, {"icc_profile": having((b"A2B0", negative()))})
    assert np.asarray(by_tables).min() > 200
    assert as_it_is is dark
    by_tables, by_curves, as_it_is = renditions(red, {"icc_profile": both.replace(b"????", b"bXYZ", 1)})
    assert np.asarray(by_curves)[0, 0, 2] > 150
    assert as_it_is is red


@pytest.mark.parametrize("count", [101, 200])
def test_a_whole_profile_that_only_lcms_refuses_is_refused(count: int) -> None:
    profile = put_together(
        srgb(), [*taken_apart(swapped()).items(), *((b"x%03d" % at, b"text") for at in range(count))]
    )
    with pytest.raises(Unsupported, match="ICC"):
        renditions(picture(), {"icc_profile": profile})
    assert len(renditions(picture(mode="CMYK"), {"icc_profile": profile})) == 1


def test_a_profile_in_a_png_with_a_wrong_checksum_is_refused() -> None:
    """libpng uses it, and shows red as blue; Pillow leaves it out."""
    image = Image.new("RGB", (8, 8), (250, 10, 10))
    whole = chunk(b"iCCP", b"name\x00\x00" + (packed := zlib.compress(swapped())))
    broken = chunk(b"iCCP", b"name\x00\x00" + packed[:-1] + bytes([packed[-1] ^ 1]))
    plain = encode(image, "PNG")
    files = [plain[:33] + profile + plain[33:] for profile in (whole, broken)]
    with Image.open(io.BytesIO(files[0])) as one, Image.open(io.BytesIO(files[1])) as other:
        assert (one.info["icc_profile"], other.info["icc_profile"]) == (swapped(), None)
    managed, as_it_is = decode(files[0], PNG, LIMITS, [SPEC]).arrays[0]
    assert managed[0, 0, 2] > 200 > 60 > managed[0, 0, 0]
    assert as_it_is[0, 0].tolist() == [250, 10, 10]
    with pytest.raises(Undecodable, match="profile"):
        decode(files[1], PNG, LIMITS, [SPEC])


@pytest.mark.parametrize("intent", range(3))
def test_the_tables_of_every_intent_are_judged(intent: int) -> None:
    """Some viewers take any that are there, and lcms for another intent the curves, which are those of sRGB here."""
    image = picture()
    profile = having((b"A2B%d" % intent, negative()))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    screen = ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(image, source, screen, renderingIntent=ImageCms.Intent(intent))
    assert seen
    whole = ViewSpec(image.height, image.width, 1.0, "squash", "bilinear")
    views = decode(encode(image, "PNG", icc_profile=profile), PNG, LIMITS, [whole]).arrays[0]
    assert np.array_equal(views[0], np.asarray(seen))
    assert np.array_equal(views[1], np.asarray(image))


def test_a_printers_profile_is_judged_in_each_of_its_intents() -> None:
    tables = [(b"A2B%d" % intent, negative(light)) for intent, light in enumerate((1.0, 0.5, 0.25))]
    dark = Image.new("RGB", (8, 8), (20, 20, 20))
    *managed, as_it_is = renditions(dark, {"icc_profile": having(*tables)})
    levels = [np.asarray(each).mean() for each in managed]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) == 3
    assert as_it_is is dark


@pytest.mark.parametrize(
    "chunks",
    [(LINEAR, chunk(b"sRGB", b"\x00\x00")), (LINEAR, chunk(b"sRGB", b"\x09")), (chunk(b"sRGB", b"\x00"), LINEAR)],
    ids=["long", "no-intent", "well-formed"],
)
def test_gamma_beside_srgb_is_judged_too(chunks: tuple[bytes, ...]) -> None:
    """libpng goes by the gamma where sRGB is malformed; without a reason for it nobody does, so it comes last."""
    plain = encode(Image.new("RGB", (8, 8), (64, 64, 64)), "PNG")
    views = decode(plain[:33] + b"".join(chunks) + plain[33:], PNG, LIMITS, [SPEC]).arrays[0]
    assert [view[0, 0].tolist() for view in views] == [[64, 64, 64], [136, 136, 136]]


def test_a_profile_of_rgb_is_applied_to_grey() -> None:
    """As Chromium does, and some cameras want it."""
    image = Image.new("L", (4, 4), 20)
    tags = [(name, tag) for name, tag in taken_apart(srgb()).items() if not name.endswith(b"TRC")]
    managed, as_it_is = renditions(image, {"icc_profile": put_together(srgb(), [*tags, (b"A2B0", negative())])})
    assert np.asarray(managed).min() > 200
    assert pixels(as_it_is)[0] == [20, 20, 20]


def test_gamma_beside_a_profile_is_judged_too() -> None:
    """A reader that does not like the profile goes by the gamma."""
    image = Image.new("RGB", (4, 4), (64, 64, 64))
    for profile in (srgb(), b"not a profile"):
        managed, as_it_is = renditions(image, {"gamma": 1.0, "icc_profile": profile})
        assert pixels(managed)[0] == [136, 136, 136]
        assert as_it_is is image


def test_a_profile_reaches_colour_from_each_format() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
        image = Image.open(io.BytesIO(encode(picture(), kind, icc_profile=swapped())))
        image.load()
        assert len(renditions(split(image)[0], image.info)) == 2


def test_every_level_counts() -> None:
    levels = np.asarray(colour._LEVELS)
    assert levels.shape == (8, 256, 3)
    for channel in range(3):
        alone = [row for row in levels if row[255].tolist() == [255 * (channel == c) for c in range(3)]]
        assert [pixel[channel] for pixel in alone[0]] == list(range(256))


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"not a profile"),
        ("RGB", srgb()[:200]),
        ("RGB", b""),
        ("RGB", "text"),
        ("RGB", None),
        ("RGB", grey(2.2)),
        ("RGB", swapped().replace(b"RGB ", b"\xff\xfe\xfd\xfc", 1)),
        ("CMYK", swapped()),
        ("RGB", srgb()),
    ],
    ids=[
        "nonsense",
        "cut",
        "empty",
        "text",
        "none",
        "grey-for-rgb",
        "no-space",
        "rgb-for-cmyk",
        "srgb-itself",
    ],
)
def test_a_profile_without_effect(mode: str, profile: object) -> None:
    image = picture(mode=mode)
    (only,) = renditions(image, {"icc_profile": profile})
    assert only.tobytes() == image.convert("RGB").tobytes()


def test_a_profile_of_grey_is_applied() -> None:
    image = Image.new("L", (4, 4), 128)
    managed, as_it_is = renditions(image, {"icc_profile": grey(4.4)})
    assert pixels(managed)[0] == pytest.approx([65, 65, 65], abs=4)
    assert pixels(as_it_is)[0] == [128, 128, 128]


def test_gamma_that_changes_the_picture_is_applied_and_left_out() -> None:
    image = Image.new("RGB", (4, 4), (64, 64, 64))
    managed, as_it_is = renditions(image, {"gamma": 1.0})
    assert pixels(managed)[0] == [136, 136, 136]  # 255 * (64 / 255) ** (1 / 2.2)
    assert as_it_is is image


@pytest.mark.parametrize(
    "info",
    [
        {"gamma": 0.45455},
        {"gamma": 0.0},
        {"gamma": "1.0"},
    ],
    ids=["that-of-sRGB", "zero", "text"],
)
def test_gamma_without_effect(info: dict[str | tuple[int, int], object]) -> None:
    image = picture()
    assert renditions(image, info) == [image]
