"""Frames in fragments, by FFmpeg's muxer in every way that it knows, and by hand."""

from __future__ import annotations

import random
import struct
from functools import cache

import pytest

from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats import fragments
from model.formats.media import MP4
from model.formats.mp4 import mp4
from model.formats.sniff import sniff
from model.formats.structure import inspect
from tests.model.videos import SIZE, add, box, encode, moving, patch, place, put, rename, video

FLAGS = [
    "frag_keyframe+empty_moov",
    "frag_keyframe+empty_moov+default_base_moof",
    "frag_keyframe+empty_moov+omit_tfhd_offset+separate_moof",
    "frag_keyframe",
    "frag_every_frame",
    "dash+frag_keyframe",
    "cmaf",
]
TRAF = "moof traf"


@cache
def fragmented(flags: str = FLAGS[1], audio: str = "", codec: str = "libx264") -> bytes:
    """Twelve frames; with H.264 a fragment for every five."""
    encoder = {"g": "5", "sc_threshold": "0", "bf": "1"} if codec == "libx264" else {}
    return encode(moving(12), codec, "mp4", audio=audio, muxer={"movflags": flags}, encoder=encoder)


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("audio", ["", "aac"])
@pytest.mark.parametrize("codec", ["libx264", "libsvtav1"])
def test_what_ffmpeg_writes(flags: str, audio: str, codec: str) -> None:
    data = fragmented(flags, audio, codec)
    assert b"moof" in data or (flags == "frag_keyframe" and codec == "libsvtav1")  # an index of none
    container = inspect(data, MP4)
    assert (container.end, container.frames, container.canvas) == (len(data), 12, SIZE)
    assert container.seconds == pytest.approx(12 / 25, abs=0.05)


def test_a_movie_without_its_fragments() -> None:
    data = fragmented()
    start = place(data, "moof")[0] - 8
    with pytest.raises(Undecodable, match="without frames"):
        mp4(data[:start])
    segment = bytes(22) + b"\x00\x01" + b"\x00\x00\x00\x10" + bytes(8)
    with pytest.raises(Undecodable, match="index"):
        mp4(video() + box(b"sidx", segment) + box(b"free", bytes(8)))
    with pytest.raises(Undecodable):
        mp4(rename(data, "moov mvex", b"free"))


def test_defaults() -> None:
    for at in (4, 8):  # of another track, of another description
        with pytest.raises(Unsupported, match="defaults"):
            mp4(put(fragmented(), "moov mvex trex", at, b"\x00\x00\x00\x07"))


def test_a_fragment_of_no_track() -> None:
    with pytest.raises(Unsupported, match="not there"):
        mp4(put(fragmented(), f"{TRAF} tfhd", 4, b"\x00\x00\x00\x07"))


def test_another_description() -> None:
    data = put(fragmented(), f"{TRAF} tfhd", 1, b"\x02\x00\x02")
    with pytest.raises(Unsupported, match="description"):
        mp4(put(data, f"{TRAF} tfhd", 8, b"\x00\x00\x00\x02"))


@pytest.mark.parametrize("kind", [b"senc", b"saiz", b"saio", b"what"])
def test_encryption_and_what_is_not_known(kind: bytes) -> None:
    with pytest.raises(Unsupported, match="fragment"):
        mp4(add(fragmented(), TRAF, box(kind, bytes(8))))
    with pytest.raises(Unsupported, match="fragment"):
        mp4(add(fragmented(), "moof", box(b"pssh", bytes(8))))


@pytest.mark.parametrize("offset", [-1000, 0, 8, 10**6])
def test_frames_that_lie_elsewhere(offset: int) -> None:
    with pytest.raises(Undecodable):
        mp4(put(fragmented(), f"{TRAF} trun", 8, struct.pack(">i", offset)))


def test_frames_that_share_bytes() -> None:
    """The second fragment points at the frames of the first."""
    data = fragmented()
    first, second = place(data, "moof")[0], place(data, "moof1")[0]
    start = place(data, "moof1 traf trun")[0] + 8
    (offset,) = struct.unpack_from(">i", data, start)
    with pytest.raises(Undecodable, match="share"):
        mp4(data[:start] + struct.pack(">i", offset - (second - first)) + data[start + 4 :])


def test_a_run_that_is_not_as_long_as_it_says() -> None:
    for count in (0, 1, 6, 90_000):
        with pytest.raises((Undecodable, Unsupported)):
            mp4(put(fragmented(), f"{TRAF} trun", 4, count.to_bytes(4)))
    with pytest.raises(TooLarge):
        mp4(put(fragmented(), f"{TRAF} trun", 4, b"\xff\xff\xff\xff"))
    with pytest.raises(Undecodable):
        mp4(patch(fragmented(), f"{TRAF} trun", lambda content: content + b"\x00"))


def test_where_the_frames_of_a_second_track_begin() -> None:
    """Where it says nothing they begin behind those of the first, of which we do not keep account."""
    data = fragmented(audio="aac")
    both = place(data, "moof traf1 tfhd")[0]
    assert data[both + 1] == 2
    picture_second = data
    for traf, number in (("traf", 2), ("traf1", 1)):
        picture_second = put(picture_second, f"moof {traf} tfhd", 4, number.to_bytes(4))
    with pytest.raises(Unsupported, match="another track"):
        mp4(put(picture_second, "moof traf1 tfhd", 1, b"\x00"))


def test_frames_at_the_limit_and_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_ENTRIES", 12)
    assert mp4(fragmented()).frames == 12
    monkeypatch.setattr(fragments, "MAX_ENTRIES", 11)
    with pytest.raises(TooLarge):
        mp4(fragmented())


def test_an_index_of_segments_that_points_elsewhere() -> None:
    data = fragmented("dash+frag_keyframe")
    assert mp4(data).frames == 12
    version = data[place(data, "sidx")[0]]
    for at in ((20 if version else 16) + (4 if version else 0), (28 if version else 20) + 4):
        content = data[place(data, "sidx")[0] + at :][:4]
        wrong = (int.from_bytes(content) + 8).to_bytes(4)
        with pytest.raises(Undecodable, match="index"):
            mp4(put(data, "sidx", at, wrong))


def test_an_index_of_fragments_that_points_elsewhere() -> None:
    data = fragmented()
    start, end = place(data, "mfra tfra")
    moof = (place(data, "moof")[0] - 8).to_bytes(4)
    at = data.index(moof, start + 16, end) - start
    with pytest.raises(Undecodable, match="index"):
        mp4(put(data, "mfra tfra", at, (len(data) - 9).to_bytes(4)))
    with pytest.raises(Undecodable):
        mp4(put(data, "mfra tfra", 12, b"\x00\x00\x00\x09"))


def test_cut_off_anywhere() -> None:
    """Between two fragments a file is whole, with fewer frames."""
    data = fragmented("frag_keyframe+empty_moov+default_base_moof")
    whole = []
    for end in range(0, len(data), 3):
        try:
            whole.append(mp4(data[:end]).frames)
        except JudgeError:
            continue
    assert set(whole) <= {5, 10, 12}


def test_bits_that_flip() -> None:
    data = fragmented(audio="aac")
    randomly = random.Random(1)
    refused = 0
    for _ in range(1000):
        at = randomly.randrange(len(data))
        flipped = data[:at] + bytes([data[at] ^ 1 << randomly.randrange(8)]) + data[at + 1 :]
        if sniff(flipped) is not MP4:
            continue
        try:
            assert mp4(flipped).frames in range(1, 13)
        except JudgeError:
            refused += 1
    assert refused > 200
