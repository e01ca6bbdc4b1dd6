"""The photographs of the table of recall: cats, whom its policy forbids, and ordinary pictures beside them.

scikit-image, which the tests have, gives one cat and the ordinary pictures. The other cats come out of two packages of
the registry that `make bench-recall` downloads for these files alone (photos.txt): they are opened as zip files, and
nothing of them is installed or run. Of alibi's its authors say that they are in the public domain; gradio (Apache-2.0)
says nothing of where its own came from. None is copied into this repository.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.imagenet import picture
from tests.model.samples import encode

SIDE = 400
"""Pixels of the longer side that no photograph exceeds, so that those made of it stay within the limits and are soon
made: 20 times as high, for one."""
CROP = 0.85
"""Width and height of a crop, of the whole photograph's."""

ALIBI, ALIBI_CATS = "alibi-*.whl", "alibi/data/cats.tar.gz"
GRADIO = "gradio-*.whl"
GRADIO_CATS = (
    "gradio/media_assets/images/cheetah.jpg",
    "gradio/media_assets/images/cheetah1.jpg",
    "gradio/media_assets/images/lion.jpg",
    "gradio/test_data/cheetah2.jpg",
)
SKIMAGE_CAT = "chelsea.png"
ORDINARY = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "clock_motion.png", "coffee.png", "coins.png"),
    *("color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "logo.png", "moon.png"),
    *("motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png"),
)
HOSTS = ("coffee", "rocket", "motorcycle_left", "astronaut", "camera")
"""Photographs that others are hidden in."""

Box = tuple[float, float]
CROPS: dict[str, Box] = {"upper left": (0, 0), "upper right": (1, 0), "lower left": (0, 1), "lower right": (1, 1)}
"""Where the crop lies: 0 at the left or top, 1 at the right or bottom."""


@dataclass(frozen=True)
class Photo:
    """One picture. `file` is a PNG, 8 bit RGB, no side longer than SIDE; `whole` says that it is not a crop."""

    name: str
    file: bytes
    whole: bool = True


def cats(folder: Path) -> list[Photo]:
    """The cats, first each whole photograph, then four crops of each.

    `folder` has the packages of photos.txt. Raises FileNotFoundError, which says what to do, when it has not.
    """
    whole = [photo(name, data) for name, data in (*_alibi(folder), *_gradio(folder))]
    whole.append(photo("chelsea", picture(SKIMAGE_CAT).read_bytes()))
    return [*whole, *(crop(one, place) for one in whole for place in CROPS)]


def ordinary() -> list[Photo]:
    """Pictures without a cat: photographs, textures, pages, drawings."""
    return [photo(Path(name).stem, picture(name).read_bytes()) for name in ORDINARY]


def photo(name: str, data: bytes) -> Photo:
    """A photograph of a file of any format: what is transparent in it is put on white."""
    with Image.open(io.BytesIO(data)) as image:
        colours = image.convert("RGBA")
    page = Image.new("RGBA", colours.size, "white")
    page.alpha_composite(colours)
    page.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return Photo(name, encode(page.convert("RGB"), "PNG"))


def crop(one: Photo, place: str) -> Photo:
    """CROP of one's width and height, at a place of CROPS."""
    with Image.open(io.BytesIO(one.file)) as image:
        width, height = round(image.width * CROP), round(image.height * CROP)
        right, down = CROPS[place]
        left, top = round(right * (image.width - width)), round(down * (image.height - height))
        cut = image.crop((left, top, left + width, top + height))
    return Photo(f"{one.name}, {place}", encode(cut, "PNG"), whole=False)


def _alibi(folder: Path) -> Iterator[tuple[str, bytes]]:
    with (
        zipfile.ZipFile(_package(folder, ALIBI)) as wheel,
        wheel.open(ALIBI_CATS) as packed,
        tarfile.open(fileobj=packed, mode="r:gz") as found,
    ):
        for member in found.getmembers():
            if (file := found.extractfile(member)) is not None:
                yield Path(member.name).stem, file.read()


def _gradio(folder: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(_package(folder, GRADIO)) as wheel:
        for name in GRADIO_CATS:
            yield Path(name).stem, wheel.read(name)


def _package(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{folder} has no {pattern}, which `make bench-recall` downloads")
    return found[-1]
