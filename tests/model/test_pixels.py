"""Whoever looks at a transparent picture sees one of those that are judged."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from model.decode import decode
from model.formats.media import PNG
from model.formats.orientation import as_exif
from model.pixels import opaque
from model.preprocess import ViewSpec
from tests.model.agreement import LIMITS
from tests.model.samples import encode, picture, pictures
from tests.model.test_colour import SPLITS, swapped


def rgba(*values: tuple[int, int, int, int]) -> Image.Image:
    return Image.fromarray(np.array([values], dtype=np.uint8))


def seen(image: Image.Image) -> list[list[list[int]]]:
    return [np.asarray(rgb).reshape(-1, 3).tolist() for rgb in opaque(image)]


@pytest.mark.parametrize("name", SPLITS)
def test_every_mode_gives_rgb(name: str) -> None:
    image = SPLITS[name][0]
    results = opaque(image)
    assert results
    assert all(rgb.mode == "RGB" and rgb.size == image.size for rgb in results)


def test_transparency_is_judged_over_white_over_black_and_without_alpha() -> None:
    assert seen(rgba((200, 0, 0, 0), (200, 100, 0, 128), (0, 0, 9, 255))) == [
        [[255, 255, 255], [227, 177, 127], [0, 0, 9]],
        [[0, 0, 0], [100, 50, 0], [0, 0, 9]],
        [[200, 0, 0], [200, 100, 0], [0, 0, 9]],
    ]


def test_an_opaque_alpha_channel_is_one_picture() -> None:
    assert seen(rgba((1, 2, 3, 255), (4, 5, 6, 255))) == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255)], ids=["black", "white"])
def test_what_comes_out_the_same_is_judged_once(hidden: tuple[int, int, int]) -> None:
    assert len(seen(rgba((*hidden, 0), (9, 9, 9, 255)))) == 2


def test_a_plain_picture_is_not_copied() -> None:
    image = picture()
    assert opaque(image) == [image]
    assert opaque(image)[0] is image


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16", "CMYK"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_as_exif_says(turn: int, mode: str) -> None:
    image = picture(mode=mode)
    upright = [rgb.copy() for rgb in opaque(image)]
    exif = Image.Exif()
    exif[0x0112] = turn
    image.info["exif"] = exif.tobytes()
    turned = opaque(image)
    assert len(turned) == len(upright)
    for rgb, before in zip(turned, upright, strict=True):
        before.info["exif"] = exif.tobytes()
        assert rgb.tobytes() == ImageOps.exif_transpose(before).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_where_viewers_do_not_agree_on_exif_it_is_judged_with_and_without(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode, count in (("RGB", 1), ("RGBA", 3)):
        file = io.BytesIO(encode(picture(mode=mode), kind, lossless=True, exact=True, exif=exif.tobytes()))
        image = Image.open(file, formats=[kind])
        shown = opaque(image)
        assert [rgb.size for rgb in shown] == [(48, 40)] * count + [(40, 48)] * count
        assert shown[count].tobytes() == shown[0].transpose(Image.Transpose.ROTATE_270).tobytes()
        image.info["exif"] = b""
        assert len(opaque(image)) == count


def test_a_frame_of_an_apng_with_exif_is_judged_with_and_without() -> None:
    images = pictures(2)
    data = encode(images, "PNG", exif=as_exif(6))
    specs = [ViewSpec(40, 48, 1.0, "squash", "nearest"), ViewSpec(48, 40, 1.0, "squash", "nearest")]
    as_stored, turned = decode(data, PNG, LIMITS, specs).arrays
    for image in images:
        assert any(np.array_equal(view, np.asarray(image)) for view in as_stored)
        upright = np.asarray(image.transpose(Image.Transpose.ROTATE_270))
        assert any(np.array_equal(view, upright) for view in turned)


def test_pictures_of_other_sizes_are_others() -> None:
    image = Image.open(io.BytesIO(encode(Image.new("RGB", (4, 3)), "PNG", exif=as_exif(6))))
    assert [rgb.size for rgb in opaque(image)] == [(4, 3), (3, 4)]


@pytest.mark.parametrize("exif", [b"Exif\x00\x00broken", b"", "text", None], ids=["broken", "empty", "text", "none"])
def test_broken_exif_is_ignored(exif: object) -> None:
    image = picture()
    image.info["exif"] = exif
    assert opaque(image)[0].tobytes() == picture().tobytes()


def test_profile_and_alpha_together() -> None:
    image = rgba((250, 10, 10, 0), (250, 10, 10, 255))
    image.info["icc_profile"] = swapped()
    results = seen(image)
    assert len(results) == 6
    assert [250, 10, 10] in results[5]
    assert results[2][0][2] > 200
