"""From Pillow's pixel modes to colours as a screen shows them, and the alpha channel apart from them.

A browser applies the ICC profile or, in a PNG, the gamma; pict-rs strips metadata, and with it the profile, so that
the same file is later shown without it. Where these differ, all are judged. A profile that is not whole or of another
colour space than the pixels is ignored, as browsers do; a whole one that lcms cannot use may be used by a browser, and
is refused. No profile of 118 in 35,000 pictures of Debian's packages and of test sets was such a one.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageStat

from model.errors import Unsupported
from model.icc import colour_space, has_tables, is_whole, ways_to_read

SAME_LEVELS = 2
"""Largest difference, in levels of 255, that a profile may make to any level of any channel to count as sRGB (many a
camera embeds sRGB itself, and 12 megapixels take lcms a fifth of a second), and that two pictures may have anywhere to
be judged as one. A mean would not do: a made profile can hide a picture in differences that cancel out."""
GAMMA_TOLERANCE = 0.05
"""How far from sRGB's a gamma may be and not count; the same as libpng's PNG_GAMMA_THRESHOLD."""
SRGB_GAMMA = 2.2
_SRGB = ImageCms.createProfile("sRGB")
_LEVELS = Image.fromarray(
    np.stack([np.arange(256, dtype=np.uint8)[:, None] * np.array(on, np.uint8) for on in np.ndindex(2, 2, 2)])
)
"""Every level of each channel, of each pair and of grey, 8 rows of 256. A profile without free tables is three curves
and a matrix, and so is known from every level of each channel alone and of grey."""
_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
"""The colour space in a profile's header, ICC.1:2010 section 7.2.6, for each mode."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """(colours in mode L, RGB or CMYK, alpha in mode L or None) of a loaded frame.

    Transparent pixels keep their colour. Unsupported for modes of 32 bits, which have no agreed range of values.
    """
    mode = image.mode
    if mode in _SIXTEEN_BITS:
        return _sixteen_bits(image)
    if mode in ("1", "L", "P", "RGB"):
        target = "L" if mode in ("1", "L") else "RGB"
        if image.has_transparency_data:
            target += "A"
        image = image if mode == target else image.convert(target)
    elif mode in ("La", "LA"):
        image = image.convert("LA")
    elif mode in ("PA", "RGBa"):
        image = image.convert("RGBA")
    elif mode in ("YCbCr", "LAB", "HSV", "RGBX"):
        image = image.convert("RGB")
    elif mode not in ("RGBA", "CMYK"):
        raise Unsupported(f"pixels of mode {mode}")
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    return image, None


def _sixteen_bits(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    values = np.asarray(image)
    colours = Image.fromarray((values >> 8).astype(np.uint8))
    if "transparency" not in image.info:
        return colours, None
    return colours, Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8))


def renditions(colours: Image.Image, info: dict[str | tuple[int, int], object]) -> list[Image.Image]:
    """The RGB pictures to judge of colours in mode L, RGB or CMYK: as browsers show them and, if that differs
    anywhere, as they are without profile and gamma. `info` is the `info` of the frame.

    One to six. A gamma beside sRGB counts too, though last: libpng ignores an sRGB chunk that is malformed or out of
    its place. Raises Unsupported for a profile that lcms cannot use and a browser may.
    """
    plain = colours if colours.mode == "RGB" else colours.convert("RGB")
    profile, gamma = info.get("icc_profile"), info.get("gamma")
    before: list[Image.Image] = []
    behind: list[Image.Image] = []
    ways: list[tuple[Image.Image | None, list[Image.Image]]] = []
    if isinstance(profile, bytes) and is_whole(profile) and _is_for(profile, colours):
        ways += [(_by_profile(colours, way), before) for way in ways_to_read(profile)]
    if isinstance(gamma, float) and gamma > 0:
        ways.append((_by_gamma(plain, gamma), behind if "srgb" in info else before))
    for picture, place in ways:
        if picture is not None and all(_largest(picture, other) > SAME_LEVELS for other in (plain, *before, *behind)):
            place.append(picture)
    return [*before, plain, *behind]


def _is_for(profile: bytes, colours: Image.Image) -> bool:
    """Whether browsers would apply a whole profile to these colours. Some cameras write one of RGB for grey."""
    space = colour_space(profile)
    return space == _SPACES[colours.mode] or (colours.mode == "L" and space == _SPACES["RGB"])


def _by_profile(colours: Image.Image, profile: bytes) -> Image.Image | None:
    if colours.mode == "L" and colour_space(profile) == _SPACES["RGB"]:
        colours = colours.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, _SRGB, colours.mode, "RGB")
    except (OSError, ImageCms.PyCMSError) as error:
        raise Unsupported("an ICC profile that cannot be used") from error
    if colours.mode == "RGB" and not has_tables(profile) and _largest(transform.apply(_LEVELS), _LEVELS) <= SAME_LEVELS:
        return None
    return transform.apply(colours)


def _by_gamma(plain: Image.Image, gamma: float) -> Image.Image | None:
    """gAMA of PNG (section 11.3.2.2): a sample is light to the power of gamma; a screen wants it to that of 1/2.2."""
    if abs(gamma * SRGB_GAMMA - 1) < GAMMA_TOLERANCE:
        return None
    exponent = 1 / (gamma * SRGB_GAMMA)
    curve = [round(255 * (level / 255) ** exponent) for level in range(256)]
    return plain.point(curve * 3)


def _largest(one: Image.Image, other: Image.Image) -> int:
    return max(high for _, high in ImageStat.Stat(ImageChops.difference(one, other)).extrema)
