"""The whole of a WebM: one segment to the end, blocks of known tracks only, and indexes that point where they say."""

from __future__ import annotations

import random

import pytest

from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats import webm as module
from model.formats.media import WEBM
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.formats.webm import webm
from tests.model.videos import SIZE, encode, moving
from tests.model.webms import (
    BLOCK,
    CLUSTER,
    CUES,
    HEADER,
    INFO,
    SEEK_HEAD,
    SEGMENT,
    TAGS,
    TRACKS,
    add,
    also,
    change,
    children,
    ebml,
    parted,
    plain,
    together,
    without,
)

CODECS = ["libvpx", "libvpx-vp9", "libsvtav1"]
ATTACHMENTS, CHAPTERS = 0x1941A469, 0x1043A770


def first_block(how: object) -> bytes:
    assert callable(how)
    return change(plain(), (CLUSTER, BLOCK), how)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("audio", ["", "libopus"])
@pytest.mark.parametrize("live", ["0", "1"])
def test_what_ffmpeg_writes(codec: str, audio: str, live: str) -> None:
    """With seek heads and cues, and without a length."""
    data = encode(moving(12), codec, "webm", audio=audio, muxer={"live": live})
    assert (CUES in dict(parted(data)[1])) == (live == "0")
    container = inspect(data, WEBM)
    assert (container.end, container.frames, container.canvas, container.orientation) == (len(data), 12, SIZE, 1)
    assert container.readings == (data,)
    assert container.seconds == pytest.approx(11 / 25)


@pytest.mark.parametrize("codec", CODECS)
def test_segments_and_clusters_without_a_length(codec: str) -> None:
    """As MediaRecorder writes it, in many clusters, with something behind them or not."""
    header, parts = parted(plain(codec))
    cluster = dict(parts)[CLUSTER]
    others = [part for part in parts if part[0] != CLUSTER]
    time, *blocks = children(cluster)
    many = [(CLUSTER, ebml(*time) + ebml(*block)) for block in blocks]
    assert webm(together(header, [*others, *many], live=True)).frames == 12
    data = together(header, [*others, *many, (TAGS, b"")], live=True)
    assert webm(data).frames == 12
    with pytest.raises(JudgeError):
        webm(data[:-1])


def test_frames_of_vp8_that_are_only_referred_to() -> None:
    """They are blocks of their own, and neither FFmpeg nor anybody shows them; encoders write them in two passes."""
    assert webm(first_block(lambda block: block[:4] + bytes([block[4] & ~0x10]) + block[5:])).frames == 11
    hidden = first_block(lambda block: block[:3] + bytes([block[3] | 8, block[4] & ~0x10]) + block[5:])
    assert webm(hidden).frames == 11


@pytest.mark.parametrize(
    "tail", [b"\x00", b"tail", ebml(SEGMENT, b""), ebml(HEADER, b""), b"\xff\xd8\xff\xe0" + bytes(9)]
)
@pytest.mark.parametrize("live", [False, True])
def test_nothing_stands_behind_the_end(tail: bytes, live: bool) -> None:
    data = together(*parted(plain()), live=live)
    assert inspect(data, WEBM).frames == 12
    with pytest.raises(JudgeError):
        inspect(data + tail, WEBM)


def test_what_would_be_harmless_inside_is_refused_behind() -> None:
    with pytest.raises(Undecodable, match="one segment"):
        webm(plain() + ebml(0xEC, b""))


@pytest.mark.parametrize("kind", [ATTACHMENTS, CHAPTERS, 0x1234ABCD, SEGMENT, HEADER, 0xA3])
def test_parts_that_somebody_may_show(kind: int) -> None:
    with pytest.raises(Unsupported):
        webm(also(plain(), kind, b""))


@pytest.mark.parametrize("kind", [INFO, TRACKS, CUES])
def test_parts_that_come_twice_or_not_at_all(kind: int) -> None:
    header, parts = parted(encode(moving(3), "libvpx", "webm"))
    bare = [part for part in parts if part[0] in (INFO, TRACKS, CLUSTER)]
    twice = [*bare, (CUES, b""), (kind, dict(parts)[kind])]
    with pytest.raises(Undecodable):
        webm(together(header, twice))
    if kind != CUES:
        with pytest.raises(Undecodable):
            webm(together(header, [part for part in bare if part[0] != kind]))


def test_parts_that_mean_nothing() -> None:
    assert webm(also(also(plain(), 0xEC, b"padding"), 0xBF, b"1234")).frames == 12
    assert webm(also(plain(), TAGS, b"")).frames == 12


@pytest.mark.parametrize(
    ("kind", "value"), [(0x42F7, b"\x02"), (0x42F2, b"\x05"), (0x42F3, b"\x07"), (0x4282, b"matroska"), (0x4282, b"")]
)
def test_another_kind_of_ebml(kind: int, value: bytes) -> None:
    with pytest.raises(Unsupported, match="EBML"):
        webm(change(plain(), (HEADER, kind), lambda _: value))


def test_segments_that_are_linked() -> None:
    for kind in (0x3CB923, 0x3EB923, 0x4444, 0x6924, 0x7384):
        with pytest.raises(Unsupported, match="info"):
            webm(add(plain(), (INFO,), ebml(kind, bytes(16))))


def test_no_time() -> None:
    with pytest.raises(Undecodable, match="time"):
        webm(change(plain(), (INFO, 0x2AD7B1), lambda _: b"\x00"))
    assert webm(without(plain(), (INFO,), 0x2AD7B1)).seconds == pytest.approx(11 / 25)


def test_a_time_that_is_too_long() -> None:
    assert webm(change(plain(), (CLUSTER, 0xE7), lambda time: time.rjust(8, b"\x00"))).frames == 12
    with pytest.raises(Undecodable, match="too long"):
        webm(change(plain(), (CLUSTER, 0xE7), lambda time: time.rjust(9, b"\x00")))


def test_no_frames() -> None:
    with pytest.raises(Undecodable, match="without frames"):
        webm(without(plain(), (CLUSTER,), BLOCK))


def grouped(*more: bytes) -> bytes:
    """The first block in a group, with more beside it."""

    def group(content: bytes) -> bytes:
        time, first, *others = children(content)
        block = ebml(0xA1, first[1][:3] + b"\x00" + first[1][4:])
        return b"".join([ebml(*time), ebml(0xA0, block + b"".join(more)), *(ebml(*other) for other in others)])

    return change(plain(), (CLUSTER,), group)


def test_groups_of_blocks() -> None:
    assert webm(grouped()).frames == 12
    assert (
        webm(grouped(ebml(0x9B, b"\x28"), ebml(0xFB, b"\x00"), ebml(0xFB, b"\x01"), ebml(0x75A2, b"\x00"))).frames == 12
    )
    with pytest.raises(Undecodable, match="without a block"):
        webm(add(plain(), (CLUSTER,), ebml(0xA0, b"")))


def test_transparency_is_refused() -> None:
    alpha = ebml(0x75A1, ebml(0xA6, ebml(0xEE, b"\x01") + ebml(0xA5, b"alpha")))
    with pytest.raises(Unsupported, match="transparency"):
        webm(grouped(alpha))


@pytest.mark.parametrize("kind", [0xA1, 0xA4, 0x8E, 0xFD, 0xA2])
def test_what_a_group_may_not_have(kind: int) -> None:
    """A second block, codec states, slices, virtual blocks."""
    with pytest.raises((Unsupported, Undecodable)):
        webm(grouped(ebml(kind, b"")))


@pytest.mark.parametrize("kind", [0xAF, 0x5854, 0xE7, 0x4282])
def test_what_a_cluster_may_not_have(kind: int) -> None:
    """Encrypted blocks, silent tracks, a second time, and what is not known."""
    with pytest.raises(Unsupported, match="cluster"):
        webm(add(plain(), (CLUSTER,), ebml(kind, b"\x00")))


@pytest.mark.parametrize("lacing", [0x02, 0x04, 0x06])
def test_frames_that_are_laced(lacing: int) -> None:
    with pytest.raises(Unsupported, match="laced"):
        webm(first_block(lambda block: block[:3] + bytes([block[3] | lacing]) + block[4:]))


def test_frames_that_are_said_to_be_invisible() -> None:
    with pytest.raises(Unsupported, match="invisible"):
        webm(first_block(lambda block: block[:3] + bytes([block[3] | 8]) + block[4:]))


@pytest.mark.parametrize("block", [b"", b"\x81", b"\x81\x00\x00\x80", b"\x00" * 9, b"\x40"])
def test_blocks_that_break_off(block: bytes) -> None:
    with pytest.raises(Undecodable, match="block"):
        webm(first_block(lambda _: block))


def test_a_block_of_no_track() -> None:
    assert webm(first_block(lambda block: b"\x40\x01" + block[1:])).frames == 12
    with pytest.raises(Unsupported, match="not there"):
        webm(first_block(lambda block: b"\x82" + block[1:]))


def test_a_layer_in_one_frame_of_av1() -> None:
    layer = bytes([6 << 3 | 6, 1 << 3, 0])
    with pytest.raises(Unsupported, match="layer"):
        webm(change(plain("libsvtav1"), (CLUSTER, BLOCK), lambda block: block + layer))


def seek(kind: int, position: int) -> bytes:
    return ebml(0x4DBB, ebml(0x53AB, kind.to_bytes(4)) + ebml(0x53AC, position.to_bytes(4)))


def test_a_seek_head_that_points_elsewhere() -> None:
    data = plain()
    body = data[data.index(SEGMENT.to_bytes(4)) + 12 :]
    places = {kind: body.index(kind.to_bytes(4)) for kind in (INFO, TRACKS, CLUSTER)}
    good = [seek(kind, at) for kind, at in places.items()]
    assert webm(also(data, SEEK_HEAD, b"".join(good))).frames == 12
    assert webm(also(data, SEEK_HEAD, b"")).frames == 12
    for wrong in (seek(TRACKS, places[INFO]), seek(TRACKS, places[TRACKS] + 1), seek(CUES, 0), seek(TRACKS, 10**6)):
        with pytest.raises(Undecodable, match="index"):
            webm(also(data, SEEK_HEAD, b"".join([*good, wrong])))


def cue(cluster: int, track: int = 1, relative: int | None = None, *more: bytes) -> bytes:
    place = ebml(0xF7, bytes([track])) + ebml(0xF1, cluster.to_bytes(4)) + b"".join(more)
    if relative is not None:
        place += ebml(0xF0, relative.to_bytes(4))
    return ebml(0xBB, ebml(0xB3, b"\x00") + ebml(0xB7, place))


def test_cues_that_point_elsewhere() -> None:
    data = plain()
    body = data[data.index(SEGMENT.to_bytes(4)) + 12 :]
    cluster = body.index(CLUSTER.to_bytes(4))
    block = body.index(b"\xa3", cluster) - cluster - 12
    for good in (cue(cluster), cue(cluster, 1, block), cue(cluster) + cue(cluster)):
        assert webm(also(data, CUES, good)).frames == 12
    for wrong in (
        cue(cluster + 1),
        cue(0),
        cue(10**6),
        cue(cluster, 2),
        cue(cluster, 1, block + 1),
        cue(cluster, 1, 0),
    ):
        with pytest.raises(Undecodable, match="index"):
            webm(also(data, CUES, cue(cluster) + wrong))
    with pytest.raises(Unsupported):
        webm(also(data, CUES, cue(cluster, 1, None, ebml(0xEA, b"\x00"))))


@pytest.mark.parametrize("name", ["MAX_ELEMENTS"])
def test_blocks_at_the_limit_and_beyond(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, 12)
    assert webm(plain()).frames == 12
    monkeypatch.setattr(module, name, 11)
    with pytest.raises(TooLarge):
        webm(plain())


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("audio", ["", "libopus"])
def test_cut_off_anywhere(audio: str, live: bool) -> None:
    """Of a file without a length only its frames can tell, and one that ends between two of them is whole."""
    data = together(*parted(plain(audio=audio)), live=live)
    whole = 0
    for end in range(0, len(data), 7):
        try:
            frames = webm(data[:end]).frames
            assert live
            assert frames
            assert frames <= 12
            whole += 1
        except JudgeError:
            continue
    assert whole < 20


@pytest.mark.parametrize("codec", CODECS)
def test_bits_that_flip(codec: str) -> None:
    """One bit anywhere: refused, or as many frames as there were, and never another exception."""
    data = encode(moving(12), codec, "webm", audio="libopus")
    randomly = random.Random(1)
    refused = 0
    for _ in range(800):
        at = randomly.randrange(len(data))
        flipped = data[:at] + bytes([data[at] ^ 1 << randomly.randrange(8)]) + data[at + 1 :]
        if sniff(flipped) is not WEBM:
            continue
        try:
            assert webm(flipped).frames in range(1, 13)
        except JudgeError:
            refused += 1
    assert refused > 100
