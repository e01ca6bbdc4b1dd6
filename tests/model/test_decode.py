"""Bytes to views: nothing twice, nothing left out, and a part of a file is never taken for the whole."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from config.media import Limits
from model import decode as model_decode
from model.decode import decode
from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.media import MATROSKA, PNG
from model.formats.sniff import sniff
from model.pdq import pdq
from model.plan import Plan
from model.preprocess import Views, ViewSpec, make_view
from tests import imagenet
from tests.model import videos
from tests.model.changed import Pixels, cat, chequered, near, shuffled, soft
from tests.model.pdq_pictures import apart
from tests.model.samples import ANIMATIONS, STILLS, encode, picture, pictures
from tests.model.scaled_jpeg import scaled_jpeg

SMALL = ViewSpec(8, 8, 1.0, "squash", "bilinear")
WIDE = ViewSpec(6, 10, 0.9, "center", "bicubic")
LIMITS = Limits()
WHOLE = Plan(tiles=False)


def views(data: bytes, limits: Limits = LIMITS, *specs: ViewSpec) -> Views:
    media = sniff(data)
    if media is None:
        raise Undecodable("unknown")
    return decode(data, media, limits, specs or (SMALL, WIDE), WHOLE)


def same(one: Views, other: Views) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.arrays, other.arrays, strict=True))


@pytest.mark.parametrize("name", STILLS)
def test_a_still(name: str) -> None:
    data = STILLS[name]()
    result = views(data)
    assert (result.frames, result.trailing) == (1, 0)
    assert (result.width, result.height) == ((400, 400) if "many" in name else (48, 40))
    several = {"png-LA": 3, "png-P": 3, "png-RGBA": 3, "webp-alpha": 3, "webp-lossless": 3, "avif-alpha": 3}
    several |= {"jxl-alpha": 3, "jxl-I;16": 2}  # the encoder says of 16 bits that they are linear
    variants = several.get(name, 1)
    assert [array.shape for array in result.arrays] == [(variants, 8, 8, 3), (variants, 6, 10, 3)]
    assert all(array.dtype == np.uint8 for array in result.arrays)


def test_the_view_of_a_plain_picture() -> None:
    image = picture()
    specs = (ViewSpec(32, 32, 1.0, "squash", "bilinear"), ViewSpec(24, 30, 0.9, "center", "bicubic"))
    result = views(encode(image, "PNG"), LIMITS, *specs)
    for array, spec in zip(result.arrays, specs, strict=True):
        assert np.array_equal(array[0], make_view(image, spec))


@pytest.mark.parametrize("name", ANIMATIONS)
def test_an_animation(name: str) -> None:
    result = views(ANIMATIONS[name]())
    assert result.frames == 4
    count = len(result.arrays[0])
    assert count == len(result.arrays[1])
    assert (count >= 12) if name.endswith("alpha") else (count == 4 or name.startswith("avif"))


def test_frames_that_look_the_same_are_one_view() -> None:
    colours = ["red", "green", "red", "green", "red"]
    images = [Image.new("RGB", (9, 9), colour) for colour in colours]
    result = views(encode(images, "WEBP", lossless=True, minimize_size=False, kmax=1))
    assert result.frames == 5
    assert len(result.arrays[0]) == 2


def test_frames_that_differ_for_one_model_only_are_kept_for_both() -> None:
    """Outside of the middle of a wide picture a view that is cut out sees nothing, and one that is squashed does."""
    one, other = Image.new("RGB", (40, 8), "red"), Image.new("RGB", (40, 8), "red")
    other.paste((0, 0, 255), (0, 0, 8, 8))
    centre = ViewSpec(8, 8, 1.0, "center", "bilinear")
    result = views(encode([one, other], "PNG"), LIMITS, SMALL, centre)
    assert [len(array) for array in result.arrays] == [2, 2]
    assert np.array_equal(result.arrays[1][0], result.arrays[1][1])


def test_distinct_views_at_the_limit_and_beyond() -> None:
    data = encode(pictures(5), "PNG")
    media = PNG
    assert len(decode(data, media, LIMITS, [SMALL], Plan(budget=5, tiles=False)).arrays[0]) == 5
    with pytest.raises(TooLarge, match="more than 4 views"):
        decode(data, media, LIMITS, [SMALL], Plan(budget=4, tiles=False))


@pytest.mark.parametrize("name", ["jpeg", "png-RGB", "gif", "webp"])
def test_bytes_behind_a_still_are_counted(name: str) -> None:
    data = STILLS[name]()
    result = views(data + b"video of the phone")
    assert result.trailing == 18
    assert same(result, views(data))


def test_formats_that_are_not_judged_yet() -> None:
    with pytest.raises(Unsupported, match="matroska"):
        decode(b"\x1a\x45\xdf\xa3", MATROSKA, LIMITS, [SMALL])


def test_without_models_a_file_is_looked_at_nevertheless() -> None:
    assert decode(STILLS["png-RGB"](), PNG, LIMITS, ()).arrays == ()
    with pytest.raises(Undecodable):
        decode(STILLS["png-RGB"]()[:-1], PNG, LIMITS, ())


def test_a_small_area_does_not_stand_in_the_way_of_views() -> None:
    """Pillow's own bomb check would look at the crop of the enlarged picture too."""
    large = ViewSpec(224, 224, 0.875, "center", "bilinear")
    result = views(encode(picture(size=(4, 4)), "PNG"), Limits(max_area_pixels=16), large)
    assert result.arrays[0].shape == (1, 224, 224, 3)


def cuts(length: int) -> list[int]:
    """Where to cut: everywhere near the ends, and in fifty places between."""
    near = [*range(min(length, 40)), *range(max(0, length - 40), length)]
    return sorted({*near, *(length * part // 50 for part in range(50))})


@pytest.mark.parametrize("name", [*STILLS, *ANIMATIONS])
def test_a_truncated_file_is_refused(name: str) -> None:
    data = (STILLS | ANIMATIONS)[name]()
    for cut in cuts(len(data)):
        try:
            views(data[:cut])
        except (Undecodable, Unsupported):
            continue
        pytest.fail(f"{cut} of {len(data)} bytes are taken for a whole file")


@pytest.mark.parametrize("name", [*STILLS, *ANIMATIONS, "mpo"])
def test_broken_bytes_raise_nothing_but_refusals(name: str) -> None:
    data = encode(pictures(2), "MPO") if name == "mpo" else (STILLS | ANIMATIONS)[name]()
    chance = random.Random(name)
    limits = Limits(max_side_pixels=500, max_area_pixels=250_000)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(chance.choice([1, 2, 6])):
            broken[chance.randrange(len(broken) if chance.random() < 0.5 else min(300, len(broken)))] = (
                chance.randrange(256)
            )
        try:
            views(bytes(broken), limits)
        except JudgeError as error:
            assert isinstance(error, (Undecodable, Unsupported, TooLarge))  # noqa: PT017  every other one is the failure


def test_a_jpeg_that_is_flat_on_a_smaller_scale_is_seen_in_full() -> None:
    """What a scaled decoder makes of it, which is faster, is not what a browser shows."""
    hidden = np.asarray(Image.open(imagenet.picture("chelsea.png")).convert("L").resize((64, 64)))
    data = scaled_jpeg(hidden)
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (64, 64))
        assert image.size == (64, 64)
        assert np.asarray(image).std() < 1
    seen = views(data, LIMITS, ViewSpec(64, 64, 1.0, "squash", "box")).arrays[0][0]
    assert np.corrcoef(seen[..., 0].ravel(), hidden.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("name", ["gif-animated", "apng-alpha", "webp-animated", "avif-animated"])
def test_pictures_are_counted_as_often_as_they_may_be_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, seen = ANIMATIONS[name](), 3 if "alpha" in name else 1
    count = 5 if "avif" in name else 4  # with the still, which is a reading of its own
    monkeypatch.setattr(model_decode, "MAX_SHOWN_PIXELS", count * 48 * 40 * seen)
    assert views(data).frames == 4
    monkeypatch.setattr(model_decode, "MAX_SHOWN_PIXELS", count * 48 * 40 * seen - 1)
    with pytest.raises(TooLarge, match=f"{count} pictures"):
        views(data)


def test_one_picture_may_be_as_large_as_the_limits_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_decode, "MAX_SHOWN_PIXELS", 1)
    assert views(STILLS["png-RGBA"]()).frames == 1


def test_pictures_of_other_sizes_count_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode([picture(1, size=(8, 8)), picture(2, size=(400, 400)), picture(3, size=(400, 400))], "MPO")
    monkeypatch.setattr(model_decode, "MAX_SHOWN_PIXELS", 8 * 8 + 400 * 400)
    with pytest.raises(TooLarge, match="3 pictures"):
        views(data)


MIDDLE = ViewSpec(224, 224, 0.875, "center", "bicubic")
SQUASHED = ViewSpec(224, 224, 1.0, "squash", "bilinear")


@pytest.mark.parametrize("spec", [MIDDLE, SQUASHED], ids=["middle", "squashed"])
@pytest.mark.parametrize(
    ("side", "room", "change"),
    [
        (224, 0, lambda pixels: shuffled(pixels, 8, unit=2)),
        (448, 0, lambda pixels: shuffled(pixels, 16, unit=4)),
        (224, 60, lambda pixels: chequered(pixels, 60)),
        (448, 60, lambda pixels: chequered(pixels, 60, 2)),
    ],
    ids=["blocks-of-224", "blocks-of-448", "chequered-224", "chequered-448"],
)
def test_a_picture_stands_for_no_other_that_only_a_small_picture_or_a_mean_takes_for_it(
    side: int, room: int, change: Callable[[Pixels], Pixels], spec: ViewSpec
) -> None:
    last = soft(np.asarray(cat(side)), room)
    data = encode([Image.fromarray(change(last)), Image.fromarray(last)], "PNG")
    result = decode(data, PNG, LIMITS, [spec], Plan())
    wanted = make_view(Image.fromarray(last), spec)
    assert any(near(view, wanted) for view in result.arrays[0])


def test_a_squeezed_picture_does_not_stand_for_the_picture() -> None:
    data = encode([cat(112, 1120), cat(1120)], "MPO", quality=97)
    media = sniff(data)
    assert media is not None
    result = decode(data, media, LIMITS, [MIDDLE], Plan())
    whole = result.arrays[0][: len(result.arrays[0]) - result.parts]
    assert any(near(view, make_view(cat(1120), MIDDLE)) for view in whole)


def test_no_frames_of_a_video_are_known_not_to_be_looked_at() -> None:
    """All but one of sixteen show what is to be seen, and the sixteenth its mosaic, which is the same in small."""
    sharp = cat(96)
    mosaic = sharp.resize((16, 16), Image.Resampling.BOX).resize((96, 96), Image.Resampling.NEAREST)
    images = [np.asarray(sharp if index % 16 else mosaic) for index in range(300)]
    options = {"crf": "14", "preset": "ultrafast", "x264-params": "scenecut=0:keyint=999:bframes=0"}
    data = videos.encode(images, "libx264", "mp4", encoder=options)
    spec = ViewSpec(96, 96, 1.0, "squash", "bilinear")
    media = sniff(data)
    assert media is not None
    for secret in (b"one", b"other"):
        result = decode(data, media, LIMITS, [spec], Plan(), secret)
        views = [float(np.abs(view.astype(np.int16) - np.asarray(sharp)).mean()) for view in result.arrays[0]]
        assert min(views) < 5 < max(views)


def test_the_same_file_is_looked_at_in_the_same_way_again_and_another_one_in_another() -> None:
    data = encode([picture(seed) for seed in range(60)], "PNG")
    plan = Plan(budget=8, tiles=False, sample=True)
    once, again = (decode(data, PNG, LIMITS, [SMALL], plan) for _ in range(2))
    assert same(once, again)
    others = [decode(data, PNG, LIMITS, [SMALL], plan, secret) for secret in (b"1", b"2", b"3")]
    assert not all(len(each.arrays[0]) == len(once.arrays[0]) and same(each, once) for each in others)


def with_ends(width: int, height: int) -> Image.Image:
    """A white page with a cat in the middle of each short side."""
    page = Image.new("RGB", (width, height), "white")
    for left in (0, width - 112):
        page.paste(cat(112), (left, (height - 112) // 2))
    return page


@pytest.mark.parametrize(("size", "more"), [((540, 360), 2), ((480, 360), 2), ((400, 360), 0)])
def test_the_ends_that_a_model_crops_are_looked_at(size: tuple[int, int], more: int) -> None:
    page = with_ends(*size)
    middle, squashed = (decode(encode(page, "PNG"), PNG, LIMITS, [spec], Plan()) for spec in (MIDDLE, SQUASHED))
    assert (len(middle.arrays[0]), middle.parts) == (1 + more, 0)
    assert len(squashed.arrays[0]) == 1
    ends = [(0, 0, 360, 360), (size[0] - 360, 0, size[0], 360)][:more]
    for box in ends:
        wanted = np.asarray(page.crop(box).resize((224, 224), Image.Resampling.BICUBIC))
        assert any(near(view, wanted) for view in middle.arrays[0])


def test_so_are_those_of_a_video() -> None:
    data = videos.encode([np.asarray(with_ends(480, 320))] * 3, "libx264", "mp4", encoder={"crf": "10"})
    media = sniff(data)
    assert media is not None
    middle, squashed = (decode(data, media, LIMITS, [spec], Plan()) for spec in (MIDDLE, SQUASHED))
    assert (len(middle.arrays[0]), len(squashed.arrays[0])) == (3, 1)
    wanted = np.asarray(with_ends(480, 320).crop((0, 0, 320, 320)).resize((224, 224), Image.Resampling.BICUBIC))
    assert any(near(view, wanted) for view in middle.arrays[0])


def test_what_a_file_is_known_by_in_lists() -> None:
    """The picture itself, each frame that differs, and a transparent one over white, over black and without alpha."""
    shown, other, clear = picture(1, size=(300, 200)), picture(2, size=(300, 200)), picture(3, "RGBA", (300, 200))
    expected = pdq(np.asarray(shown))
    still = views(encode(shown, "PNG"))
    assert (still.pdq.shape, still.quality.tolist()) == ((1, 8, 32), [expected.quality])
    assert np.array_equal(still.pdq[0], expected.hashes)
    film = views(encode([other, other, shown, other], "PNG"))
    assert film.pdq[:, 0].tolist() == [pdq(np.asarray(each)).hashes[0].tolist() for each in (other, shown)]
    seen = views(encode(clear, "PNG"))
    over = [Image.new("RGB", clear.size, colour) for colour in ("white", "black")]
    for background in over:
        background.paste(clear, (0, 0), clear)
    wanted = [pdq(np.asarray(each.convert("RGB"))).hashes[0].tolist() for each in (*over, clear)]
    assert seen.pdq[:, 0].tolist() == wanted
    assert (seen.pdq.dtype, seen.quality.dtype, len(seen.quality)) == (np.uint8, np.uint8, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_listed_picture_is_found_in_whatever_way_exif_turns_it(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = views(encode(cat(640), "JPEG", quality=95, exif=exif))
    assert apart(found.pdq, pdq(np.asarray(cat(640))).hashes[0]).min() <= 16


def test_without_models_a_file_is_known_in_lists_nevertheless() -> None:
    found = decode(encode([picture(1), picture(2)], "PNG"), PNG, LIMITS, ())
    assert (found.arrays, found.pdq.shape) == ((), (2, 8, 32))
