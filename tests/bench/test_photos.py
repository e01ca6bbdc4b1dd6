"""The photographs: where they come from, their sizes, their crops."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bench import photos
from tests.bench.encodings import opened
from tests.bench.photos import CROPS, SIDE, Photo, crop, photo
from tests.model import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Packages like those of photos.txt, with other pictures."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as cats:
        for number in range(2):
            data = samples.encode(samples.picture(number), "JPEG")
            member = tarfile.TarInfo(f"cat{number}.jpg")
            member.size = len(data)
            cats.addfile(member, io.BytesIO(data))
    with zipfile.ZipFile(tmp_path / "alibi-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(photos.ALIBI_CATS, tar.getvalue())
    with zipfile.ZipFile(tmp_path / "gradio-1-py3-none-any.whl", "w") as wheel:
        for number, name in enumerate(photos.GRADIO_CATS, 2):
            wheel.writestr(name, samples.encode(samples.picture(number), "JPEG"))
    return tmp_path


def test_cats_come_out_of_packages_and_each_is_cropped_four_times(folder: Path) -> None:
    found = photos.cats(folder)
    whole = ["cat0", "cat1", "cheetah", "cheetah1", "lion", "cheetah2", "chelsea"]
    assert [one.name for one in found if one.whole] == whole
    assert [one.name for one in found if not one.whole] == [f"{name}, {place}" for name in whole for place in CROPS]
    assert np.array_equal(
        np.asarray(opened(found[0].file)),
        np.asarray(opened(samples.encode(samples.picture(0), "JPEG"))),
    )
    assert len({one.file for one in found}) == len(found)


def test_without_the_packages_it_says_what_downloads_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make bench-recall"):
        photos.cats(tmp_path)


def test_ordinary_ones_are_in_a_package_that_the_tests_have() -> None:
    found = {one.name: opened(one.file) for one in photos.ordinary()}
    assert len(found) == len(photos.ORDINARY) > 15
    assert set(photos.HOSTS) < set(found)
    assert "chelsea" not in found
    assert all(min(image.size) > 100 and max(image.size) <= SIDE for image in found.values())


def test_a_photo_is_made_smaller_and_what_is_transparent_white() -> None:
    image = Image.new("RGBA", (2 * SIDE, SIDE), "red")
    image.paste((0, 0, 255, 0), (0, 0, SIDE, SIDE))
    found = opened(photo("", samples.encode(image, "PNG")).file)
    assert found.size == (SIDE, SIDE // 2)
    assert found.getpixel((50, 50)) == (255, 255, 255)
    assert found.getpixel((350, 50)) == (255, 0, 0)
    little = photo("", samples.encode(Image.new("L", (20, 10), 7), "PNG"))
    assert opened(little.file).size == (20, 10)


@pytest.mark.parametrize(
    ("place", "left", "top"),
    [("upper left", 0, 0), ("upper right", 30, 0), ("lower left", 0, 15), ("lower right", 30, 15)],
)
def test_a_crop(place: str, left: int, top: int) -> None:
    whole = samples.picture(1, size=(200, 100))
    cut = crop(Photo("cat", samples.encode(whole, "PNG")), place)
    assert cut.name == f"cat, {place}"
    assert not cut.whole
    assert np.array_equal(np.asarray(opened(cut.file)), np.asarray(whole)[top : top + 85, left : left + 170])
