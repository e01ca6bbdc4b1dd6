"""Pictures to hash: packaged and drawn ones, small, large, long and odd.

`python -m tests.model.pdq_pictures` writes what the package `pdqhash` says of them into pdq_hashes.json, so that they
can be compared where it is not installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests import imagenet

PACKAGED = (
    "astronaut",
    "chelsea",
    "coffee",
    "camera",
    "moon",
    "brick",
    "grass",
    "gravel",
    "ihc",
    "coins",
    "page",
    "text",
)
"""Of scikit-image, by name: two people, a cat, a cup, and much that is hardly anything but texture."""
FIXTURE = Path(__file__).with_name("pdq_hashes.json")


def packaged(name: str) -> Image.Image:
    """One of scikit-image's pictures, in RGB."""
    with Image.open(imagenet.picture(f"{name}.png")) as image:
        return image.convert("RGB")


def larger(name: str, size: tuple[int, int]) -> Image.Image:
    """One of them, blown up to (width, height)."""
    return packaged(name).resize(size, Image.Resampling.BICUBIC)


def tiled(name: str) -> Image.Image:
    """One of them, three times across and down: large, and as fine as it was."""
    return Image.fromarray(np.tile(np.asarray(packaged(name)), (3, 3, 1)))


def drawn(seed: int, size: tuple[int, int]) -> Image.Image:
    """Forty coloured discs and boxes on a (width, height)."""
    chance = np.random.default_rng(seed)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for at in range(40):
        x, y = (int(chance.integers(0, side)) for side in size)
        reach, colour = int(chance.integers(2, max(3, min(size) // 3))), tuple(chance.integers(0, 256, 3).tolist())
        (draw.ellipse if at % 2 else draw.rectangle)((x - reach, y - reach, x + reach, y + reach), fill=colour)
    return image


SMALL: dict[str, Callable[[], Image.Image]] = {
    **{name: lambda name=name: packaged(name) for name in PACKAGED},  # type: ignore[misc]
    **{
        f"drawn {width} x {height}": lambda size=(width, height): drawn(sum(size), size)  # type: ignore[misc]
        for width, height in [(700, 900), (64, 64), (63, 130), (127, 129), (300, 65), (5, 7), (4, 400), (1, 1)]
    },
}
"""Those that are hashed as they are."""
LARGE: dict[str, Callable[[], Image.Image]] = {
    **{f"{name}, tiled": lambda name=name: tiled(name) for name in PACKAGED},  # type: ignore[misc]
    **{
        f"{name} {width} x {height}": lambda name=name, size=(width, height): larger(name, size)  # type: ignore[misc]
        for name in PACKAGED[:4]
        for width, height in [(1600, 1200), (1201, 799), (1024, 1023), (4032, 3024), (3000, 40)]
    },
    "drawn 1600 x 1200": lambda: drawn(1, (1600, 1200)),
    "drawn 1080 x 2400": lambda: drawn(2, (1080, 2400)),
}
"""Those that are made smaller first."""


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many bits are different in hashes, uint8 (..., 32)."""
    return np.unpackbits(one ^ other, axis=-1).sum(axis=-1, dtype=np.int64)


def by_the_package(image: Image.Image) -> tuple[NDArray[np.uint8], int]:
    """What `pdqhash` says: uint8 (8, 32), in the order of its compute_dihedral, and the quality."""
    import pdqhash

    pixels = np.array(image)
    found: Any = pdqhash.compute_dihedral(pixels)
    return np.packbits(np.array(found[0], np.uint8), axis=1), int(found[1])


def by_the_fixture() -> dict[str, tuple[NDArray[np.uint8], int]]:
    """The same of SMALL, and of some of LARGE, as it was when the file was written."""
    known = json.loads(FIXTURE.read_text())
    return {
        name: (np.frombuffer(bytes.fromhex("".join(row["hashes"])), np.uint8).reshape(8, 32), row["quality"])
        for name, row in known.items()
    }


if __name__ == "__main__":
    chosen = SMALL | {name: LARGE[name] for name in ("coffee 1600 x 1200", "brick, tiled", "drawn 1080 x 2400")}
    rows = {}
    for name, make in chosen.items():
        hashes, quality = by_the_package(make())
        rows[name] = {"quality": quality, "hashes": [each.tobytes().hex() for each in hashes]}
    FIXTURE.write_text(json.dumps(rows, indent=1) + "\n")
