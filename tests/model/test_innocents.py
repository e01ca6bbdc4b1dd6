"""Ordinary files of all sorts through one real pool: each is judged, and none makes a system call that ends a decoder.

What is imported, opened or started only when some kind of file comes along is found here and nowhere else: in the
process of the tests nothing is forbidden.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image, ImageCms

from config.media import Limits
from model.decode import decode
from model.formats.media import PNG
from model.formats.orientation import as_exif
from model.formats.sniff import sniff
from model.sandbox import DecoderPool
from tests import imagenet
from tests.model.apng_parts import Frame, adam7, apng
from tests.model.obedient import SPECS, running, soon
from tests.model.phones import mpo, ultra_hdr
from tests.model.profiles import having, negative, srgb
from tests.model.samples import ANIMATIONS, STILLS, chunk, encode, picture
from tests.model.samples import pictures as several
from tests.model.test_agreement_apng import KINDS, samples
from tests.model.test_colour import grey, swapped
from tests.model.test_oddities import GIFS, SCREENSHOT
from tests.model.test_oddities_jpeg import BEHIND, GAIN, OTHER, PHOTO, cmyk, ycck
from tests.model.test_video import CODECS
from tests.model.videos import encode as encode_video
from tests.model.videos import moving, video
from tests.model.webms import plain

Maker = Callable[[], bytes]

SRGB_PRIMARIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
CHUNKS: dict[str, tuple[bytes, ...]] = {
    "primaries": (chunk(b"cHRM", SRGB_PRIMARIES),),
    "of ImageMagick": (
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"cHRM", SRGB_PRIMARIES),
        chunk(b"bKGD", bytes(6)),
        chunk(b"tIME", b"\x07\xe9\x01\x02\x03\x04\x05"),
    ),
    "other primaries": (chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),),
    "linear": (chunk(b"gAMA", struct.pack(">I", 100_000)),),
    "by number": (chunk(b"cICP", b"\x01\x0d\x00\x01"),),
    "texts": (
        chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(b"long" * 99)),
        chunk(b"iTXt", b"Title\x00\x01\x00de\x00Titel\x00" + zlib.compress("Äpfel".encode())),
        chunk(b"tEXt", "Author\x00Ä".encode("latin-1")),
    ),
    "of a phone": tuple(SCREENSHOT),
}


def png(*before: bytes, interlaced: bool = False) -> bytes:
    pixels = np.asarray(picture())
    packed = adam7(pixels) if interlaced else zlib.compress(b"".join(b"\x00" + row.tobytes() for row in pixels))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 40, 8, 2, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def kinds(count: int) -> dict[str, Maker]:
    """PNGs of every depth and colour type, with transparency and without."""

    def maker(number: int) -> Maker:
        kind, rng = KINDS[number], np.random.default_rng(number)
        frames = [Frame(samples(rng, kind, 6, 5)) for _ in range(count)]
        return lambda: apng(frames, kind.depth, kind.colour, kind.before())

    # Grey of few bits with a transparent level is not judged in an APNG.
    fine = (
        number for number, kind in enumerate(KINDS) if not (kind.colour == 0 and kind.depth < 8 and kind.transparent)
    )
    return {f"{count} of {KINDS[number]}": maker(number) for number in fine}


def lab() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


PROFILES = {
    "sRGB": srgb(),
    "other primaries": swapped(),
    "tables": having((b"A2B0", negative()), (b"A2B1", negative()), (b"A2B2", negative())),
    "tables for floating point": having((b"D2B0", negative())),
    "grey": grey(1.8),
    "Lab": lab(),
    "cut": srgb()[:300],
}


def with_profile(name: str, kind: str, mode: str) -> Maker:
    return lambda: encode(picture(mode=mode), kind, icc_profile=PROFILES[name])


def photo(kind: str, **options: object) -> Maker:
    def make() -> bytes:
        with Image.open(imagenet.picture("coffee.png")) as image:
            return encode(image.convert("RGB"), kind, **options)

    return make


INNOCENT: dict[str, Maker] = {
    **STILLS,
    **ANIMATIONS,
    **kinds(2),
    **{f"PNG {name}": lambda name=name: png(*CHUNKS[name]) for name in CHUNKS},  # type: ignore[misc]
    "PNG interlaced": lambda: png(interlaced=True),
    **{
        f"{kind} {mode} {name}": with_profile(name, kind, mode)
        for name in PROFILES
        for kind, modes in (("JPEG", ("RGB", "L", "CMYK")), ("PNG", ("RGB", "LA", "P")), ("WEBP", ("RGB",)))
        for mode in modes
    },
    "AVIF sRGB": with_profile("sRGB", "AVIF", "RGB"),
    "JXL sRGB": with_profile("sRGB", "JXL", "RGB"),
    "APNG of a profile": lambda: encode(several(3), "PNG", icc_profile=swapped()),
    "WebP of a profile": lambda: encode(several(3), "WEBP", icc_profile=swapped()),
    **{
        f"{kind} turned": lambda kind=kind: encode(picture(), kind, exif=as_exif(6))  # type: ignore[misc]
        for kind in ("JPEG", "PNG", "WEBP", "AVIF", "JXL")
    },
    "JPEG broken EXIF": lambda: encode(
        picture(), "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + bytes(9)
    ),
    "JPEG comment": lambda: encode(picture(), "JPEG", comment="Ä".encode("latin-1")),
    **{f"JPEG {sampling}": lambda s=sampling: encode(picture(), "JPEG", subsampling=s) for sampling in range(3)},  # type: ignore[misc]
    **{f"JPEG CMYK {progressive}": lambda p=progressive: cmyk(p) for progressive in (False, True)},  # type: ignore[misc]
    "JPEG YCCK": lambda: ycck(progressive=False),
    "MPO": lambda: mpo(PHOTO, OTHER, 1),
    "Ultra HDR": lambda: ultra_hdr(PHOTO, GAIN, b""),
    **BEHIND,
    **{f"GIF {name}": lambda name=name: GIFS[name] for name in GIFS},  # type: ignore[misc]
    **{f"a photo as {kind}": photo(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "JXL")},
    "a photo as AVIF": photo("AVIF", speed=9),
    **{
        f"{codec} in {container}": lambda codec=codec, container=container: video(codec, container)  # type: ignore[misc]
        for codec, container in CODECS
    },
    "H.264 with sound": lambda: video(audio="aac"),
    "H.264 turned": lambda: video(rotate=90),
    "H.264 in pieces": lambda: encode_video(
        moving(12), "libx264", "mp4", muxer={"movflags": "frag_keyframe+empty_moov"}
    ),
    "H.265 of ten bits": lambda: encode_video(moving(6), "libx265", "mp4", pixels="yuv420p10le"),
    "VP8 without indexes": plain,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[DecoderPool]:
    async with running(real=True) as started:
        yield started


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", INNOCENT)
async def test_an_ordinary_file_is_judged(name: str, pool: DecoderPool) -> None:
    data = INNOCENT[name]()
    media = sniff(data)
    assert media
    views = await pool.decode(data, media, soon(60))
    here = decode(data, media, Limits(), SPECS)
    assert (views.width, views.height, views.frames) == (here.width, here.height, here.frames)
    count = 1 if media.codecs else len(here.arrays[0])  # further frames of a video are drawn by lot in each process
    assert media.codecs or len(views.arrays[0]) == count
    assert all(np.array_equal(one[:count], other[:count]) for one, other in zip(views.arrays, here.arrays, strict=True))
    if media is PNG:
        await pool.normalise(data, media, soon(60))
