"""Each transformation does to a picture what its name says."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import av
import numpy as np
import pytest
from av.container import InputContainer
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model.formats.sniff import sniff
from tests.bench import encodings, hidings, losses
from tests.bench.photos import photo
from tests.bench.transformations import PLAIN, TRANSFORMATIONS, Group, Transformation
from tests.imagenet import picture
from tests.model.samples import encode

Pixels = NDArray[np.int16]
NEAR = 12.0
"""Mean difference of values below which a picture is the same but for its coding; those of two pictures are over 40."""


def small(name: str) -> bytes:
    return encode(encodings.opened(photo(name, picture(name).read_bytes()).file).resize((150, 100)), "PNG")


CAT, OTHER = small("chelsea.png"), small("coffee.png")


@cache
def made(name: str) -> bytes:
    (what,) = [each for each in TRANSFORMATIONS if each.name == name]
    return what.make(CAT, OTHER)


def values(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"), np.int16)


def frames(file: bytes) -> list[Pixels]:
    with Image.open(io.BytesIO(file)) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(values(image))
        return found


def pixels(file: bytes) -> Pixels:
    return values(encodings.opened(file))


def like(one: Pixels, other: Pixels) -> bool:
    page = Image.fromarray(other.astype(np.uint8)).resize((one.shape[1], one.shape[0]))
    return bool(np.abs(one - values(page)).mean() < NEAR)


def lossless() -> list[Transformation]:
    return [what for what in TRANSFORMATIONS if what.group is Group.LOSSLESS and what.name != "mirrored"]


def named(*words: str) -> list[str]:
    return [what.name for what in TRANSFORMATIONS if any(word in what.name for word in words)]


def test_names_are_unique_and_the_plain_one_is_first() -> None:
    names = [what.name for what in TRANSFORMATIONS]
    assert len(set(names)) == len(names)
    assert TRANSFORMATIONS[0] is PLAIN
    assert PLAIN.make(CAT, OTHER) is CAT
    assert not like(pixels(CAT), pixels(OTHER))


@pytest.mark.parametrize("what", [what for what in TRANSFORMATIONS if not what.heavy], ids=lambda what: what.name)
def test_a_file_is_of_the_format_that_it_is_said_to_be(what: Transformation) -> None:
    assert sniff(made(what.name)) is what.media
    assert what.make(CAT, OTHER) == made(what.name)


@pytest.mark.parametrize("what", lossless(), ids=lambda what: what.name)
def test_without_loss(what: Transformation) -> None:
    with Image.open(io.BytesIO(made(what.name))) as image:
        upright = ImageOps.exif_transpose(image)
    assert np.array_equal(values(upright), pixels(CAT))


@pytest.mark.parametrize("tag", range(1, 9))
def test_pixels_are_stored_turned(tag: int) -> None:
    file = made(f"stored turned, EXIF orientation {tag}")
    with Image.open(io.BytesIO(file)) as image:
        assert image.getexif()[encodings.ORIENTATION] == tag
    assert (pixels(file).shape != pixels(CAT).shape) is (tag >= 5)
    assert np.array_equal(pixels(file), pixels(CAT)) is (tag == 1)


def test_headers_of_png() -> None:
    ihdr = {name: file[16:29] for name in named("PNG") if (file := made(name)).startswith(encodings.PNG_SIGN)}
    depth, colour, interlace = 8, 9, 12
    assert ihdr[PLAIN.name][depth] == 8
    assert ihdr["PNG of 16 bits"][depth] == 16
    assert [name for name, header in ihdr.items() if header[interlace]] == ["PNG, interlaced"]
    assert ihdr["PNG with an opaque alpha channel"][colour] == 6
    assert ihdr["PNG of 256 colours"][colour] == 3
    assert made("WebP, lossless")[12:16] == b"VP8L"


def test_mirrored() -> None:
    assert np.array_equal(pixels(made("mirrored")), pixels(CAT)[:, ::-1])


def over(file: bytes, colour: str) -> Pixels:
    with Image.open(io.BytesIO(file)) as image:
        page = Image.new("RGBA", image.size, colour)
        page.alpha_composite(image.convert("RGBA"))
    return values(page)


def test_under_alpha() -> None:
    file = made("all of it under alpha 0")
    assert (over(file, "white") == 255).all()
    assert (over(file, "black") == 0).all()
    with Image.open(io.BytesIO(file)) as image:
        assert np.array_equal(np.asarray(image)[..., :3], pixels(CAT))


@pytest.mark.parametrize(("seen", "unseen", "value"), [("white", "black", 0), ("black", "white", 255)])
def test_a_picture_that_one_background_shows(seen: str, unseen: str, value: int) -> None:
    (name,) = named(f"seen on {seen}")
    grey = values(encodings.opened(CAT).convert("L"))
    assert np.abs(over(made(name), seen) - grey).max() <= 1
    assert (over(made(name), unseen) == value).all()


@pytest.mark.parametrize(("kind", "tried"), [("GIF", 7), ("PNG", 7), ("WEBP", 7), ("AVIF", 7)])
@pytest.mark.parametrize("at", [0, 3, 6])
def test_one_frame_shows_it(kind: str, tried: int, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidings, "FRAMES", tried)
    found = frames(hidings.one_frame(CAT, OTHER, kind, at))
    assert len(found) == tried
    assert [number for number, frame in enumerate(found) if like(frame, pixels(CAT))] == [at]
    assert not any(np.array_equal(one, other) for one, other in pairwise(found))


def test_all_three_places_of_300_frames() -> None:
    places = ("the first", "the middle one", "the last")
    assert named("GIF: ") == [f"GIF: {place} of 300 frames" for place in places]
    found = frames(made("GIF: the last of 300 frames"))
    assert len(found) == 300
    assert like(found[299], pixels(CAT))
    assert not like(found[298], pixels(CAT))


def test_the_second_picture_of_a_jpeg() -> None:
    first, second = frames(made("second picture of a JPEG (MPO)"))
    assert like(second, pixels(CAT))
    assert like(first, pixels(OTHER))


@pytest.mark.parametrize(
    ("name", "left", "top"),
    [("in the upper left corner", 0, 0), ("in the lower right corner", 450, 300), ("in the middle", 225, 150)],
)
def test_an_inset(name: str, left: int, top: int) -> None:
    found = pixels(made(f"inset of 1/16 of the area, {name}"))
    assert found.shape == (400, 600, 3)  # 16 times the area of 150 x 100
    assert np.array_equal(found[top : top + 100, left : left + 150], pixels(CAT))
    assert like(found, pixels(OTHER))


def test_an_inset_is_anywhere_and_another_picture_elsewhere() -> None:
    def place(file: bytes) -> tuple[int, int]:
        found, sought = pixels(hidings.inset_anywhere(file, OTHER)), pixels(file)
        return next(
            (x, y)
            for y in range(301)
            for x in range(451)
            if np.array_equal(found[y, x : x + 150], sought[0])
            and np.array_equal(found[y : y + 100, x : x + 150], sought)
        )

    assert place(CAT) != place(encodings.mirrored(CAT))


def test_a_strip() -> None:
    found = pixels(made("at the bottom of a 20:1 strip"))
    assert found.shape == (3000, 150, 3)
    assert np.array_equal(found[-100:], pixels(CAT))
    assert not any(like(found[top : top + 100], pixels(CAT)) for top in range(0, 2900, 100))


@pytest.mark.parametrize(("container", "codec", "name"), [("mp4", "libx264", "h264"), ("webm", "libvpx-vp9", "vp9")])
def test_a_video_shows_it_for_a_second(container: str, codec: str, name: str) -> None:
    file = hidings.one_second(CAT, OTHER, container, codec)
    assert sniff(file) in {what.media for what in TRANSFORMATIONS if what.heavy}
    with av.open(io.BytesIO(file), "r") as video:
        assert isinstance(video, InputContainer)
        assert video.streams.video[0].codec_context.name.endswith(name)
        shown = [
            round(float(frame.time or 0), 2)
            for frame in video.decode(video=0)
            if like(frame.to_ndarray(format="rgb24").astype(np.int16), pixels(CAT))
        ]
    assert shown == [round(10 + tenth / 10, 2) for tenth in range(10)]


SAME_PICTURE = named("quality", "JPEG, ", "PNG of 256", "GIF of 256")


@pytest.mark.parametrize("name", [name for name in SAME_PICTURE if name != "JPEG XL, lossless"])
def test_with_losses_it_is_another_file_of_the_same_picture(name: str) -> None:
    found = pixels(made(name))
    assert found.shape == pixels(CAT).shape
    assert 0 < np.abs(found - pixels(CAT)).mean() < NEAR


@pytest.mark.parametrize("names", [named("JPEG of quality"), named("WebP of quality"), named("AVIF of quality")])
def test_a_lower_quality_loses_more(names: Sequence[str]) -> None:
    lost = [np.abs(pixels(made(name)) - pixels(CAT)).mean() for name in names]
    assert len(lost) > 1
    assert lost == sorted(lost)
    sizes = [len(made(name)) for name in names]
    assert sizes == sorted(sizes, reverse=True)


def test_kinds_of_jpeg() -> None:
    with Image.open(io.BytesIO(made("JPEG, progressive"))) as image:
        assert image.info["progressive"]
    with Image.open(io.BytesIO(made("JPEG, CMYK"))) as image:
        assert image.mode == "CMYK"


def test_colours() -> None:
    assert len(np.unique(pixels(made("PNG of 256 colours")).reshape(-1, 3), axis=0)) <= 256
    assert len(np.unique(pixels(made("GIF of 16 colours, dithered")).reshape(-1, 3), axis=0)) == 16
    grey = pixels(made("grey"))
    assert (grey == grey[..., :1]).all()
    assert np.abs(grey.mean() - pixels(CAT).mean()) < NEAR


@pytest.mark.parametrize("factor", [0.3, 0.5, 2, 3])
def test_scaled(factor: float) -> None:
    found = pixels(made(f"scaled to {factor:g}"))
    assert found.shape == (round(100 * factor), round(150 * factor), 3)
    assert like(found, pixels(CAT))


@pytest.mark.parametrize(
    ("name", "left", "top"), [("all round", 15, 10), ("at the left and top", 30, 20), ("at the right and bottom", 0, 0)]
)
def test_cropped(name: str, left: int, top: int) -> None:
    found = pixels(made(f"20 % cut off {name}"))
    assert np.array_equal(found, pixels(CAT)[top : top + 80, left : left + 120])


@pytest.mark.parametrize("degrees", [5, 10])
def test_rotated(degrees: int) -> None:
    found = encodings.opened(made(f"rotated by {degrees} degrees"))
    back = found.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor="white")
    left, top = (back.width - 150) // 2, (back.height - 100) // 2
    assert like(values(back.crop((left, top, left + 150, top + 100))), pixels(CAT))
    assert not like(values(found), pixels(CAT))
    assert (values(found)[0, 0] == 255).all()


def edges(file: bytes) -> float:
    return float(np.abs(np.diff(pixels(file), axis=1)).mean())


@pytest.mark.parametrize(
    ("name", "measure", "least", "most"),
    [
        pytest.param("blurred by 2 pixels", edges, 0.1, 0.6, id="blurred"),
        pytest.param("noise of 25 in 255", edges, 2, 10, id="noise"),
        pytest.param("half as bright", lambda file: pixels(file).mean(), 0.48, 0.52, id="darker"),
        pytest.param("brighter by half", lambda file: pixels(file).mean(), 1.3, 1.52, id="brighter"),
        pytest.param("half the contrast", lambda file: pixels(file).std(), 0.48, 0.52, id="flatter"),
        pytest.param("contrast higher by half", lambda file: pixels(file).std(), 1.3, 1.52, id="steeper"),
    ],
)
def test_what_changes(name: str, measure: Callable[[bytes], float], least: float, most: float) -> None:
    assert least < measure(made(name)) / measure(CAT) < most
    assert pixels(made(name)).shape == pixels(CAT).shape


def test_noise_is_as_strong_as_said() -> None:
    middle = (pixels(CAT) > 90) & (pixels(CAT) < 165)  # three deviations from both ends
    off = (pixels(losses.noisy(CAT, 25)) - pixels(CAT))[middle]
    assert off.std() == pytest.approx(25, abs=1)
