"""The whole of an MP4: one track of pictures, sound and timed metadata beside it, and nothing that is shown besides."""

from __future__ import annotations

import contextlib
import random
import struct

import pytest

from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats import mp4 as module
from model.formats.media import MP4
from model.formats.mp4 import MAX_TRACKS, mp4
from model.formats.structure import inspect
from tests.model.videos import SIZE, add, box, index_in_front, patch, place, put, rename, video

VIDEO = "moov trak mdia"


def track_of(data: bytes, path: str = "moov trak") -> bytes:
    start, end = place(data, path)
    return box(path.split()[-1][:4].encode(), data[start:end])


def beside(handler: bytes, entry: bytes) -> bytes:
    """A video with a second track of another kind, made of the sound track that FFmpeg wrote."""
    data = put(video(audio="aac"), "moov trak1 mdia hdlr", 8, handler)
    return rename(data, "moov trak1 mdia minf stbl stsd mp4a", entry)


@pytest.mark.parametrize("audio", ["", "aac", "libopus"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
def test_videos_that_ffmpeg_writes(codec: str, audio: str) -> None:
    data = video(codec, audio=audio)
    container = inspect(data, MP4)
    assert (container.end, container.frames, container.canvas) == (len(data), 12, SIZE)
    assert container.readings == (data,)
    assert container.seconds == pytest.approx(12 / 25)


def test_the_index_in_front() -> None:
    data = index_in_front(video(audio="aac"))
    assert data.index(b"moov") < data.index(b"mdat")
    assert mp4(data).frames == 12


@pytest.mark.parametrize(
    ("handler", "entry"), [(b"meta", b"mebx"), (b"meta", b"gpmd"), (b"meta", b"camm"), (b"tmcd", b"tmcd")]
)
def test_tracks_of_phones_that_show_nothing(handler: bytes, entry: bytes) -> None:
    assert mp4(beside(handler, entry)).frames == 12


@pytest.mark.parametrize(
    ("handler", "entry"),
    [
        (b"meta", b"avc1"),
        (b"meta", b"jpeg"),
        (b"soun", b"avc1"),
        (b"tmcd", b"png "),
        (b"text", b"text"),
        (b"sbtl", b"tx3g"),
        (b"subt", b"stpp"),
        (b"clcp", b"c608"),
        (b"hint", b"rtp "),
        (b"vide", b"avc1"),
        (b"pict", b"avc1"),
        (b"auxv", b"hvc1"),
        (b"subp", b"mp4s"),
        (b"what", b"ever"),
    ],
)
def test_tracks_that_somebody_may_see(handler: bytes, entry: bytes) -> None:
    with pytest.raises(Unsupported):
        mp4(beside(handler, entry))


def test_a_second_track_of_pictures_or_of_sound() -> None:
    """Hidden or not: pict-rs keeps the first, a player chooses by its own rules."""
    second = track_of(video())
    for flags in (b"\x00\x00\x03", b"\x00\x00\x00"):
        data = put(add(video(), "moov", second), "moov trak1 tkhd", 1, flags)
        with pytest.raises(Unsupported, match="2 tracks of pictures"):
            mp4(data)
    loud = video(audio="aac")
    with pytest.raises(Unsupported, match="2 of sound"):
        mp4(add(loud, "moov", track_of(loud, "moov trak1")))


def test_no_pictures_at_all() -> None:
    with pytest.raises(Unsupported, match="0 tracks of pictures"):
        mp4(rename(video(audio="aac"), "moov trak", b"free"))


def test_tracks_at_the_limit_and_beyond() -> None:
    data = beside(b"meta", b"mebx")

    def one_more(number: int) -> bytes:
        """As many tracks as `number` says, the last of which has it."""
        more = add(data, "moov", track_of(data, "moov trak1"))
        return put(more, f"moov trak{number - 1} tkhd", 12, number.to_bytes(4))

    with pytest.raises(Undecodable, match="one number"):
        mp4(add(data, "moov", track_of(data, "moov trak1")))
    for number in range(3, MAX_TRACKS + 1):
        data = one_more(number)
    assert mp4(data).frames == 12
    with pytest.raises(TooLarge):
        mp4(one_more(MAX_TRACKS + 1))


@pytest.mark.parametrize(
    "tail", [b"\x00", b"tail", bytes(7), bytes([0, 0, 0, 9]) + b"free", b"\xff\xd8\xff\xe0" + bytes(20)]
)
def test_nothing_stands_behind_the_end(tail: bytes) -> None:
    with pytest.raises(JudgeError):
        inspect(video() + tail, MP4)


@pytest.mark.parametrize("kind", [b"free", b"skip", b"wide", b"uuid", b"mdat"])
def test_boxes_that_nobody_shows(kind: bytes) -> None:
    assert mp4(video() + box(kind, b"" if kind == b"wide" else b"what a phone writes")).frames == 12


@pytest.mark.parametrize("kind", [b"pnot", b"PICT", b"ftyp", b"moov", b"what", b"trak", b"\x00\x00\x00\x00"])
def test_boxes_that_somebody_may_show(kind: bytes) -> None:
    with pytest.raises((Unsupported, Undecodable)):
        mp4(video() + box(kind, bytes(20)))


def test_media_data_hidden_in_another_box() -> None:
    with pytest.raises(Unsupported, match="wide"):
        mp4(video() + box(b"wide", box(b"mdat")))


@pytest.mark.parametrize("kind", [b"cmov", b"rmra", b"clip", b"what"])
def test_movies_that_are_something_else(kind: bytes) -> None:
    with pytest.raises(Unsupported):
        mp4(add(video(), "moov", box(kind)))


def test_a_movie_that_turns_its_tracks() -> None:
    with pytest.raises(Unsupported, match="turns"):
        mp4(put(video(), "moov mvhd", 36, struct.pack(">iiiii", 0, 1 << 16, 0, -1 << 16, 0)))


def test_pictures_that_are_blended() -> None:
    assert mp4(put(video(), f"{VIDEO} minf vmhd", 4, b"\x00\x40")).frames == 12
    with pytest.raises(Unsupported, match="blended"):
        mp4(put(video(), f"{VIDEO} minf vmhd", 4, b"\x00\x24"))


def test_times() -> None:
    with pytest.raises(Undecodable, match="time"):
        mp4(put(video(), f"{VIDEO} mdhd", 12, bytes(4)))
    with pytest.raises(Unsupported, match="time"):
        mp4(put(video(), "moov mvhd", 12, bytes(4)))
    slow = put(rename(video(), "moov trak edts", b"free"), f"{VIDEO} minf stbl stts", 12, (2**31 - 1).to_bytes(4))
    with pytest.raises(TooLarge, match="seconds"):
        mp4(slow)


@pytest.mark.parametrize(("most", "passes"), [(12 / 25, True), (11.9 / 25, False)])
def test_seconds_at_the_limit_and_beyond(most: float, passes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", most)
    with contextlib.nullcontext() if passes else pytest.raises(TooLarge, match="seconds"):
        mp4(video())


@pytest.mark.parametrize("offset", [0, 8, 40, 10**6, 2**32 - 1])
def test_frames_that_lie_elsewhere(offset: int) -> None:
    """In the header, in the index, beyond the end."""
    with pytest.raises(Undecodable):
        mp4(put(video(), f"{VIDEO} minf stbl stco", 8, offset.to_bytes(4)))


def test_a_frame_that_reaches_out_of_the_media_data() -> None:
    """The last bytes of the last frame become a box of their own."""
    data = video()
    start, end = place(data, "mdat")
    short = (end - start + 8 - 12).to_bytes(4)
    with pytest.raises(Undecodable, match="outside"):
        mp4(data[: start - 8] + short + data[start - 4 : end - 12] + box(b"free", bytes(4)) + data[end:])


def test_frames_that_share_bytes() -> None:
    first = place(video(), "mdat")[0]
    places = bytes(4) + struct.pack(">3I", 2, first, first)
    six_each = bytes(4) + struct.pack(">4I", 1, 1, 6, 1)
    shared = patch(video(), f"{VIDEO} minf stbl stco", lambda _: places)
    shared = patch(shared, f"{VIDEO} minf stbl stsc", lambda _: six_each)
    with pytest.raises(Undecodable, match="share"):
        mp4(shared)


def test_a_layer_in_one_frame() -> None:
    """The last frame lies at the end of the media data; the layer is in the second byte of its first unit."""
    data = bytearray(video("libx265"))
    end = place(bytes(data), f"{VIDEO} minf stbl stsz")[1]
    at = place(bytes(data), "mdat")[1] - int.from_bytes(data[end - 4 : end])
    assert mp4(bytes(data)).frames == 12
    data[at + 5] |= 1 << 3
    with pytest.raises(Unsupported, match="layer"):
        mp4(bytes(data))


@pytest.mark.parametrize("audio", ["", "aac"])
def test_cut_off_anywhere(audio: str) -> None:
    data = video(audio=audio)
    for part in range(20):
        with pytest.raises(JudgeError):
            mp4(data[: len(data) * part // 20])
    for missing in range(1, 20):
        with pytest.raises(JudgeError):
            mp4(data[:-missing])


def test_bits_that_flip_are_refused_or_harmless() -> None:
    """Whatever becomes of the index, nothing else than a JudgeError comes of it, and no other number of frames."""
    data = video("libx265", "mov", audio="aac")
    start = data.rindex(b"moov")
    randomly = random.Random(1)
    refused = 0
    for _ in range(1500):
        at = randomly.randrange(start, len(data))
        flipped = data[:at] + bytes([data[at] ^ 1 << randomly.randrange(8)]) + data[at + 1 :]
        try:
            assert mp4(flipped).frames == 12
        except JudgeError:
            refused += 1
    assert refused > 200
