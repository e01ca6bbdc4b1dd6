"""One loaded frame -> the RGB pictures to judge: every way in which somebody may get to see it.

A page puts a transparent picture on any background, and a conversion to JPEG drops the alpha channel, so that colours
under alpha 0 come back. So what is transparent is judged over white, over black, and without its alpha.
"""

from __future__ import annotations

from PIL import Image, ImageChops

from model.colour import renditions, split
from model.formats.media import PNG, WEBP
from model.formats.orientation import orientation

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
_EXIF_IN_DOUBT = (PNG.pillow, WEBP.pillow)
"""Formats whose EXIF orientation some viewers apply and others do not: browsers began to heed it in PNG about 2025, and
none heeds it behind the pixels, where WebP has it."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture is turned upright, for each of EXIF's orientations but the first."""


def opaque(image: Image.Image) -> list[Image.Image]:
    """The different RGB pictures of a loaded frame: turned upright by EXIF, in sRGB, and with each background.

    Up to six renditions on three backgrounds, twice as many where viewers do not agree on EXIF; one, and for plain RGB
    the frame itself, if there is neither transparency nor a strange profile nor EXIF that turns it.
    Unsupported for pixel modes that have no agreed range.
    """
    colours, alpha = split(image)
    turn = _turn(image)
    turned: list[tuple[Image.Image, Image.Image | None]] = [(colours, alpha)]
    if turn is not None:
        turned.append((colours.transpose(turn), alpha and alpha.transpose(turn)))
        if image.format not in _EXIF_IN_DOUBT:
            del turned[0]
    pictures: list[Image.Image] = []
    for colours, alpha in turned:
        for rgb in renditions(colours, image.info):
            for picture in _on_backgrounds(rgb, alpha):
                if not any(_same(picture, other) for other in pictures):
                    pictures.append(picture)
    return pictures


def shown(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """(colours in mode RGB, alpha in mode L or None) of a loaded frame as most people get to see it: turned upright by
    EXIF in every format, in sRGB. Unsupported, as above.
    """
    colours, alpha = split(image)
    turn = _turn(image)
    if turn is not None:
        colours, alpha = colours.transpose(turn), alpha and alpha.transpose(turn)
    return renditions(colours, image.info)[0], alpha


def _turn(image: Image.Image) -> Image.Transpose | None:
    exif = image.info.get("exif")
    return TURNS.get(orientation(exif)) if isinstance(exif, bytes) else None


def _on_backgrounds(rgb: Image.Image, alpha: Image.Image | None) -> list[Image.Image]:
    if alpha is None or alpha.getextrema() == (255, 255):
        return [rgb]
    return [_over(WHITE, rgb, alpha), _over(BLACK, rgb, alpha), rgb]


def _over(background: tuple[int, int, int], rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    picture = Image.new("RGB", rgb.size, background)
    picture.paste(rgb, (0, 0), alpha)
    return picture


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None
