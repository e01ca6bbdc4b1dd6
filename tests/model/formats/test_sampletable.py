"""Five tables that count the same frames, made by FFmpeg and by hand, and every way in which they can disagree."""

from __future__ import annotations

import struct

import pytest

from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.boxtree import MAX_ENTRIES
from model.formats.sampletable import Sample, sample_table, samples
from tests.model.videos import add, box, patch, place, put, rename, video

STBL = "moov trak mdia minf stbl"


def read(data: bytes) -> list[Sample]:
    return samples(data, sample_table(data, place(data, STBL)))


def full(*numbers: int) -> bytes:
    """A full box's content of 32-bit numbers."""
    return bytes(4) + struct.pack(f">{len(numbers)}I", *numbers)


@pytest.mark.parametrize("muxed", ["mp4", "mov"])
@pytest.mark.parametrize("audio", ["", "aac"])
def test_the_frames_that_ffmpeg_wrote(muxed: str, audio: str) -> None:
    data = video("libx264", muxed, audio=audio)
    found = read(data)
    assert len(found) == 12
    assert {sample.duration for sample in found} == {512}
    assert sorted(512 * at + sample.shift for at, sample in enumerate(found)) == [1024 + 512 * at for at in range(12)]
    for sample in found:
        first = int.from_bytes(data[sample.start : sample.start + 4])
        assert 0 < first <= sample.size - 4
        assert sample.end == sample.start + sample.size


def stbl(stsz: bytes, stts: bytes, stsc: bytes, stco: bytes, *more: bytes) -> bytes:
    boxes = {b"stsz": stsz, b"stts": stts, b"stsc": stsc, b"stco": stco}
    return b"".join(box(kind, content) for kind, content in boxes.items()) + b"".join(more)


def of(tables: bytes) -> list[Sample]:
    return samples(tables, sample_table(tables, (0, len(tables))))


SIZES, TIMES = full(0, 3, 10, 20, 30), full(2, 1, 7, 2, 9)
CHUNKS, PLACES = full(2, 1, 2, 1, 2, 1, 1), full(2, 1000, 2000)


def test_by_hand() -> None:
    shifts = box(b"ctts", full(2, 1, 5, 2, 2**32 - 4))
    assert of(stbl(SIZES, TIMES, CHUNKS, PLACES, shifts)) == [
        Sample(1000, 10, 7, 5),
        Sample(1010, 20, 9, -4),
        Sample(2000, 30, 9, -4),
    ]


def test_one_size_for_all_and_places_of_64_bits() -> None:
    far = stbl(full(9, 3), TIMES, CHUNKS, PLACES).replace(box(b"stco", PLACES), box(b"co64", full(2, 1, 0, 2, 0)))
    assert [(sample.start, sample.size) for sample in of(far)] == [(1 << 32, 9), ((1 << 32) + 9, 9), (2 << 32, 9)]


def test_no_frames() -> None:
    assert of(stbl(full(0, 0), full(0), full(0), full(0))) == []


@pytest.mark.parametrize(
    "tables",
    [
        stbl(full(0, 2, 10, 20), TIMES, CHUNKS, PLACES),
        stbl(full(0, 3, 10, 20), TIMES, CHUNKS, PLACES),
        stbl(full(0, 3, 10, 0, 30), TIMES, CHUNKS, PLACES),
        stbl(SIZES, full(1, 2, 7), CHUNKS, PLACES),
        stbl(SIZES, full(1, 2**32 - 1, 7), CHUNKS, PLACES),
        stbl(SIZES, full(1, 3, 2**31), CHUNKS, PLACES),
        stbl(SIZES, TIMES, full(1, 1, 1, 1), PLACES),
        stbl(SIZES, TIMES, full(1, 1, 2, 1), PLACES),
        stbl(SIZES, TIMES, full(1, 1, 2**32 - 1, 1), PLACES),
        stbl(SIZES, TIMES, full(1, 2, 3, 1), PLACES),
        stbl(SIZES, TIMES, full(2, 1, 2, 1, 3, 1, 1), PLACES),
        stbl(SIZES, TIMES, full(2, 1, 2, 1, 1, 1, 1), PLACES),
        stbl(SIZES, TIMES, full(0), PLACES),
        stbl(SIZES, TIMES, CHUNKS, full(1, 1000)),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"co64", full(2, 0, 0, 0, 0))),
        stbl(SIZES, TIMES, CHUNKS, PLACES).replace(b"stco", b"free"),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"ctts", full(1, 2, 0))),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"stss", full(2, 1, 4))),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"stss", full(2, 0, 1))),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"stss", full(2, 2, 1))),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"stts", TIMES)),
    ],
)
def test_tables_that_disagree(tables: bytes) -> None:
    with pytest.raises(Undecodable):
        of(tables)


@pytest.mark.parametrize(
    "tables",
    [
        stbl(SIZES, TIMES, full(2, 1, 2, 1, 2, 1, 2), PLACES),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"stsh", full(1, 2, 3))),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"stz2", full(8, 0))),
        stbl(SIZES, TIMES, CHUNKS, PLACES, box(b"senc", full(0))),
    ],
    ids=["two-descriptions", "shadows", "compact-sizes", "encrypted"],
)
def test_tables_that_show_something_else(tables: bytes) -> None:
    with pytest.raises(Unsupported):
        of(tables)


def test_frames_at_the_limit_and_beyond() -> None:
    def many(count: int) -> bytes:
        return stbl(full(1, count), full(1, count, 1), full(1, 1, count, 1), full(1, 8))

    assert len(of(many(MAX_ENTRIES))) == MAX_ENTRIES
    with pytest.raises(TooLarge):
        of(many(MAX_ENTRIES + 1))


@pytest.mark.parametrize("name", ["stsz", "stts", "ctts", "stsc", "stco"])
def test_any_number_of_a_real_table_changed(name: str) -> None:
    """Each of them is refused, or leaves as many frames as there were."""
    data = video()
    start, end = place(data, f"{STBL} {name}")
    seen = 0
    for at in range(0, end - start, 4):
        for number in (0, 1, 13, 2**31 - 1, 2**32 - 1):
            try:
                seen += len(read(put(data, f"{STBL} {name}", at, number.to_bytes(4)))) == 12
            except JudgeError:
                seen += 1
    assert seen == 5 * (end - start) // 4


def test_a_table_is_missing_or_too_long() -> None:
    data = video()
    for name in ("stsz", "stts", "stsc", "stco"):
        with pytest.raises(Undecodable):
            read(rename(data, f"{STBL} {name}", b"free"))
        with pytest.raises(Undecodable):
            read(patch(data, f"{STBL} {name}", lambda content: content + bytes(4)))
    assert len(read(add(data, STBL, box(b"free")))) == 12
