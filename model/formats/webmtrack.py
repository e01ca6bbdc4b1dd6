"""The tracks of a WebM: which codec, how large, and nothing that lets one player show another picture than the next.

Source: RFC 9559, section 5.1.4. Crops, projections, stereo, planes put together, encryption and compression are
refused; so are tracks of text, and a second track of anything.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import Undecodable, Unsupported
from model.formats.ebml import Level, inside, level, real, text, unsigned
from model.formats.shape import check_matrix, check_square

CODECS = {b"V_VP8": "vp8", b"V_VP9": "vp9", b"V_AV1": "av1"}
"""FFmpeg's name for each CodecID that is accepted."""
AUDIO = (b"A_OPUS", b"A_VORBIS")
ACCEPTED = "WebM with VP8, VP9 or AV1, one video track and at most one audio track in Opus or Vorbis"

_ENTRY = 0xAE
_NUMBER, _TYPE, _ENABLED, _TIME_SCALE, _CODEC, _VIDEO = 0xD7, 0x83, 0xB9, 0x23314F, 0x86, 0xE0
_IN_ENTRY = (
    *(_NUMBER, _TYPE, _ENABLED, _TIME_SCALE, _CODEC, _VIDEO, 0xE1),
    *(0x73C5, 0x88, 0x55AA, 0x55AB, 0x55AC, 0x55AD, 0x55AE, 0x55AF, 0x9C, 0x6DE7, 0x6DF8, 0x23E383, 0x234E7A),
    *(0x55EE, 0x536E, 0x22B59C, 0x22B59D, 0x63A2, 0x258688, 0x56AA, 0x56BB),
)
"""With Audio, the UID, flags of purpose, lacing, caches, durations, names, languages, CodecPrivate, delays. Not
ContentEncodings (6D80), TrackOperation (E2), TrackOverlay (6FAB), AttachmentLink (7446) and BlockAdditionMapping
(41E4)."""
_PICTURES, _SOUND = 1, 2

_WIDTH, _HEIGHT, _STEREO, _COLOUR, _MATRIX = 0xB0, 0xBA, 0x53B8, 0x55B0, 0x55B1
_DISPLAY_WIDTH, _DISPLAY_HEIGHT = 0x54B0, 0x54BA
_CROPS = (0x54AA, 0x54BB, 0x54CC, 0x54DD)
_IN_VIDEO = (
    *(_WIDTH, _HEIGHT, _STEREO, _COLOUR, _DISPLAY_WIDTH, _DISPLAY_HEIGHT, *_CROPS),
    *(0x9A, 0x9D, 0x53C0, 0x54B2, 0x54B3, 0x2383E3),
)
"""With interlacing, AlphaMode (Chromium's recorder sets it always; alpha itself is in BlockAdditions), DisplayUnit,
AspectRatioType and FrameRate. Not Projection (7670), ColourSpace (2EB524), OldStereoMode (53B9)."""
_IN_COLOUR = (_MATRIX, *range(0x55B2, 0x55BE), 0x55D0)


class Tracks(NamedTuple):
    """Numbers of the video track and, or None, of the audio track; FFmpeg's name of the codec; (width, height)."""

    video: int
    audio: int | None
    codec: str
    size: tuple[int, int]


def tracks(data: bytes, place: tuple[int, int]) -> Tracks:
    """What a Tracks element says. Raises Unsupported for tracks that are not accepted, and Undecodable."""
    entries = [
        level(data, inside(entry), "a track", _IN_ENTRY)
        for entry in level(data, place, "the tracks", (), (_ENTRY,)).get(_ENTRY, [])
    ]
    numbers = [unsigned(data, entry, _NUMBER, 0) for entry in entries]
    kinds = [unsigned(data, entry, _TYPE, 0) for entry in entries]
    if kinds.count(_PICTURES) != 1 or kinds.count(_SOUND) > 1 or set(kinds) - {_PICTURES, _SOUND}:
        raise Unsupported(f"tracks of the types {kinds[:9]}; accepted is {ACCEPTED}")
    if 0 in numbers or len(set(numbers)) != len(numbers):
        raise Undecodable("two tracks of a WebM with one number, or one with none")
    audio = None
    for entry, number, kind in zip(entries, numbers, kinds, strict=True):
        if kind == _SOUND:
            audio = number
            if text(data, entry, _CODEC) not in AUDIO or _VIDEO in entry:
                raise Unsupported(f"sound in {text(data, entry, _CODEC)[:40]!r}; accepted is {ACCEPTED}")
    index = kinds.index(_PICTURES)
    codec, size = _pictures(data, entries[index])
    return Tracks(numbers[index], audio, codec, size)


def _pictures(data: bytes, entry: Level) -> tuple[str, tuple[int, int]]:
    codec = text(data, entry, _CODEC)
    if codec not in CODECS:
        raise Unsupported(f"a video in {codec[:40]!r}; accepted is {ACCEPTED}")
    if unsigned(data, entry, _ENABLED, 1) != 1:
        raise Unsupported("a hidden video track")
    if real(data, entry, _TIME_SCALE, 1.0) != 1.0 or _VIDEO not in entry:
        raise Unsupported("a video track with a time of its own, or without a size")
    video = level(data, inside(entry[_VIDEO][0]), "the video's description", _IN_VIDEO)
    width, height = unsigned(data, video, _WIDTH, 0), unsigned(data, video, _HEIGHT, 0)
    if not width or not height:
        raise Undecodable("a video track without a size")
    if unsigned(data, video, _STEREO, 0) or any(unsigned(data, video, crop, 0) for crop in _CROPS):
        raise Unsupported("a video of which only a part is shown, or one for each eye")
    shown = unsigned(data, video, _DISPLAY_WIDTH, width), unsigned(data, video, _DISPLAY_HEIGHT, height)
    check_square(shown[0] * height, shown[1] * width)
    if _COLOUR in video:
        colour = level(data, inside(video[_COLOUR][0]), "the video's colour", _IN_COLOUR)
        check_matrix(unsigned(data, colour, _MATRIX, 2))
    return CODECS[codec], (width, height)
