"""What is done to a picture before it is judged again, by name: the rows of the table of recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from model.formats.media import AVIF, GIF, JPEG, JXL, MP4, PNG, WEBM, WEBP, MediaType
from tests.bench import encodings, hidings, losses

Make = Callable[[bytes, bytes], bytes]
"""(PNG of the picture, PNG of an ordinary one that it may need) -> the file; always the same for the same two."""


class Group(StrEnum):
    """What kind of change it is."""

    LOSSLESS = "the same pixels, written otherwise"
    HIDDEN = "in a place where it can hide"
    LOSSY = "with losses"


@dataclass(frozen=True)
class Transformation:
    """`media` is the format of what `make` gives; `heavy` ones are long in the making, and only made of a few."""

    name: str
    group: Group
    media: MediaType
    make: Make
    heavy: bool = False


PLAIN = Transformation("plain: an ordinary PNG", Group.LOSSLESS, PNG, lambda file, _: file)
"""Recall is measured against this one."""


def _alone(name: str, group: Group, media: MediaType, make: Callable[[bytes], bytes]) -> Transformation:
    return Transformation(name, group, media, lambda file, _: make(file))


def _lossless(name: str, media: MediaType, make: Callable[[bytes], bytes]) -> Transformation:
    return _alone(name, Group.LOSSLESS, media, make)


def _lossy(name: str, media: MediaType, make: Callable[[bytes], bytes]) -> Transformation:
    return _alone(name, Group.LOSSY, media, make)


def _hidden(name: str, media: MediaType, make: Make, heavy: bool = False) -> Transformation:
    return Transformation(name, Group.HIDDEN, media, make, heavy)


def _turned(tag: int) -> Transformation:
    return _lossless(f"stored turned, EXIF orientation {tag}", PNG, lambda file: encodings.turned(file, tag))


def _one_frame(name: str, media: MediaType, kind: str, at: int) -> Transformation:
    place = {0: "the first", hidings.FRAMES // 2: "the middle one", hidings.FRAMES - 1: "the last"}[at]
    return _hidden(
        f"{name}: {place} of {hidings.FRAMES} frames",
        media,
        lambda file, other: hidings.one_frame(file, other, kind, at),
        heavy=True,
    )


def _written(name: str, media: MediaType, kind: str, quality: int) -> Transformation:
    return _lossy(f"{name} of quality {quality}", media, lambda file: losses.written(file, kind, quality))


def _inset(name: str, across: float, down: float) -> Transformation:
    return _hidden(
        f"inset of 1/16 of the area, {name}", PNG, lambda file, other: hidings.inset(file, other, across, down)
    )


def _video(name: str, media: MediaType, container: str, codec: str) -> Transformation:
    return _hidden(
        f"{name}: 1 second of {hidings.SECONDS}",
        media,
        lambda file, other: hidings.one_second(file, other, container, codec),
        heavy=True,
    )


def _each(*places: int) -> list[Transformation]:
    kinds = (("GIF", GIF, "GIF"), ("APNG", PNG, "PNG"), ("WebP", WEBP, "WEBP"), ("AVIF", AVIF, "AVIF"))
    return [_one_frame(name, media, kind, at) for name, media, kind in kinds for at in places]


TRANSFORMATIONS = (
    PLAIN,
    _lossless("PNG with an opaque alpha channel", PNG, encodings.opaque_rgba),
    _lossless("PNG of 16 bits", PNG, encodings.sixteen_bit),
    _lossless("PNG, interlaced", PNG, encodings.interlaced),
    _lossless("WebP, lossless", WEBP, encodings.webp_lossless),
    _lossless("JPEG XL, lossless", JXL, encodings.jxl_lossless),
    *(_turned(tag) for tag in range(1, 9)),
    _lossless("mirrored", PNG, encodings.mirrored),
    _hidden("all of it under alpha 0", PNG, lambda file, _: hidings.under_alpha(file)),
    _hidden("black, with the picture in its alpha (seen on white)", PNG, lambda file, _: hidings.ink(file, True)),
    _hidden("white, with the picture in its alpha (seen on black)", PNG, lambda file, _: hidings.ink(file, False)),
    *_each(0, hidings.FRAMES // 2, hidings.FRAMES - 1),
    _hidden("second picture of a JPEG (MPO)", JPEG, hidings.second_of_two),
    _inset("in the upper left corner", 0, 0),
    _inset("in the lower right corner", 1, 1),
    _inset("in the middle", 0.5, 0.5),
    _hidden("inset of 1/16 of the area, anywhere", PNG, hidings.inset_anywhere),
    _hidden(f"at the bottom of a {hidings.STRIP}:1 strip", PNG, hidings.at_the_bottom),
    _video("MP4 (H.264)", MP4, "mp4", "libx264"),
    _video("WebM (VP9)", WEBM, "webm", "libvpx-vp9"),
    *(_written("JPEG", JPEG, "JPEG", quality) for quality in (95, 70, 50, 30)),
    _lossy("JPEG, progressive", JPEG, losses.progressive),
    _lossy("JPEG, CMYK", JPEG, losses.cmyk),
    *(_written("WebP", WEBP, "WEBP", quality) for quality in (80, 30)),
    *(_written("AVIF", AVIF, "AVIF", quality) for quality in (60, 30)),
    _lossy("JPEG XL of quality 70", JXL, lambda file: losses.jxl(file, 70)),
    _lossy("grey", PNG, losses.grey),
    _lossy("PNG of 256 colours", PNG, losses.palette),
    _lossy("GIF of 256 colours", GIF, lambda file: losses.gif(file, 256)),
    _lossy("GIF of 16 colours, dithered", GIF, lambda file: losses.gif(file, 16)),
    _lossy("scaled to 0.3", PNG, lambda file: losses.scaled(file, 0.3)),
    _lossy("scaled to 0.5", PNG, lambda file: losses.scaled(file, 0.5)),
    _lossy("scaled to 2", PNG, lambda file: losses.scaled(file, 2)),
    _lossy("scaled to 3", PNG, lambda file: losses.scaled(file, 3)),
    _lossy("20 % cut off all round", PNG, lambda file: losses.cropped(file, 0.5, 0.5)),
    _lossy("20 % cut off at the left and top", PNG, lambda file: losses.cropped(file, 1, 1)),
    _lossy("20 % cut off at the right and bottom", PNG, lambda file: losses.cropped(file, 0, 0)),
    _lossy("rotated by 5 degrees", PNG, lambda file: losses.rotated(file, 5)),
    _lossy("rotated by 10 degrees", PNG, lambda file: losses.rotated(file, 10)),
    _lossy("blurred by 2 pixels", PNG, lambda file: losses.blurred(file, 2)),
    _lossy("noise of 25 in 255", PNG, lambda file: losses.noisy(file, 25)),
    _lossy("half as bright", PNG, lambda file: losses.brighter(file, 0.5)),
    _lossy("brighter by half", PNG, lambda file: losses.brighter(file, 1.5)),
    _lossy("half the contrast", PNG, lambda file: losses.contrast(file, 0.5)),
    _lossy("contrast higher by half", PNG, lambda file: losses.contrast(file, 1.5)),
)
"""The table's rows, in its order. A format that is not judged is left out when the table is made."""
