"""Frames of VP9 are shown as large as they are, in superframes too, whatever stands before that in their headers."""

from __future__ import annotations

import pytest

from model.errors import Undecodable, Unsupported
from model.formats.media import WEBM
from model.formats.structure import inspect
from model.formats.vp9 import check_vp9, render_size
from model.formats.webm import webm
from model.video import frames
from tests.model.videos import SIZE, AnyLimits, encode, moving
from tests.model.webms import BLOCK, CLUSTER, change, plain

SYNC = f"{0x498342:024b}"
SIDES = f"{63:016b}{47:016b}"
PART = "1" + f"{31:016b}{23:016b}"
KEY = "10 00 0 0 1 0" + SYNC
INTER = "10 00 0 1 1 0" + "00" + "0" * 20


def packed(bits: str) -> bytes:
    bits = bits.replace(" ", "")
    return int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8)


@pytest.mark.parametrize(
    "before",
    [
        KEY + "001 0" + SIDES,
        "10 10 0 0 1 0" + SYNC + "001 0 110" + SIDES,
        "10 10 0 0 1 0" + SYNC + "111 0" + SIDES,
        "10 01 0 0 1 0" + SYNC + "1 001 0" + SIDES,
        "10 11 0 0 0 1 0" + SYNC + "1 001 0 110" + SIDES,
        INTER + "1",
        INTER + "001",
        INTER + "000" + SIDES,
        "10 00 0 1 1 1" + "0" * 20 + "1",
        "10 00 0 1 0 0" + "0" + "00" + "0" * 20 + "1",
        "10 00 0 1 0 0" + "1" + "00" + SYNC + "0" * 8 + SIDES,
        "10 00 0 1 0 1" + "1" + SYNC + "0" * 8 + SIDES,
        "10 01 0 1 0 0" + "1" + "00" + SYNC + "0 001 0" + "0" * 8 + SIDES,
    ],
    ids=[
        *("key", "key-of-profile-1", "key-of-rgb", "key-of-profile-2", "key-of-profile-3", "like-the-first"),
        *("like-the-third", "a-size-of-its-own", "resilient", "hidden", "intra-only", "resilient-intra-only"),
        "intra-only-of-profile-2",
    ],
)
def test_in_which_size_a_frame_wants_to_be_shown(before: str) -> None:
    assert render_size(packed(before + "0" + "1" * 40)) is None
    assert render_size(packed(before + PART)) == (32, 24)
    with pytest.raises(Undecodable, match="breaks off"):
        render_size(packed(before + PART)[:-2])


def test_other_frames() -> None:
    assert render_size(packed("10 00 1 010")) is None
    for bits in ("00000000", "11000000"):
        with pytest.raises(Undecodable, match="begin"):
            render_size(packed(bits))


def superframe(*parts: bytes, width: int = 2) -> bytes:
    marker = bytes([0xC0 | (width - 1) << 3 | (len(parts) - 1)])
    return b"".join(parts) + marker + b"".join(len(part).to_bytes(width, "little") for part in parts) + marker


def test_frames_in_superframes() -> None:
    whole, part = (packed(KEY + "001 0" + SIDES + end) for end in ("0", PART))
    for good in ((whole,), (whole, whole), (whole,) * 8):
        for width in (1, 2, 3, 4):
            data = superframe(*good, width=width)
            check_vp9(data, [(0, len(data))], SIZE)
    for bad in ((part,), (whole, part), (part, whole)):
        data = b"before" + superframe(*bad)
        with pytest.raises(Unsupported, match="part"):
            check_vp9(data, [(6, len(data))], SIZE)
    check_vp9(superframe(whole, b""), [(0, len(whole) + 6)], SIZE)
    broken = superframe(whole).replace(len(whole).to_bytes(2, "little"), b"\x40\x00")
    with pytest.raises(Undecodable, match="fill"):
        check_vp9(broken, [(0, len(broken))], SIZE)
    with pytest.raises(Undecodable):
        check_vp9(b"", [(0, 0)], SIZE)


@pytest.mark.parametrize("size", [SIZE, (322, 242)])
def test_what_encoders_write(size: tuple[int, int]) -> None:
    for encoder in ({}, {"auto-alt-ref": "1", "lag-in-frames": "16"}, {"error-resilient": "default"}):
        assert webm(encode(moving(40, size), "libvpx-vp9", "webm", encoder=encoder)).frames == 40


def shown_as(size: tuple[int, int]) -> bytes:
    """Its first frame wants to be shown in another size: the bit behind its own, and 32 more."""

    def change_block(block: bytes) -> bytes:
        frame = block[4:]
        bits = f"{int.from_bytes(frame):0{8 * len(frame)}b}"
        at = bits.index(SIDES) + len(SIDES)
        assert (bits[: at - len(SIDES)], bits[at]) == ((KEY + "000 0").replace(" ", "")[: at - len(SIDES)], "0")
        bits = bits[:at] + "1" + "".join(f"{side - 1:016b}" for side in size) + bits[at + 1 :]
        return block[:4] + int(bits, 2).to_bytes(len(bits) // 8)

    return change(plain("libvpx-vp9"), (CLUSTER, BLOCK), change_block)


def test_a_frame_that_is_shown_in_another_size() -> None:
    for size in (SIZE, (63, 47)):
        data = shown_as(size)
        assert len(list(frames(data, WEBM, inspect(data, WEBM), AnyLimits()))) == 12
    for size in ((640, 48), (64, 4), (32, 24), (64, 24)):
        with pytest.raises(Unsupported, match=r"stretched|part"):
            inspect(shown_as(size), WEBM)
