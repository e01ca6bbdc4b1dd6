"""What the tracks of a WebM may say, on files that FFmpeg wrote."""

from __future__ import annotations

import struct

import pytest

from model.errors import Undecodable, Unsupported
from model.formats.webm import webm
from tests.model.videos import SIZE
from tests.model.webms import ENTRY, TRACKS, VIDEO, add, change, children, ebml, parted, plain, without

TRACK = (TRACKS, ENTRY)
PICTURE = (*TRACK, VIDEO)


def entries(data: bytes) -> list[bytes]:
    tracks = next(content for kind, content in parted(data)[1] if kind == TRACKS)
    return [ebml(*part) for part in children(tracks)]


def said(path: tuple[int, ...], kind: int, value: bytes, data: bytes | None = None) -> bytes:
    """The file with one element of a track set to a value."""
    return add(without(data or plain(), path, kind), path, ebml(kind, value))


@pytest.mark.parametrize(("codec", "found"), [("libvpx", "vp8"), ("libvpx-vp9", "vp9"), ("libsvtav1", "av1")])
@pytest.mark.parametrize("audio", ["", "libopus"])
def test_what_encoders_write(codec: str, found: str, audio: str) -> None:
    container = webm(plain(codec, audio=audio))
    assert (container.codec, container.canvas, container.frames) == (found, SIZE, 12)


@pytest.mark.parametrize(
    "codec", [b"V_MPEG4/ISO/AVC", b"V_THEORA", b"V_MS/VFW/FOURCC", b"V_UNCOMPRESSED", b"", b"V_VP"]
)
def test_other_codecs_are_refused_and_told_what_is_accepted(codec: bytes) -> None:
    assert webm(said(TRACK, 0x86, b"V_VP8\x00")).codec == "vp8"
    with pytest.raises(Unsupported, match="accepted is WebM with VP8, VP9 or AV1"):
        webm(said(TRACK, 0x86, codec))


def test_sound_in_vorbis() -> None:
    data = plain(audio="libopus")
    pictures, sound = children(dict(parted(data)[1])[TRACKS])
    vorbis = sound[1].replace(b"\x86\x86A_OPUS", b"\x86\x88A_VORBIS")
    assert vorbis != sound[1]
    assert webm(change(data, (TRACKS,), lambda _: ebml(*pictures) + ebml(ENTRY, vorbis))).frames == 12


@pytest.mark.parametrize("codec", [b"A_AAC", b"V_VP8", b"A_MS/ACM", b"S_TEXT/UTF8"])
def test_other_sound(codec: bytes) -> None:
    data = plain(audio="libopus")
    other = change(data, (TRACKS,), lambda content: content.replace(b"A_OPUS", codec.ljust(6, b"\x00")[:6]))
    with pytest.raises(Unsupported, match="sound"):
        webm(other)


def test_a_second_track_of_anything() -> None:
    data = plain(audio="libopus")
    pictures, sound = entries(data)
    for more in (pictures, sound, pictures + sound):
        with pytest.raises(Unsupported, match="tracks of the types"):
            webm(add(data, (TRACKS,), more))


@pytest.mark.parametrize("kind", [0, 2, 3, 0x10, 0x11, 0x12, 0x20, 0x21])
def test_tracks_of_another_type(kind: int) -> None:
    with pytest.raises(Unsupported, match="tracks of the types"):
        webm(said(TRACK, 0x83, bytes([kind])))


def test_numbers_of_tracks() -> None:
    data = plain(audio="libopus")
    for number in (0, 2):
        with pytest.raises(Undecodable, match="number"):
            webm(said(TRACK, 0xD7, bytes([number]), data))
    with pytest.raises(Unsupported, match="not there"):
        webm(said(TRACK, 0xD7, b"\x07", data))


def test_a_hidden_track() -> None:
    assert webm(said(TRACK, 0xB9, b"\x01")).frames == 12
    with pytest.raises(Unsupported, match="hidden"):
        webm(said(TRACK, 0xB9, b"\x00"))


@pytest.mark.parametrize(
    "kind", [0x6D80, 0xE2, 0x6FAB, 0x7446, 0x41E4, 0xC0, 0x6624, 0x4D80], ids=lambda kind: f"{kind:X}"
)
def test_what_a_track_may_not_have(kind: int) -> None:
    """Encodings, operations, overlays, attachments, additions, trick tracks, translations, and what is not known."""
    with pytest.raises(Unsupported, match=f"{kind:X} in a track"):
        webm(add(plain(), TRACK, ebml(kind, b"")))


def test_time_of_its_own() -> None:
    assert webm(said(TRACK, 0x23314F, struct.pack(">d", 1.0))).frames == 12
    with pytest.raises(Unsupported, match="time"):
        webm(said(TRACK, 0x23314F, struct.pack(">f", 0.5)))


def test_sizes() -> None:
    assert webm(said(PICTURE, 0xB0, b"\x01\x00")).canvas == (256, SIZE[1])
    for side in (0xB0, 0xBA):
        with pytest.raises(Undecodable, match="size"):
            webm(said(PICTURE, side, b"\x00"))
    with pytest.raises(Unsupported, match="size"):
        webm(without(plain(), TRACK, VIDEO))


@pytest.mark.parametrize("side", [0x54AA, 0x54BB, 0x54CC, 0x54DD])
def test_a_crop_is_refused(side: int) -> None:
    assert webm(said(PICTURE, side, b"\x00")).canvas == SIZE
    with pytest.raises(Unsupported, match="part"):
        webm(said(PICTURE, side, b"\x02"))


@pytest.mark.parametrize("kind", [0x7670, 0x2EB524, 0x53B9])
def test_projections_and_raw_colours(kind: int) -> None:
    with pytest.raises(Unsupported, match=f"{kind:X}"):
        webm(add(plain(), PICTURE, ebml(kind, b"")))


def test_stereo_and_alpha() -> None:
    """Chromium's recorder says AlphaMode of every video; what has an alpha is in the blocks."""
    assert webm(said(PICTURE, 0x53C0, b"\x01")).frames == 12
    assert webm(said(PICTURE, 0x53B8, b"\x00")).frames == 12
    with pytest.raises(Unsupported, match="eye"):
        webm(said(PICTURE, 0x53B8, b"\x01"))


def test_the_shape_in_which_it_is_shown() -> None:
    for width, height in ((64, 48), (16, 9), (128, 48), (64, 96)):
        shape = add(without(plain(), PICTURE, 0x54B0), PICTURE, ebml(0x54B0, bytes([width])))
        assert webm(said(PICTURE, 0x54BA, bytes([height]), shape)).canvas == SIZE
    for kind, side in ((0x54B0, 129), (0x54BA, 97), (0x54B0, 0)):
        with pytest.raises(Unsupported, match="stretched"):
            webm(said(PICTURE, kind, bytes([side])))


def test_colours_that_make_another_picture() -> None:
    for matrix in (1, 2, 5, 9):
        assert webm(said(PICTURE, 0x55B0, ebml(0x55B1, bytes([matrix])))).frames == 12
    for matrix in (0, 8, 14):
        with pytest.raises(Unsupported, match="colours"):
            webm(said(PICTURE, 0x55B0, ebml(0x55B1, bytes([matrix]))))
