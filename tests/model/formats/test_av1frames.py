"""Frames of AV1: one is shown of each sample, and the whole of it, whatever stands before that in their headers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats import av1frames
from model.formats.av1 import Sequence, Times
from model.formats.av1frames import Frame, check_av1, read_frame
from model.formats.bits import Bits
from model.formats.media import MP4, WEBM
from model.formats.mp4 import mp4
from model.formats.obu import unit
from model.formats.steps import limited
from model.formats.structure import inspect
from model.formats.webm import webm
from model.video import frames
from tests.model.heif_parts import picture_item
from tests.model.videos import SIZE, AnyLimits, encode, grouped, moving, one_sample
from tests.model.webms import BLOCK, CLUSTER, change, plain

ONE, OTHER = picture_item().pixels, picture_item(1).pixels
SEQUENCE = Sequence(False, (6, 6), (48, 40), (0, 0), Times(), 0, 0, 2, False, (2, 2))
KEY, INTER, INTRA, SWITCH = "0 00 1", "0 01 1", "0 10 1", "0 11 1"
WHOLE = "0"
PART = "1" + f"{23:016b}" + f"{19:016b}"
NO_NAMES = "000" * 7


def sequence(**what: Any) -> Sequence:
    return SEQUENCE._replace(**what)


def packed(bits: str) -> bytes:
    bits = bits.replace(" ", "")
    return int(bits + "1" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8)


@pytest.mark.parametrize(
    ("before", "known"),
    [
        ("0", sequence(reduced=True)),
        (KEY + "0" + "0", SEQUENCE),
        (KEY + "1" + "0", SEQUENCE),
        (KEY + "0" + "1 0" + "0", sequence(screen=2)),
        (KEY + "0" + "0" + "0", sequence(screen=2)),
        (KEY + "0" + "1" + "0", sequence(screen=1)),
        (KEY + "0" + "0", sequence(screen=1, integer=1)),
        (KEY + "0" + "0" * 15 + "0", sequence(id_bits=(15, 14))),
        (KEY + "0" + "0" + "1111111", sequence(order_bits=7)),
        (KEY + "0" * 10 + "0" + "0", sequence(times=Times(10))),
        (KEY + "0" + "0" + "0", sequence(times=Times(0, True, (8,)))),
        (KEY + "0" + "0" + "1" + "0" * 12, sequence(times=Times(0, True, (8, 4)))),
        ("0 00 0 1 0" + "0" + "0" + "0" * 8, SEQUENCE),
        ("0 00 0 1 1" + "0" + "0" + "1111111" + "0" * 8 + "1" * 56, sequence(order_bits=7)),
        ("0 00 0 1 1" + "0" + "0" + "1111111" + "1" * 8, sequence(order_bits=7)),
        (INTRA + "0" + "0" + "0" + "0" * 8, SEQUENCE),
        (INTRA + "1" + "0" + "0" + "1111111" + "0" * 8 + "1" * 56, sequence(order_bits=7)),
        (INTER + "0" + "0" + "0" + "111" + "0" * 8 + NO_NAMES, SEQUENCE),
        (INTER + "1" + "0" + "0" + "0" * 8 + NO_NAMES, SEQUENCE),
        (INTER + "0" + "0" + "0" + "1111111" + "111" + "0" * 8 + "1 101 010", sequence(order_bits=7)),
        (INTER + "0" + "0" + "0" + "1111111" + "111" + "0" * 8 + "0" + NO_NAMES, sequence(order_bits=7)),
        (INTER + "0" + "0" + "1" * 15 + "0" + "111" + "0" * 8 + "0" * 17 * 7, sequence(id_bits=(15, 14))),
        (INTER + "0" + "0" + "1" + "111" + "0" * 8 + NO_NAMES + "0" * 7 + f"{47:06b}{39:06b}", SEQUENCE),
        (SWITCH + "0" + NO_NAMES + f"{47:06b}{39:06b}", SEQUENCE),
        (KEY + "0" + "1" + f"{47:06b}{39:06b}", sequence(size=(64, 64))),
        (KEY + "0" + "0" + "0", sequence(superres=True)),
        (KEY + "0" + "0" + "1 101", sequence(superres=True)),
    ],
    ids=[
        *("reduced", "key", "no-update", "screen-content", "no-screen-content", "always", "always-integer", "a-name"),
        *("an-order", "a-time", "no-removal", "removals", "hidden-key", "hidden-resilient-key", "hidden-key-for-all"),
        *("intra-only", "resilient-intra-only", "inter", "resilient-inter", "short-references", "long-references"),
        *("named-references", "a-size-of-its-own", "switch", "a-smaller-key", "no-superres", "superres"),
    ],
)
def test_how_much_of_a_frame_is_shown(before: str, known: Sequence) -> None:
    shown = known.reduced or before.replace(" ", "")[3] == "1"
    assert read_frame(packed(before + WHOLE), known) == Frame(shown, (48, 40), (48, 40))
    assert read_frame(packed(before + PART), known) == Frame(shown, (48, 40), (24, 20))


def test_a_frame_as_large_as_another() -> None:
    before = INTER + "0" + "0" + "1" + "111" + "0" * 8 + NO_NAMES
    for found in ("1", "01", "0000001"):
        assert read_frame(packed(before + found), SEQUENCE) == Frame(True)


def test_a_frame_that_was_decoded_before() -> None:
    assert read_frame(packed("1 010"), SEQUENCE) == Frame(True)


def test_a_header_that_breaks_off() -> None:
    for bits in (KEY + "0", INTER + "0" + "0" + "0" + "111", KEY + "0 0" + PART[:-8]):
        with pytest.raises(Undecodable, match="breaks off"):
            read_frame(packed(bits)[: len(bits.replace(" ", "")) // 8], SEQUENCE)


# In files that encoders wrote


def rendered(data: bytes, start: int, end: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The units of one sample, the first frame of which wants to be shown in another size."""
    places: list[int] = []

    class Watched(Bits):
        def flag(self) -> bool:
            places.append(self._left)
            return super().flag()

    monkeypatch.setattr(av1frames, "Bits", Watched)
    check_av1(data, [(start, end)])
    at = start
    while (found := unit(data, at, end)).kind not in (3, 6):
        at = found.end
    before, content = at, data[found.start : found.end]
    head = content[: av1frames.MAX_HEADER_BYTES]
    monkeypatch.undo()
    value = f"{int.from_bytes(content):0{8 * len(content)}b}"
    flag = 8 * len(head) - places[-1]
    assert value[flag] == "0"
    value = value[:flag] + "1" + "".join(f"{side - 1:016b}" for side in size) + value[flag + 1 :]
    new = int(value, 2).to_bytes(len(value) // 8)
    sized = bytes([data[before] & ~4 | 2]) + bytes(
        [len(new) & 0x7F | 0x80, len(new) >> 7 & 0x7F | 0x80, len(new) >> 14]
    )
    return data[start:before] + sized + new + data[found.end : end]


@pytest.mark.parametrize(
    "shown", [(64, 48), (640, 48), (64, 4), (32, 24), (63, 48)], ids=["whole", "wide", "low", "a-part", "a-block"]
)
def test_a_frame_that_is_shown_in_another_size(shown: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(moving(1), "libsvtav1", "mp4")
    changed = one_sample(data, lambda sample: rendered(sample, 0, len(sample), shown, monkeypatch))
    if shown[0] in (63, 64) and shown[1] == 48:
        (honest,) = frames(data, MP4, inspect(data, MP4), AnyLimits())
        expected = np.asarray(honest.pictures()[0])
        (frame,) = frames(changed, MP4, inspect(changed, MP4), AnyLimits())
        assert np.array_equal(np.asarray(frame.pictures()[0]), expected)
    else:
        with pytest.raises(Unsupported, match=r"stretched|part"):
            mp4(changed)


def test_ffmpeg_makes_another_shape_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the frame's header is read right, and another way to the same refusal is there."""
    data = encode(moving(1), "libsvtav1", "mp4")
    changed = one_sample(data, lambda sample: rendered(sample, 0, len(sample), (640, 48), monkeypatch))
    monkeypatch.setattr(av1frames, "check_shown_size", lambda *_: None)
    with pytest.raises(Unsupported, match="stretched"):
        list(frames(changed, MP4, mp4(changed), AnyLimits()))


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("size", [SIZE, (322, 242)])
def test_what_encoders_write(count: int, size: tuple[int, int]) -> None:
    assert mp4(encode(moving(count, size), "libsvtav1", "mp4")).frames == count


def test_two_frames_of_one_sample() -> None:
    check_av1(ONE + OTHER, [(0, len(ONE)), (len(ONE), len(ONE) + len(OTHER))])
    for groups in ([2, 1, 1, 1], [1, 1, 1, 2], [1, 4]):
        with pytest.raises(Unsupported, match=r"shows \d frames and not one"):
            mp4(grouped("libsvtav1", groups))
    assert mp4(grouped("libsvtav1", [1, 1, 1, 1, 1])).frames == 5
    with pytest.raises(Unsupported, match="2 frames"):
        check_av1(ONE + OTHER, [(0, len(ONE + OTHER))])


def test_two_frames_of_one_block() -> None:
    data = plain("libsvtav1")
    assert webm(data).codec == "av1"
    first = change(data, (CLUSTER, BLOCK), lambda block: block + block[4:])
    with pytest.raises(Unsupported, match="2 frames"):
        inspect(first, WEBM)


def test_samples_that_show_nothing() -> None:
    delimiter = b"\x12\x00"
    with pytest.raises(Unsupported, match="0 frames"):
        check_av1(delimiter, [(0, 2)])
    with pytest.raises(Unsupported, match="0 frames"):
        check_av1(ONE + delimiter, [(0, len(ONE)), (len(ONE), len(ONE) + 2)])


def test_headers_that_are_repeated_or_missing() -> None:
    with pytest.raises(Unsupported, match="twice"):
        check_av1(ONE + b"\x3a\x01\x00", [(0, len(ONE) + 3)])
    frame = ONE[unit(ONE, 0, len(ONE)).end :]
    while (head := unit(frame, 0, len(frame))).kind not in (3, 6):
        frame = frame[head.end :]
    with pytest.raises(Undecodable, match="without a sequence header"):
        check_av1(frame, [(0, len(frame))])
    header = ONE[: len(ONE) - len(frame)]
    check_av1(frame, [(0, len(frame))], bytes(4) + header)


def test_sequence_headers_that_differ_count_as_many_steps() -> None:
    """Each may have 32 operating points."""
    at = 0
    while (found := unit(ONE, at, len(ONE))).kind != 1:
        at = found.end
    header = ONE[at : found.end]
    same = header * 900 + ONE
    with limited(2000):
        check_av1(same, [(0, len(same))])
    other = header[:-1] + bytes([header[-1] ^ 1])
    changing = (header + other) * 450 + ONE
    with limited(), pytest.raises(TooLarge):
        check_av1(changing * 20, [(at * len(changing), (at + 1) * len(changing)) for at in range(20)])


def test_pictures_of_h264_and_h265_in_one_sample() -> None:
    """The walk lets them be: FFmpeg, as strict as it is told to be, decodes no second picture of a packet."""
    for codec in ("libx264", "libx265"):
        for groups in ([2, 1, 1], [1, 1, 2], [2, 2]):
            data = grouped(codec, groups)
            with pytest.raises(JudgeError):
                list(frames(data, MP4, inspect(data, MP4), AnyLimits()))
        data = grouped(codec, [1, 1, 1])
        assert len(list(frames(data, MP4, inspect(data, MP4), AnyLimits()))) == 3
