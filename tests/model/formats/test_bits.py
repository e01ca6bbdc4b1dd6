"""Bits out of bytes."""

from __future__ import annotations

import pytest

from model.errors import Undecodable
from model.formats.bits import Bits


def test_the_highest_bit_of_each_byte_comes_first_and_numbers_cross_bytes() -> None:
    bits = Bits(b"\xb1\x0f")  # 1011 0001 0000 1111
    assert [bits.take(count) for count in (1, 2, 7, 0, 6)] == [1, 0b01, 0b1000100, 0, 0b001111]


def test_flags() -> None:
    bits = Bits(b"\xa5")
    assert [bits.flag() for _ in range(8)] == [True, False, True, False, False, True, False, True]


@pytest.mark.parametrize(("data", "first", "then"), [(b"", 0, 1), (b"\xff", 8, 1), (b"\xff\xff", 9, 8)])
def test_beyond_the_end_it_breaks_off(data: bytes, first: int, then: int) -> None:
    bits = Bits(data)
    assert bits.take(first) == 2**first - 1
    with pytest.raises(Undecodable, match="breaks off"):
        bits.take(then)
