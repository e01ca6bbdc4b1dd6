"""AV1 sequence headers: the colours that they name are found, in whatever the header says before."""

from __future__ import annotations

import pytest

from model.errors import Undecodable, Unsupported
from model.formats.av1 import MAX_OBUS, Times, read_sequence, sequence_colours
from tests.model.heif_parts import picture_item
from tests.model.samples import STILLS, picture

SIZE = "0101" + "0101" + "110000" + "101000"
DESCRIBED = "1" + f"{9:08b}" + f"{16:08b}"
DELIMITER = b"\x12\x00"


def unit(bits: str, head: int = 0x0A) -> bytes:
    bits = bits.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    content = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return bytes([head]) + bytes([len(content)] if head & 2 else []) + content


ONE_POINT = "000 1 0" + "0 0 00000" + "0" * 12 + "00101" + SIZE + "0" + "000"
TWO_POINTS = "000 0 0" + "0 1 00001" + "0" * 12 + "01000 1 1 0011" + "0" * 12 + "00101 0" + SIZE + "1 0000000" + "000"
REDUCED = "000 1 1 00101" + SIZE + "000" + "000"


@pytest.mark.parametrize(
    ("bits", "colours"),
    [
        (REDUCED + "0 0" + DESCRIBED, (9, 16)),
        (REDUCED + "0 0 0", (2, 2)),
        (REDUCED.replace("000", "001", 1) + "0" + DESCRIBED, (9, 16)),
        (REDUCED.replace("000", "010", 1) + "1 1 0" + DESCRIBED, (9, 16)),
        (ONE_POINT + "0000 0 1 1" + "000" + "0 0" + DESCRIBED, (9, 16)),
        (ONE_POINT + "0000 1 00 0 0 111" + "000" + "0 0" + DESCRIBED, (9, 16)),
        (TWO_POINTS + "0000 1 00 0 1 0 1 111" + "000" + "0 0" + DESCRIBED, (9, 16)),
    ],
    ids=["reduced", "not-described", "444", "twelve-bits", "a-still", "no-screen-content", "two-points-and-all-tools"],
)
def test_colours_of_a_header(bits: str, colours: tuple[int, int]) -> None:
    data = DELIMITER + unit(bits) + b"pixels"
    assert sequence_colours(data, 0, len(data)) == colours
    wide = b"before" + DELIMITER + unit(bits, head=0x0E).replace(b"\x0e", b"\x0e\x00", 1)
    assert sequence_colours(wide, 6, len(wide)) == colours
    unbounded = unit(bits, head=0x08)
    assert sequence_colours(unbounded, 0, len(unbounded)) == colours


def test_what_libavif_writes() -> None:
    for item in (picture_item(), picture_item(mode="L"), picture_item(size=(300, 1))):
        assert sequence_colours(item.pixels, 0, len(item.pixels)) in ((1, 13), (2, 2))
    assert picture().mode == "RGB"
    assert b"\x0a" in STILLS["avif"]()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DELIMITER,
        DELIMITER * MAX_OBUS + unit(REDUCED + "0 0 0"),
        unit(REDUCED[:20]),
        unit(REDUCED + "0 0" + DESCRIBED)[:-2],
        b"\x0a" + b"\x80" * 8 + b"\x00",
        b"\x0a",
    ],
    ids=["empty", "no-header", "too-late", "short", "cut", "endless-size", "no-size"],
)
def test_no_header(data: bytes) -> None:
    with pytest.raises(Undecodable):
        sequence_colours(data, 0, len(data))


TIMED = "000 0 0" + "1" + "0" * 64
POINT = "0" * 12 + "00101"
EQUAL = "1" + "00101"
"""equal_picture_interval, and uvlc of 4."""
MODEL = "1" + "00011" + "0" * 32 + "00111" + "01001"


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ("0" + "0" + "0 00000" + POINT, Times()),
        (EQUAL + "0" + "0 00000" + POINT, Times()),
        ("1" + "0" * 32 + "1" + "0" + "0 00000" + POINT, Times()),
        ("0" + MODEL + "0 00000" + POINT + "1" + "0" * 9, Times(10, True, (8,))),
        (EQUAL + MODEL + "0 00000" + POINT + "0", Times(0, True, ())),
        ("0" + MODEL + "1 00001" + POINT + "1" + "0" * 9 + "1 0011" + POINT + "0" + "0", Times(10, True, (8,))),
    ],
    ids=["timed", "equal", "equal-for-ever", "a-model", "equal-with-a-model", "two-points"],
)
def test_times_of_frames(times: str, found: Times) -> None:
    sequence = read_sequence(unit(TIMED + times + SIZE + "0" + "000" + "0000 0 1 1" + "000" + "0 0" + DESCRIBED)[2:])
    assert (sequence.times, sequence.size, sequence.colours) == (found, (49, 41), (9, 16))


def test_times_of_layers_are_refused() -> None:
    layered = "0" + MODEL + "0 00000" + "000100000001" + "00101" + "1" + "0" * 9
    with pytest.raises(Unsupported, match="layers"):
        read_sequence(unit(TIMED + layered + "0" * 80)[2:])


def test_as_many_units_as_are_looked_through() -> None:
    data = DELIMITER * (MAX_OBUS - 1) + unit(REDUCED + "0 0 0")
    assert sequence_colours(data, 0, len(data)) == (2, 2)
