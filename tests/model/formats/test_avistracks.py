"""Tracks of an AVIF: pictures, their alpha and nothing else, one frame in each sample."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model.errors import Undecodable, Unsupported
from model.formats.boxes import boxes
from model.formats.heif import avif
from model.formats.media import AVIF
from model.formats.structure import inspect
from tests.model.heif_parts import Collection, Item, Track, animated, full, picture_item
from tests.model.samples import ANIMATIONS, picture
from tests.model.videos import place, put, rename

PLAIN, OTHER = picture_item(), picture_item(1)
GREY = picture_item(3, mode="L")
ALPHA = (full(b"auxi", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00"),)
ONE = Collection((PLAIN,))
SHOWN = Track((PLAIN, OTHER))
BESIDE = Track((GREY, GREY), ALPHA, handler=b"auxv", number=2, of=(1,))


def test_pictures_and_their_alpha() -> None:
    for tracks in (
        (SHOWN,),
        (SHOWN, BESIDE),
        (BESIDE, SHOWN),
        (replace(SHOWN, handler=b"vide"), BESIDE),
        (replace(SHOWN, version=1), replace(BESIDE, version=1)),
        (replace(SHOWN, number=7), replace(BESIDE, of=(7,))),
    ):
        assert len(avif(animated(ONE, *tracks)).readings) == 2


@pytest.mark.parametrize("name", ["avif-animated", "avif-animated-alpha"])
def test_what_libavif_writes(name: str) -> None:
    assert len(inspect(ANIMATIONS[name](), AVIF).readings) == 2


def test_these_are_animations() -> None:
    """So that the tests here are about files that viewers show."""
    described = tuple(one for one in PLAIN.properties if one[4:8] in (b"av1C", b"colr"))
    data = animated(ONE, replace(SHOWN, described=described))
    image = Image.open(io.BytesIO(data[:8] + b"avis" + data[12:]), formats=["AVIF"])
    assert image.n_frames == 2  # type: ignore[attr-defined]
    for number, seed in enumerate((0, 1)):
        image.seek(number)
        shown = np.asarray(image.convert("RGB")).astype(int)
        assert np.abs(shown - np.asarray(picture(seed))).mean() < 8


@pytest.mark.parametrize(
    "tracks",
    [
        (),
        (BESIDE,),
        (SHOWN, replace(SHOWN, number=2)),
        (SHOWN, replace(SHOWN, number=2, handler=b"vide")),
        (SHOWN, replace(BESIDE, of=())),
        (replace(SHOWN, handler=b"auxv"), replace(BESIDE, handler=b"pict", of=())),
        (SHOWN, replace(BESIDE, of=(3,))),
        (SHOWN, replace(BESIDE, of=(2,))),
        (SHOWN, replace(BESIDE, of=(1, 2))),
        (SHOWN, BESIDE, replace(BESIDE, number=3)),
        (SHOWN, BESIDE, replace(BESIDE, number=3, of=(2,))),
        (replace(SHOWN, of=(2,)), BESIDE),
        *((SHOWN, replace(BESIDE, handler=kind)) for kind in (b"soun", b"meta", b"text", b"subt", b"what")),
    ],
    ids=[
        *(
            "none",
            "alpha-alone",
            "two-of-pictures",
            "pictures-and-video",
            "linked-to-none",
            "swapped-and-linked-to-none",
        ),
        *("linked-to-another", "linked-to-itself", "linked-to-two", "two-alphas", "alpha-of-alpha", "linked-back"),
        *("sound", "metadata", "text", "subtitles", "unknown"),
    ],
)
def test_tracks_that_belong_to_nothing(tracks: tuple[Track, ...]) -> None:
    with pytest.raises(Unsupported):
        avif(animated(ONE, *tracks))


def test_links_that_libavif_wrote_and_somebody_cut() -> None:
    """FFmpeg shows the second track then, and libavif the first one, whichever is which."""
    data = ANIMATIONS["avif-animated-alpha"]()
    alpha = "moov trak1"
    assert data[slice(*place(data, f"{alpha} mdia hdlr"))][8:12] == b"auxv"
    unlinked = rename(data, f"{alpha} tref", b"free")
    swapped = put(put(unlinked, f"{alpha} mdia hdlr", 8, b"pict"), "moov trak mdia hdlr", 8, b"auxv")
    for cut in (unlinked, swapped):
        with pytest.raises(Unsupported, match="neither its pictures nor their alpha"):
            inspect(cut, AVIF)


def test_two_tracks_of_one_number() -> None:
    with pytest.raises(Undecodable, match="one number"):
        avif(animated(ONE, SHOWN, replace(BESIDE, number=1)))


@pytest.mark.parametrize("kind", [b"tkhd", b"mdia", b"hdlr", b"minf", b"stbl", b"stsz"])
def test_boxes_that_are_missing(kind: bytes) -> None:
    data = animated(ONE, SHOWN)
    start = next(at for name, at, _ in boxes(data, 0, len(data)) if name == b"moov")
    with pytest.raises((Undecodable, Unsupported)):
        avif(data[:start] + data[start:].replace(kind, b"free"))


def two(one: Item, other: Item) -> Item:
    return replace(one, pixels=one.pixels + other.pixels)


def test_samples_of_two_frames() -> None:
    for tracks in (
        (replace(SHOWN, pictures=(two(PLAIN, OTHER),)),),
        (replace(SHOWN, pictures=(OTHER, two(PLAIN, OTHER))),),
        (SHOWN, replace(BESIDE, pictures=(GREY, two(GREY, GREY)))),
    ):
        with pytest.raises(Unsupported, match="2 frames"):
            avif(animated(ONE, *tracks))


def test_samples_of_other_kinds() -> None:
    with pytest.raises(Unsupported, match="track in"):
        avif(animated(ONE, replace(SHOWN, code=b"hvc1")))
    with pytest.raises(Unsupported, match="layer"):
        avif(animated(ONE, replace(SHOWN, pictures=(replace(PLAIN, pixels=PLAIN.pixels + b"\x36\x08\x01\x00"),))))


def test_samples_that_are_elsewhere() -> None:
    data = animated(ONE, SHOWN)
    at = data.index(b"stco") + 12
    with pytest.raises(Undecodable, match="outside"):
        avif(data[:at] + len(data).to_bytes(4) + data[at + 4 :])
