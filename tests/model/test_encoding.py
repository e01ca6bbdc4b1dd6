"""A still encoded anew: the same picture, and nothing else of the old file."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from PIL.JpegImagePlugin import get_sampling

from model.decode import decode
from model.encoding import encoded
from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.media import AVIF, GIF, JPEG, JXL, MATROSKA, MP4, PNG, WEBP, MediaType, written_as
from model.formats.orientation import as_exif
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.formats.webp import is_lossless
from model.job import PictureLimits
from tests.model.obedient import SPECS, running, soon
from tests.model.samples import ANIMATIONS, STILLS, chunk, encode, picture, pictures, png
from tests.model.videos import video

LIMITS = PictureLimits(10_000, 40_000_000, 900)
MANY = 10_000_000
SECRET = b"52.5163 N, 13.3777 E"
LOSSLESS = [name for name in STILLS if name.startswith(("png", "gif", "webp-lossless"))]


def anew(data: bytes, limits: PictureLimits = LIMITS, most: int = MANY) -> bytes | None:
    media = sniff(data)
    assert media is not None
    return encoded(data, media, limits, most)


def new(data: bytes) -> bytes:
    found = anew(data)
    assert found is not None
    return found


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def seen(data: bytes) -> NDArray[np.uint8]:
    """The pixels as uint8 (height, width, 4), black where nothing is seen."""
    pixels: NDArray[np.uint8] = np.array(opened(data).convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def gps(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    return exif.tobytes()


@pytest.mark.parametrize("name", STILLS)
def test_shows_the_same(name: str) -> None:
    old = STILLS[name]()
    result = new(old)
    media = sniff(old)
    assert media is not None
    assert sniff(result) is written_as(media)
    assert inspect(result, written_as(media)).end == len(result)
    views = decode(result, written_as(media), LIMITS, SPECS)
    assert (views.width, views.height, views.frames, views.trailing) == (*opened(old).size, 1, 0)
    difference = np.abs(as_judged(result) - as_judged(old))
    assert difference.mean() < (6 if name not in LOSSLESS else 0.01)


def as_judged(data: bytes) -> NDArray[np.int16]:
    """The first view of a file, of 16 x 16 pixels: as it is over white."""
    media = sniff(data)
    assert media is not None
    return np.array(decode(data, media, LIMITS, SPECS).arrays[0][0], np.int16)


@pytest.mark.parametrize("name", [name for name in LOSSLESS if name not in ("png-I;16", "png-many-idat")])
def test_lossless_formats_keep_every_pixel_that_is_seen(name: str) -> None:
    old = STILLS[name]()
    assert np.array_equal(seen(new(old)), seen(old))


@pytest.mark.parametrize("name", STILLS)
def test_the_same_bytes_give_the_same_file(name: str) -> None:
    old = STILLS[name]()
    assert new(old) == new(old)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_animations_go_on_as_they_came(name: str) -> None:
    assert anew(ANIMATIONS[name]()) is None


def test_videos_go_on_as_they_came() -> None:
    assert anew(video()) is None


def test_a_picture_beside_a_film_is_no_still() -> None:
    """The still that an APNG or an AVIF has apart."""
    apart = encode([picture(1), picture(2)], "PNG", default_image=True)
    assert anew(apart) is None


@pytest.mark.parametrize("media", [JPEG, PNG, WEBP, AVIF, JXL], ids=lambda media: media.name)
def test_metadata_stays_behind(media: MediaType) -> None:
    options: dict[str, object] = {"exif": gps(), "xmp": b"<x>" + SECRET + b"</x>"}
    if media is PNG:
        del options["xmp"]
    if media is JXL:
        options["use_container"] = True
    old = encode(picture(), str(media.pillow), **options)
    assert SECRET in old
    result = new(old)
    assert SECRET not in result
    left = opened(result)
    assert not left.getexif()
    assert {"exif", "xmp", "comment"}.isdisjoint(left.info)


def test_text_of_a_png_and_comments_stay_behind() -> None:
    old = png(bytes(9 * 4), 8, 4, before=chunk(b"tEXt", b"Comment\0" + SECRET))
    assert SECRET not in new(old)
    assert SECRET not in new(encode(picture(), "JPEG", comment=SECRET))
    assert SECRET not in new(encode(picture(mode="P"), "GIF", comment=SECRET))


@pytest.mark.parametrize("name", ["jpeg", "png-RGB", "gif", "webp"])
def test_what_stands_behind_the_end_stays_behind(name: str) -> None:
    tail = b"PK\x03\x04<script>" + SECRET
    if name == "webp":  # in a chunk that nobody knows, as it has a length
        still = STILLS[name]()
        old = extended_webp(still, b"JUNK" + struct.pack("<I", len(tail)) + tail + bytes(len(tail) % 2))
    else:
        old = STILLS[name]() + tail
    assert SECRET in old
    result = new(old)
    assert SECRET not in result
    assert result == new(STILLS[name]())


def extended_webp(still: bytes, more: bytes) -> bytes:
    head = b"VP8X" + struct.pack("<I", 10) + bytes(4) + struct.pack("<I", 47)[:3] + struct.pack("<I", 39)[:3]
    body = b"WEBP" + head + still[12:] + more
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("media", [JPEG, PNG, WEBP, AVIF], ids=lambda media: media.name)
@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_turned_upright(media: MediaType, orientation: int) -> None:
    old = encode(picture(), str(media.pillow), exif=b"Exif\0\0" + as_exif(orientation))
    upright = ImageOps.exif_transpose(opened(old))
    assert (upright.size == (48, 40)) is (orientation < 5)
    result = opened(new(old))
    assert result.size == upright.size
    assert np.abs(np.asarray(result).astype(int) - np.asarray(upright)).mean() < 8


@pytest.mark.parametrize("media", [JPEG, PNG, WEBP, AVIF], ids=lambda media: media.name)
def test_colours_of_another_profile_become_srgb(media: MediaType) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(swapped_profile())).tobytes()
    flat = Image.new("RGB", (48, 40), (200, 40, 40))
    old = encode(flat, str(media.pillow), icc_profile=profile)
    result = opened(new(old))
    assert "icc_profile" not in result.info
    red, green, _ = np.asarray(result)[20, 20].tolist()
    assert green > red + 50


def swapped_profile() -> bytes:
    """sRGB in which red and green have changed places: the tags of their colorants point at each other."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132]), 12)}
    red, green = places[b"rXYZ"] + 4, places[b"gXYZ"] + 4
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


def test_of_a_phones_two_pictures_the_first() -> None:
    first, second = pictures(2)
    old = encode([first, second], "MPO")
    result = opened(new(old))
    assert (result.format, getattr(result, "n_frames", 1)) == ("JPEG", 1)
    assert np.abs(np.asarray(result).astype(int) - np.asarray(opened(old))).mean() < 8
    assert inspect(new(old), JPEG).ends == ()  # of the second nothing is left


def test_a_jpeg_keeps_its_size_in_pixels() -> None:
    """It is not decoded small, as it is for views."""
    large = Image.effect_noise((1600, 1200), 90).convert("RGB")
    assert opened(new(encode(large, "JPEG"))).size == (1600, 1200)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_keeps_its_subsampling(subsampling: int) -> None:
    assert get_sampling(opened(new(encode(picture(), "JPEG", subsampling=subsampling)))) == subsampling


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("jpeg-grey", "L"), ("jpeg-cmyk", "RGB"), ("png-1", "L"), ("png-LA", "LA"), ("png-I;16", "L")),
        *(("png-P", "RGBA"), ("gif", "RGB"), ("webp-alpha", "RGBA")),
    ],
)
def test_modes(name: str, mode: str) -> None:
    assert opened(new(STILLS[name]())).mode == mode


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_stays_lossless_or_lossy(lossless: bool) -> None:
    assert is_lossless(new(encode(picture(), "WEBP", lossless=lossless))) is lossless


def test_what_is_hidden_under_transparency_is_gone() -> None:
    hidden = picture(3, "RGBA")
    hidden.putalpha(Image.linear_gradient("L").resize(hidden.size).point(lambda level: 255 if level > 127 else 0))
    for old in (encode(hidden, "PNG"), encode(hidden, "WEBP", lossless=True, exact=True)):
        pixels = np.asarray(opened(new(old)))
        assert np.asarray(opened(old))[pixels[..., 3] == 0].any()
        assert not pixels[pixels[..., 3] == 0].any()
        assert np.array_equal(seen(new(old)), seen(old))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(STILLS["png-RGB"]()[:-9], Undecodable, id="cut"),
        pytest.param(STILLS["jpeg"]()[:-9], Undecodable, id="cut-jpeg"),
        pytest.param(png(b"", 10_001, 1), TooLarge, id="too-wide"),
        pytest.param(png(b"", 8000, 6000), TooLarge, id="too-large"),
    ],
)
def test_broken_ones_are_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        anew(data)


def test_formats_that_are_not_judged_are_refused() -> None:
    with pytest.raises(Unsupported):
        encoded(b"\x1a\x45\xdf\xa3", MATROSKA, LIMITS, MANY)


def test_a_new_file_beyond_the_limit_is_too_large() -> None:
    old = STILLS["jpeg"]()
    most = len(new(old))
    assert anew(old, most=most) is not None
    with pytest.raises(TooLarge, match="encoded anew"):
        anew(old, most=most - 1)


@pytest.mark.parametrize("error", [RuntimeError("Encoding of color planes failed"), MemoryError()], ids=repr)
def test_what_takes_too_much_memory_to_encode_is_too_large(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def save(*_: object, **__: object) -> None:
        raise error

    old = STILLS["avif"]()
    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(TooLarge):
        anew(old)


def test_formats() -> None:
    assert [written_as(media) for media in (JPEG, PNG, GIF, WEBP, MP4)] == [JPEG, PNG, PNG, WEBP, MP4]


async def test_confined_decoders_encode_all_formats() -> None:
    """Encoders need no file, no thread and no system call that decoders have not."""
    async with running(real=True) as pool:
        for name, make in STILLS.items():
            data, media = make(), sniff(make())
            assert media is not None
            assert await pool.normalise(data, media, soon()) == new(data), name
        animation = ANIMATIONS["gif-animated"]()
        assert await pool.normalise(animation, GIF, soon()) is None
        with pytest.raises(Undecodable):
            await pool.normalise(STILLS["png-RGB"]()[:-9], PNG, soon())
        large = encode(Image.effect_noise((1600, 1200), 90), "PNG")  # more than one turn of the pipe
        assert await pool.normalise(large, PNG, soon()) == new(large)
