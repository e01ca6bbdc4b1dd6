"""What a decoder may answer, and what makes its answer none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model.errors import DecoderFailed, JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.media import JPEG
from model.job import (
    MAX_MESSAGE,
    Job,
    PictureLimits,
    answer,
    new_file,
    printable,
    read_answer,
    read_new_file,
    refusal,
)
from model.plan import Plan
from model.preprocess import Views, ViewSpec

SPECS = (ViewSpec(2, 3, 1.0, "center", "bilinear"), ViewSpec(1, 1, 0.9, "border", "bicubic", (1, 2, 3)))
JOB = Job(PictureLimits(100, 5000, 9), SPECS, max_file_bytes=1000, memory_mib=256, cpu_seconds=3, plan=Plan(5, 3))
FILE_BYTES = 50
HASHES = np.random.default_rng(0).integers(0, 256, (5, 8, 32), dtype=np.uint8)
QUALITY = bytes((100, 0, 50, 7, 99))
GOOD: dict[str, object] = {
    "status": "ok",
    "width": 100,
    "height": 50,
    "frames": 9,
    "views": 4,
    "trailing": 49,
    "distinct": 9,
    "seen": 4,
    "parts": 3,
    "magnified": 1,
    "hashes": 2,
}


def body(views: int, magnified: int = 0, hashes: int = 2) -> bytes:
    larger = b"\x11" * (3 * 5 * 3) + b"\x22" * (2 * 2 * 3)  # 1.6 times as high and wide, for each model
    return (
        bytes(range(18 * views))
        + b"\xaa\xbb\xcc" * views
        + larger * magnified
        + HASHES[:hashes].tobytes()
        + QUALITY[:hashes]
    )


def test_a_job_there_and_back() -> None:
    assert Job.unpack(json.loads(json.dumps(JOB.pack()))) == JOB
    assert JOB.max_body_bytes == len(body(5, 1, 5))


def test_views_there_and_back() -> None:
    arrays = tuple(np.full((2, spec.height, spec.width, 3), index + 5, np.uint8) for index, spec in enumerate(SPECS))
    larger = tuple(np.full((1, *size, 3), index + 9, np.uint8) for index, size in enumerate([(3, 5), (2, 2)]))
    known = HASHES[:3], np.frombuffer(QUALITY[:3], np.uint8)
    header = answer(Views(7, 8, 3, arrays, 11, 4, 2, 1, larger, *known))
    views = read_answer(header, b"".join(array.tobytes() for array in (*arrays, *larger, *known)), JOB, FILE_BYTES)
    assert (views.width, views.height, views.frames, views.trailing) == (7, 8, 3, 11)
    assert (views.distinct, views.seen, views.parts) == (4, 2, 1)
    for got, sent in zip(
        (*views.arrays, *views.magnified, views.pdq, views.quality), (*arrays, *larger, *known), strict=True
    ):
        assert np.array_equal(got, sent)
        assert got.flags.writeable


def test_without_models_there_are_no_arrays() -> None:
    header = answer(Views(7, 8, 3, (), pdq=HASHES[:1], quality=np.array([9], np.uint8)))
    views = read_answer(header, HASHES[:1].tobytes() + b"\x09", JOB._replace(specs=()), FILE_BYTES)
    assert (views.width, views.height, views.frames, views.arrays, views.magnified) == (7, 8, 3, (), ())
    assert (views.pdq.tolist(), views.quality.tolist()) == (HASHES[:1].tolist(), [9])


def test_numbers_at_the_limits() -> None:
    views = read_answer(GOOD, body(4, 1), JOB, FILE_BYTES)
    assert [array.shape for array in views.arrays] == [(4, 2, 3, 3), (4, 1, 1, 3)]
    assert views.arrays[0].reshape(-1).tolist() == list(range(72))
    assert views.arrays[1].reshape(-1).tolist() == [0xAA, 0xBB, 0xCC] * 4
    assert (views.pdq.tolist(), views.quality.tolist()) == (HASHES[:2].tolist(), [100, 0])
    least: dict[str, object] = {"width": 1, "height": 1, "frames": 1, "views": 1, "trailing": 0}
    read_answer(GOOD | least | {"parts": 0, "magnified": 0, "hashes": 1}, body(1, hashes=1), JOB, FILE_BYTES)
    assert len(read_answer(GOOD | {"hashes": 5}, body(4, 1, 5), JOB, FILE_BYTES).pdq) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": 101},
        {"height": -1},
        {"height": 101},
        {"height": 51},
        {"frames": 0},
        {"frames": 10},
        {"views": 0},
        {"views": 3},
        {"views": 6},
        {"views": 2**70},
        {"trailing": -1},
        {"trailing": 50},
        {"distinct": 0},
        {"distinct": 2**30},
        {"seen": -1},
        {"seen": 6},
        {"parts": -1},
        {"parts": 5},
        {"magnified": -1},
        {"magnified": 2},
        {"magnified": True},
        {"magnified": 1, "parts": 0},
        {"hashes": 0},
        {"hashes": 1},
        {"hashes": 3},
        {"hashes": -2},
        {"hashes": 2.0},
        {"width": 10.0},
        {"width": "10"},
        {"frames": True},
        {"frames": None},
        {"views": [4]},
        {"status": "OK"},
        {"status": None},
        {"status": ["ok"]},
        {"status": "ready"},
        {"status": "undecodable"},
        {"more": 1},
    ],
    ids=str,
)
def test_an_answer_that_lies(change: dict[str, object]) -> None:
    with pytest.raises(DecoderFailed):
        read_answer(GOOD | change, body(4, 1), JOB, FILE_BYTES)


@pytest.mark.parametrize("missing", GOOD)
def test_an_answer_that_lacks_something(missing: str) -> None:
    with pytest.raises(DecoderFailed):
        read_answer({name: value for name, value in GOOD.items() if name != missing}, body(4, 1), JOB, FILE_BYTES)


def test_more_hashes_than_are_planned() -> None:
    most = HASHES[[0] * 6].tobytes() + bytes(6)
    with pytest.raises(DecoderFailed, match="number of hashes"):
        read_answer(GOOD | {"hashes": 6}, body(4, 1, 0) + most, JOB, FILE_BYTES)


def test_a_quality_that_there_is_none_of() -> None:
    with pytest.raises(DecoderFailed, match="quality"):
        read_answer(GOOD, body(4, 1)[:-1] + bytes([101]), JOB, FILE_BYTES)


@pytest.mark.parametrize("wrong", [body(4, 1)[:-1], body(4, 1) + b"\x00", b""], ids=["short", "long", "empty"])
def test_a_body_of_another_length(wrong: bytes) -> None:
    with pytest.raises(DecoderFailed):
        read_answer(GOOD, wrong, JOB, FILE_BYTES)


@pytest.mark.parametrize(
    "error", [Undecodable("why"), Unsupported("why"), TooLarge("why")], ids=lambda error: error.cause
)
def test_refusals_there_and_back(error: JudgeError) -> None:
    with pytest.raises(type(error), match=r"\Awhy\Z"):
        read_answer(refusal(error), b"", JOB, FILE_BYTES)


@pytest.mark.parametrize("cause", ["decoder", "classifier", "deadline", "", "ready"])
def test_other_refusals_are_not_a_decoders_to_make(cause: str) -> None:
    with pytest.raises(DecoderFailed):
        read_answer({"status": cause, "message": "why"}, b"", JOB, FILE_BYTES)


@pytest.mark.parametrize(
    "header", [{"status": "too_large"}, {"status": "too_large", "message": "", "more": 1}], ids=["no-message", "more"]
)
def test_a_refusal_of_another_shape(header: dict[str, object]) -> None:
    with pytest.raises(DecoderFailed):
        read_answer(header, b"", JOB, FILE_BYTES)
    with pytest.raises(DecoderFailed):
        read_answer({"status": "too_large", "message": ""}, b"x", JOB, FILE_BYTES)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("x" * (MAX_MESSAGE + 1), "x" * MAX_MESSAGE),
        ("line\nline\x1b[31m\x00", r"line\nline\x1b[31m\x00"),
        ("\u202egnp.exe \ud800", r"\u202egnp.exe \ud800"),
        ("\U0001f600" * MAX_MESSAGE, (r"\U0001f600" * MAX_MESSAGE)[:MAX_MESSAGE]),
        ({"a": 1}, "{'a': 1}"),
    ],
    ids=["long", "control", "direction", "grows", "no-text"],
)
def test_a_decoders_words_are_few_and_printable(message: object, shown: str) -> None:
    with pytest.raises(Undecodable) as caught:
        read_answer({"status": "undecodable", "message": message}, b"", JOB, FILE_BYTES)
    assert str(caught.value) == shown
    assert printable(shown, MAX_MESSAGE).isascii()


JPEG_START = b"\xff\xd8\xff\xe0 and more"


def test_a_new_file() -> None:
    assert read_new_file(new_file(JPEG_START), JPEG_START, JOB, JPEG) == JPEG_START
    assert read_new_file(new_file(None), b"", JOB, JPEG) is None
    with pytest.raises(TooLarge, match="much"):
        read_new_file(refusal(TooLarge("much")), b"", JOB, JPEG)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        pytest.param(new_file(b"x"), b"", id="empty"),
        pytest.param(new_file(None), JPEG_START, id="none-and-some"),
        pytest.param(new_file(b"x"), b"GIF89a and more", id="another-format"),
        pytest.param(new_file(b"x"), JPEG_START + bytes(JOB.max_file_bytes), id="too-long"),
        pytest.param(refusal(TooLarge("much")), JPEG_START, id="refusal-and-some"),
        pytest.param(new_file(b"x") | {"more": 1}, JPEG_START, id="more"),
        pytest.param(GOOD, b"", id="views"),
        pytest.param({}, JPEG_START, id="nothing"),
    ],
)
def test_a_senseless_new_file_is_a_failure_of_the_decoder(header: dict[str, object], data: bytes) -> None:
    with pytest.raises(DecoderFailed):
        read_new_file(header, data, JOB, JPEG)
