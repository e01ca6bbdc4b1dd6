"""Every frame of a video and no other, one reader's view of it against the other's, and nothing else opened."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

import model.video
from config.media import Limits
from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.container import Container
from model.formats.media import MP4, WEBM
from model.formats.mp4 import MAX_SECONDS, mp4
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.tone import PQ
from model.video import VideoFrame, check_video, frames
from tests.model.videos import (
    SIZE,
    AnyLimits,
    add,
    box,
    encode,
    index_in_front,
    moving,
    patch,
    place,
    put,
    rename,
    video,
)
from tests.model.webms import BLOCK, CLUSTER, change, children, ebml, parted, plain, together

CODECS = [
    *[("libx264", "mp4"), ("libx264", "mov"), ("libx265", "mp4"), ("libx265", "mov"), ("libsvtav1", "mp4")],
    *[("libvpx", "webm"), ("libvpx-vp9", "webm"), ("libsvtav1", "webm")],
]
SOUND = {"mp4": "libopus", "mov": "aac", "webm": "libopus"}


def read(data: bytes, limits: AnyLimits | None = None) -> list[tuple[bool, int, tuple[int, int], Image.Image]]:
    media = sniff(data)
    assert media
    container = inspect(data, media)
    return [
        (frame.key, frame.index, frame.size, frame.pictures()[0])
        for frame in frames(data, media, container, limits or AnyLimits())
    ]


def off(one: Image.Image, other: Any) -> float:
    """Mean difference in levels."""
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other)).mean())


@pytest.mark.parametrize(("codec", "kind"), CODECS)
@pytest.mark.parametrize("audio", ["", "sound"])
def test_every_frame_in_its_order(codec: str, kind: str, audio: str) -> None:
    """The codecs reorder frames (B frames, hidden references); they come out as they went in."""
    found = read(video(codec, kind, audio=audio and SOUND[kind]))
    assert [index for _, index, _, _ in found] == list(range(12))
    assert found[0][0]
    assert {size for _, _, size, _ in found} == {SIZE}
    for (_, _, _, shown), image in zip(found, moving(12), strict=True):
        assert off(shown, image) < 12
        assert all(off(shown, image) <= off(shown, other) for other in moving(12))


def test_the_index_in_front() -> None:
    assert len(read(index_in_front(video(audio="aac")))) == 12


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
def test_fragments(codec: str) -> None:
    """As Safari's recorder and streams write them."""
    data = encode(moving(12), codec, "mp4", audio="aac", muxer={"movflags": "frag_every_frame+empty_moov"})
    assert data.count(b"moof") > 12
    found = read(data)
    assert len(found) == 12
    assert all(off(shown, image) < 12 for (_, _, _, shown), image in zip(found, moving(12), strict=True))


def test_key_frames() -> None:
    data = encode(moving(12), "libx264", "mp4", encoder={"g": "5", "sc_threshold": "0"})
    assert [key for key, *_ in read(data)] == [index % 5 == 0 for index in range(12)]


@pytest.mark.parametrize(("degrees", "clockwise"), [(90, 270), (180, 180), (-90, 90)])
def test_turned_as_players_do(degrees: int, clockwise: int) -> None:
    upright = [Image.fromarray(image).rotate(-clockwise, expand=True) for image in moving(12)]
    found = read(video(rotate=degrees))
    assert {size for _, _, size, _ in found} == {upright[0].size}
    assert all(off(shown, image) < 12 for (_, _, _, shown), image in zip(found, upright, strict=True))


@pytest.mark.parametrize(
    ("codec", "kind"),
    [("libx264", "mp4"), ("libx265", "mp4"), ("libsvtav1", "mp4"), ("libvpx", "webm"), ("libvpx-vp9", "webm")],
)
@pytest.mark.parametrize("odd", [0, 150, 299])
def test_one_odd_frame_among_300(codec: str, kind: str, odd: int) -> None:
    plain, other = np.full((48, 64, 3), 60, np.uint8), np.full((48, 64, 3), 200, np.uint8)
    data = encode([other if index == odd else plain for index in range(300)], codec, kind)
    media = sniff(data)
    assert media
    container = inspect(data, media)
    levels = [np.asarray(frame.thumbnail(4)).mean() for frame in frames(data, media, container, AnyLimits())]
    assert [index for index, level in enumerate(levels) if level > 130] == [odd]


def test_pixels_of_ten_bits() -> None:
    data = encode(moving(3), "libx265", "mp4", pixels="yuv420p10le")
    assert all(off(shown, image) < 16 for (_, _, _, shown), image in zip(read(data), moving(3), strict=True))


# Limits


def like(**what: Any) -> Container:
    return replace(mp4(video()), **what)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_side_pixels", 64),
        ("max_area_pixels", 64 * 48),
        ("max_frames", 12),
        ("max_video_side_pixels", 64),
        ("max_video_area_pixels", 64 * 48),
        ("max_video_total_pixels", 12 * 64 * 48),
    ],
)
def test_limits_at_the_edge_and_beyond(name: str, value: int) -> None:
    check_video(like(), AnyLimits(**{name: value}))
    with pytest.raises(TooLarge):
        next(iter(frames(video(), MP4, like(), AnyLimits(**{name: value - 1}))))


def test_the_work_of_all_frames() -> None:
    wide = (1000, Limits().max_video_total_pixels // 1000 // 500)
    check_video(like(canvas=wide, frames=500), Limits())
    with pytest.raises(TooLarge, match=r"501 frames of 1000 x 1700 pixels, more than limits\.max_video_total_pixels"):
        check_video(like(canvas=wide, frames=501), Limits())


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_the_length_that_a_video_says_it_has(kind: str) -> None:
    data = encode(moving(3), "libx264" if kind == "mp4" else "libvpx-vp9", kind)
    media = sniff(data)
    assert media
    container = inspect(data, media)
    check_video(replace(container, seconds=MAX_SECONDS), Limits())  # more is no length to the walk over an MP4
    check_video(replace(container, seconds=2.0), AnyLimits(max_video_seconds=2))
    with pytest.raises(TooLarge, match=r"a video of 3 seconds, more than limits\.max_video_seconds allows"):
        next(iter(frames(data, media, replace(container, seconds=2.6), AnyLimits(max_video_seconds=2))))


def test_ffmpeg_makes_no_room_for_a_picture_that_the_container_hides() -> None:
    """The description says 64 x 48, the parameter sets inside say 640 x 480: refused before a frame is decoded."""
    large = encode(moving(2, (640, 480)), "libx264", "mp4")
    small = put(large, "moov trak mdia minf stbl stsd avc1", -54, bytes([0, 64, 0, 48]))
    small = put(small, "moov trak tkhd", 76, bytes(8))
    assert mp4(small).canvas == (64, 48)
    with pytest.raises(JudgeError):
        read(small)


# Frames that are decoded and not shown


def test_a_frame_of_vp8_that_is_only_referred_to() -> None:
    data = change(plain(), (CLUSTER, BLOCK), lambda block: block[:4] + bytes([block[4] & ~0x10]) + block[5:])
    found = read(data)
    assert len(found) == 11
    assert all(off(shown, image) < 12 for (_, _, _, shown), image in zip(found, moving(12)[1:], strict=True))


def test_a_video_without_a_length() -> None:
    """As browsers record it."""
    assert len(read(together(*parted(plain(audio="libopus")), live=True))) == 12


# Two readers that disagree


def test_frames_of_vp9_that_share_a_block() -> None:
    """A superframe (VP9 specification, annex B) of two that are shown: libvpx shows one of them, FFmpeg both."""
    header, parts = parted(plain("libvpx-vp9"))
    time, first, second, *others = children(dict(parts)[CLUSTER])
    one, two = first[1][4:], second[1][4:]
    marker = bytes([0b11000000 | 1 << 3 | 1])
    index = marker + len(one).to_bytes(2, "little") + len(two).to_bytes(2, "little") + marker
    both = (BLOCK, first[1][:4] + one + two + index)
    cluster = b"".join(ebml(*part) for part in (time, both, *others))
    data = together(header, [(kind, cluster if kind == CLUSTER else content) for kind, content in parts])
    container = inspect(data, WEBM)
    assert container.frames == 11
    for number in (11, 12):
        with pytest.raises(Undecodable, match="disagree"):
            list(frames(data, WEBM, replace(container, frames=number), AnyLimits()))


@pytest.mark.parametrize(
    "what",
    [{"frames": 11}, {"frames": 13}, {"frames": 1}, {"canvas": (64, 50)}, {"canvas": (48, 64)}, {"orientation": 6}],
)
def test_what_the_walk_found_has_to_be_what_ffmpeg_finds(what: dict[str, Any]) -> None:
    with pytest.raises(Undecodable, match="disagree"):
        list(frames(video(), MP4, like(**what), AnyLimits()))


def test_a_wrong_size_is_seen_before_a_frame_is_decoded() -> None:
    with pytest.raises(Undecodable, match="finds 64 x 48 pixels"):
        list(frames(video(), MP4, like(canvas=(64, 50)), AnyLimits()))


@pytest.mark.parametrize(("codec", "kind"), CODECS)
def test_a_codec_may_not_make_more_pixels_than_the_container_says(
    codec: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it may make 44 x 28, it cannot make 64 x 48."""
    data = video(codec, kind)
    monkeypatch.setattr(model.video, "CODED_MARGIN", -20)
    with pytest.raises(Undecodable):
        read(data)


def test_another_codec() -> None:
    for codec in ("hevc", "av1"):
        with pytest.raises(Undecodable):
            list(frames(video(), MP4, like(codec=codec), AnyLimits()))
    for unknown in ("vp8", "mjpeg", None):
        with pytest.raises(Unsupported):
            list(frames(video(), MP4, like(codec=unknown), AnyLimits()))


def test_a_track_that_only_ffmpeg_sees() -> None:
    data = add(video(), "moov", box(*_second_track()))
    with pytest.raises(Undecodable, match="other tracks"):
        list(frames(data, MP4, replace(like(), end=len(data)), AnyLimits()))


def _second_track() -> tuple[bytes, bytes]:
    start, end = place(video(), "moov trak")
    return b"trak", video()[start:end]


def test_a_size_that_changes() -> None:
    """Frames of two sizes in one track, as a stream with new parameter sets in it has them."""
    one, two = (encode(moving(4, size), "libx264", "mp4", encoder={"bf": "0"}) for size in (SIZE, (96, 64)))
    spliced = _splice(one, two)
    assert inspect(spliced, MP4).frames == 8
    with pytest.raises(Undecodable):
        read(spliced)
    assert len(read(_splice(one, one))) == 8


def test_a_transfer_function_that_changes() -> None:
    """It would double the views of the frames behind it, and a choice be made of what the first frame made room for."""

    def of(transfer: int) -> bytes:
        def declare(stream: VideoStream) -> None:
            stream.codec_context.color_trc = transfer

        return encode(moving(4), "libx264", "mp4", encoder={"bf": "0"}, prepare=declare)

    assert len(read(_splice(of(PQ), of(PQ)))) == 8
    for one, two in ((2, PQ), (1, PQ), (PQ, 1)):
        with pytest.raises(Unsupported, match="other light"):
            read(_splice(of(one), of(two)))


def shaped(codec: str, width: int, height: int) -> bytes:
    """A video whose stream alone says that its pixels are so wide and so high."""

    def declare(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(width, height)

    data = encode(moving(4), codec, "mp4", encoder={"bf": "0"}, prepare=declare)
    entry = "moov trak mdia minf stbl stsd " + {"libx264": "avc1", "libx265": "hev1"}[codec]
    return put(rename(data, f"{entry} pasp", b"free"), "moov trak tkhd", 76, bytes(8))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_pixels_that_are_not_square(codec: str) -> None:
    """Where no box says so, players go by the parameter sets."""
    for width, height in ((1, 1), (4320, 4319), (64, 45), (2, 1), (1, 2)):
        assert len(read(shaped(codec, width, height))) == 4
    for width, height in ((10, 1), (1, 10), (201, 100), (100, 201)):
        assert inspect(shaped(codec, width, height), MP4).canvas == SIZE
        with pytest.raises(Unsupported, match="stretched"):
            read(shaped(codec, width, height))


def test_pixels_that_become_other_than_square() -> None:
    assert len(read(_splice(shaped("libx264", 1, 1), shaped("libx264", 2, 1)))) == 8
    for one, two in (((1, 1), (10, 1)), ((10, 1), (1, 1))):
        with pytest.raises(Unsupported, match="stretched"):
            read(_splice(shaped("libx264", *one), shaped("libx264", *two)))


def _splice(one: bytes, two: bytes) -> bytes:
    """Frames of a second file behind those of the first, their parameter sets in the first of them."""
    media, config = _samples(two)
    head = b"".join(len(unit).to_bytes(4) + unit for unit in _parameter_sets(config))
    media[0] = head + media[0]
    first, _ = _samples(one)
    start, end = place(one, "mdat")
    whole = b"".join(first + media)
    data = one[: start - 8] + box(b"mdat", whole) + one[end:]
    stbl = "moov trak mdia minf stbl"

    def table(*numbers: int) -> bytes:
        return bytes(4) + b"".join(number.to_bytes(4) for number in numbers)

    sizes = [len(sample) for sample in first + media]
    data = patch(data, f"{stbl} stsz", lambda _: table(0, len(sizes), *sizes))
    data = patch(data, f"{stbl} stts", lambda _: table(1, len(sizes), 512))
    data = patch(data, f"{stbl} stsc", lambda _: table(1, 1, len(sizes), 1))
    data = patch(data, f"{stbl} stco", lambda _: table(1, start))
    data = patch(data, f"{stbl} stss", lambda _: table(2, 1, len(first) + 1))
    return patch(data, "moov trak edts elst", lambda content: content[:8] + bytes(4) + content[12:])


def _samples(data: bytes) -> tuple[list[bytes], bytes]:
    from model.formats.sampletable import sample_table, samples

    found = samples(data, sample_table(data, place(data, "moov trak mdia minf stbl")))
    start, end = place(data, "moov trak mdia minf stbl stsd avc1 avcC")
    return [data[sample.start : sample.end] for sample in found], data[start:end]


def _parameter_sets(config: bytes) -> Iterator[bytes]:
    at = 5
    for mask in (31, 255):
        count = config[at] & mask
        at += 1
        for _ in range(count):
            size = int.from_bytes(config[at : at + 2])
            yield config[at + 2 : at + 2 + size]
            at += 2 + size


# Broken files


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
def test_frames_that_cannot_be_decoded(codec: str) -> None:
    """Every frame is there and as long as it says; some bytes of one are noise, which may be a picture all the same."""
    data = video(codec)
    start, end = place(data, "mdat")
    randomly = random.Random(2)
    reasons = []
    for _ in range(100):
        at = randomly.randrange(start + 8, end - 8)
        try:
            assert len(read(data[:at] + randomly.randbytes(8) + data[at + 8 :])) == 12
        except JudgeError as error:
            reasons.append(str(error))
    assert len(reasons) > 20


def test_frames_that_ffmpeg_would_mend() -> None:
    """FFmpeg's H.264 decoder fills in what is missing and goes on, and marks the frame."""
    data = video()
    start, end = place(data, "mdat")

    def reason(at: int) -> str:
        try:
            return str(len(read(data[:at] + bytes([data[at] ^ 1 << 3]) + data[at + 1 :])))
        except JudgeError as error:
            return str(error)

    assert "a frame of the video is damaged" in map(reason, range(start, end))


@pytest.mark.parametrize(("codec", "kind"), CODECS)
def test_bits_that_flip(codec: str, kind: str) -> None:
    """One bit anywhere: refused, or the frames that the walk found, and never another exception."""
    data = video(codec, kind, audio=SOUND[kind])
    randomly = random.Random(3)
    refused = 0
    for _ in range(150):
        at = randomly.randrange(len(data))
        flipped = data[:at] + bytes([data[at] ^ 1 << randomly.randrange(8)]) + data[at + 1 :]
        if (media := sniff(flipped)) is None or not media.codecs:
            continue
        try:
            assert len(read(flipped)) == inspect(flipped, media).frames
        except JudgeError:
            refused += 1
    assert refused > 10


def test_ffmpegs_errors() -> None:
    """A file that the walk would have refused is refused here too, in a JudgeError."""
    data = video()
    for broken in (b"", data[:20], data[: len(data) // 2], data[:-200], bytes(1000), b"ffconcat version 1.0\n"):
        with pytest.raises(JudgeError):
            list(frames(broken, MP4, like(), AnyLimits()))


def test_memory_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(av, "open", none)
    with pytest.raises(TooLarge, match="memory"):
        list(frames(video(), MP4, like(), AnyLimits()))


def test_what_is_no_error_of_ffmpeg_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise KeyError

    monkeypatch.setattr(av, "open", wrong)
    with pytest.raises(KeyError):
        list(frames(video(), MP4, like(), AnyLimits()))


def test_it_says_nothing(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """The parent logs what a decoder writes to standard error."""
    av.logging.set_level(av.logging.DEBUG)
    caplog.set_level(0)
    data = video()
    refused = 0
    for at in range(200, len(data), 97):
        try:
            read(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
        except JudgeError:
            refused += 1
    assert refused
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_it_starts_no_thread() -> None:
    data = encode(moving(4, (320, 240)), "libx264", "mp4")
    av1 = encode(moving(4, (320, 240)), "libsvtav1", "mp4")
    before = len(os.listdir("/proc/self/task"))
    for file in (data, av1):
        for frame in frames(file, MP4, mp4(file), AnyLimits()):
            assert isinstance(frame, VideoFrame)
            frame.pictures()
            frame.thumbnail(8)
            assert len(os.listdir("/proc/self/task")) == before
    assert av.logging.get_level() is None
