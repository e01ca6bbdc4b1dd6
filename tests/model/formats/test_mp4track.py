"""What the picture track's boxes may say about codec, size, turn and edits, on files that FFmpeg wrote."""

from __future__ import annotations

import struct

import pytest

from model.errors import Undecodable, Unsupported
from model.formats.mp4 import mp4
from model.formats.mp4track import orientation
from tests.model.videos import SIZE, add, box, encode, moving, patch, place, put, rename, video

TRACK = "moov trak"
STSD = f"{TRACK} mdia minf stbl stsd"
ENTRY = f"{STSD} avc1"
ONE = 1 << 16


def without_edits(data: bytes) -> bytes:
    return rename(data, f"{TRACK} edts", b"free")


def edits(*rows: tuple[int, int, int]) -> bytes:
    """The same video, its edit list replaced by rows of (duration, media time, rate)."""
    rows_bytes = b"".join(struct.pack(">IiI", *row) for row in rows)
    content = bytes(4) + len(rows).to_bytes(4) + rows_bytes
    return patch(video(), f"{TRACK} edts elst", lambda _: content)


@pytest.mark.parametrize(
    ("codec", "muxed", "found"),
    [
        ("libx264", "mp4", "h264"),
        ("libx264", "mov", "h264"),
        ("libx265", "mp4", "hevc"),
        ("libx265", "mov", "hevc"),
        ("libsvtav1", "mp4", "av1"),
    ],
)
def test_what_encoders_write(codec: str, muxed: str, found: str) -> None:
    container = mp4(video(codec, muxed))
    assert (container.codec, container.canvas, container.orientation) == (found, SIZE, 1)


@pytest.mark.parametrize(("entry", "other"), [("avc1", b"avc3"), ("hev1", b"hvc1")])
def test_both_spellings_of_a_codec(entry: str, other: bytes) -> None:
    data = video("libx264" if entry == "avc1" else "libx265")
    assert mp4(rename(data, f"{STSD} {entry}", other)).codec == mp4(data).codec


@pytest.mark.parametrize("other", [b"mp4v", b"jpeg", b"vp09", b"encv", b"dvh1", b"ap4h", b"raw "])
def test_other_codecs_are_refused_and_told_what_is_accepted(other: bytes) -> None:
    with pytest.raises(Unsupported, match=r"accepted is .*H\.264, H\.265 or AV1"):
        mp4(rename(video(), ENTRY, other))


def test_two_descriptions() -> None:
    start, end = place(video(), STSD)
    entry = video()[start:end]
    two = patch(video(), STSD, lambda content: content + entry)
    with pytest.raises(Unsupported, match="2 descriptions"):
        mp4(two)
    with pytest.raises(Unsupported):
        mp4(put(video(), f"{TRACK} mdia minf stbl stsd", -4, (2).to_bytes(4)))


def test_parts_of_a_description() -> None:
    assert (
        mp4(
            add(video(), ENTRY, box(b"colr", b"nclx" + bytes([0, 1, 0, 1, 0, 1, 0])) * 2 + box(b"fiel", b"\x01\x00"))
        ).frames
        == 12
    )
    with pytest.raises(Unsupported, match="lhvC"):
        mp4(add(video(), ENTRY, box(b"lhvC", bytes(9))))
    with pytest.raises(Unsupported, match="vexu"):
        mp4(add(video(), ENTRY, box(b"vexu")))
    with pytest.raises(Undecodable):
        mp4(add(video(), ENTRY, box(b"avcC", bytes(9))))
    with pytest.raises(Undecodable):
        mp4(rename(video(), f"{ENTRY} avcC", b"free"))


def test_colours_that_make_another_picture() -> None:
    assert mp4(add(video(), ENTRY, box(b"colr", b"nclc" + bytes([0, 1, 0, 1, 0, 6])))).frames == 12
    for kind, matrix in ((b"nclx", 0), (b"nclc", 8), (b"nclx", 14), (b"prof", 1), (b"rICC", 1)):
        with pytest.raises(Unsupported, match="colours"):
            mp4(add(video(), ENTRY, box(b"colr", kind + bytes([0, 1, 0, 1, 0, matrix, 0]))))
    with pytest.raises(Undecodable):
        mp4(add(video(), ENTRY, box(b"colr", b"nclx")))


def clap(*numbers: int) -> bytes:
    return add(video(), ENTRY, box(b"clap", struct.pack(">IIIIiIiI", *numbers)))


def test_a_crop_is_refused() -> None:
    assert mp4(clap(64, 1, 96, 2, 0, 1, 0, 1)).canvas == SIZE
    for numbers in ((32, 1, 48, 1, 0, 1, 0, 1), (64, 1, 24, 1, 0, 1, 0, 1), (64, 1, 48, 1, 1, 1, 0, 1)):
        with pytest.raises(Unsupported, match="clap"):
            mp4(clap(*numbers))


def test_pixels_that_are_not_square() -> None:
    for wide, high in ((1, 1), (4, 3), (2, 1), (1, 2)):
        assert mp4(add(video(), ENTRY, box(b"pasp", struct.pack(">II", wide, high)))).canvas == SIZE
    for wide, high in ((201, 100), (100, 201), (1, 0), (0, 1)):
        with pytest.raises(Unsupported, match="stretched"):
            mp4(add(video(), ENTRY, box(b"pasp", struct.pack(">II", wide, high))))


def test_a_track_that_is_shown_in_another_shape() -> None:
    assert mp4(put(video(), f"{TRACK} tkhd", 76, struct.pack(">II", 128 * ONE, 48 * ONE))).canvas == SIZE
    assert mp4(put(video(), f"{TRACK} tkhd", 76, bytes(8))).canvas == SIZE
    with pytest.raises(Unsupported, match="stretched"):
        mp4(put(video(), f"{TRACK} tkhd", 76, struct.pack(">II", 129 * ONE, 48 * ONE)))


def apertures(*sizes: tuple[bytes, int, int]) -> bytes:
    boxes = b"".join(box(kind, bytes(4) + struct.pack(">II", wide * ONE, high * ONE)) for kind, wide, high in sizes)
    return add(video(), TRACK, box(b"tapt", boxes))


@pytest.mark.parametrize("kind", [b"clef", b"prof", b"enof"])
def test_apertures_of_quicktime(kind: bytes) -> None:
    for wide, high in ((64, 48), (640, 480), (85, 48), (128, 48), (64, 96), (0, 0)):
        assert mp4(apertures((kind, wide, high))).canvas == SIZE
    for wide, high in ((129, 48), (64, 97), (480, 48), (64, 0), (0, 48)):
        with pytest.raises(Unsupported, match="stretched"):
            mp4(apertures((b"clef", 64, 48), (kind, wide, high)) if kind != b"clef" else apertures((kind, wide, high)))
    assert mp4(apertures((b"clef", 64, 48), (b"prof", 64, 48), (b"enof", 64, 48))).frames == 12


def test_apertures_that_nobody_knows() -> None:
    with pytest.raises(Unsupported, match="apertures"):
        mp4(apertures((b"what", 64, 48)))
    with pytest.raises(Undecodable, match="two boxes"):
        mp4(apertures((b"clef", 64, 48), (b"clef", 64, 48)))
    with pytest.raises(Undecodable, match="too short"):
        mp4(add(video(), TRACK, box(b"tapt", box(b"clef", bytes(11)))))


@pytest.mark.parametrize(("degrees", "exif"), [(90, 8), (180, 3), (270, 6), (-90, 6)])
def test_turns_that_ffmpeg_writes(degrees: int, exif: int) -> None:
    container = mp4(video(rotate=degrees))
    assert (container.orientation, container.canvas) == (exif, SIZE)


def test_mirrors_and_other_matrices() -> None:
    def matrix(a: int, b: int, c: int, d: int, w: int = 1 << 30, u: int = 0) -> list[int]:
        return [a * ONE, b * ONE, u, c * ONE, d * ONE, 0, 7, 7, w]

    assert [orientation(matrix(*turn)) for turn in ((-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0))] == [
        2,
        4,
        5,
        7,
    ]
    for wrong in (
        matrix(2, 0, 0, 2),
        matrix(0, 0, 0, 0),
        matrix(1, 0, 0, 1, w=1 << 29),
        matrix(1, 0, 0, 1, u=1),
        [ONE - 1, *matrix(1, 0, 0, 1)[1:]],
        matrix(1, 1, 0, 1),
    ):
        with pytest.raises(Unsupported, match="turned"):
            orientation(wrong)


def test_a_hidden_track() -> None:
    assert mp4(put(video(), f"{TRACK} tkhd", 1, b"\x00\x00\x0f")).frames == 12
    with pytest.raises(Unsupported, match="hidden"):
        mp4(put(video(), f"{TRACK} tkhd", 1, b"\x00\x00\x0e"))


def test_edits_that_show_everything() -> None:
    assert mp4(without_edits(video())).frames == 12
    end = place(video(), f"{TRACK} edts elst")[1]
    assert struct.unpack(">IiI", video()[end - 12 : end]) == (480, 1024, ONE)
    for rows in (
        [(480, 1024, ONE)],
        [(480, 0, ONE)],
        [(0, 1024, ONE)],
        [(441, 1024, ONE)],
        [(100, -1, ONE), (480, 1024, ONE)],
    ):
        assert mp4(edits(*rows)).frames == 12
    long = bytes([1, 0, 0, 0]) + (1).to_bytes(4) + struct.pack(">QqI", 480, 1024, ONE)
    assert mp4(patch(video(), f"{TRACK} edts elst", lambda _: long)).frames == 12


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(480, 1025, ONE)],
        [(480, 3000, ONE)],
        [(439, 1024, ONE)],
        [(1, 1024, ONE)],
        [(480, 1024, 0)],
        [(480, 1024, 2 * ONE)],
        [(480, -1, ONE)],
        [(480, -2, ONE)],
        [(240, 1024, ONE), (240, 4096, ONE)],
        [(480, 1024, ONE), (100, -1, ONE)],
        [(100, -1, ONE), (100, -1, ONE), (480, 1024, ONE)],
    ],
)
def test_edits_that_hide_repeat_or_slow_down(rows: list[tuple[int, int, int]]) -> None:
    with pytest.raises(Unsupported, match="edit list"):
        mp4(edits(*rows))


def test_frames_in_another_file() -> None:
    dref = f"{TRACK} mdia minf dinf dref"
    assert place(video(), f"{dref} url ")
    for data in (put(video(), f"{dref} url ", 3, b"\x00"), put(video(), ENTRY, -72, b"\x00\x02")):
        with pytest.raises((Unsupported, Undecodable)):
            mp4(data)


def test_the_sizes_of_the_frames() -> None:
    data = encode(moving(3, (320, 240)), "libx264", "mp4")
    assert mp4(data).canvas == (320, 240)
