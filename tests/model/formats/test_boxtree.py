"""One level of boxes at a time, and numbers that lie inside of their box."""

from __future__ import annotations

import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.boxtree import MAX_ENTRIES, Numbers, level, numbers, only, table
from model.formats.steps import limited
from tests.model.videos import box

DATA = box(b"once", b"1234") + box(b"many") + box(b"many", b"x")
WHOLE = (0, len(DATA))


def test_a_level() -> None:
    found = level(DATA, WHOLE, "a test", (b"once", b"not there"), (b"many",))
    assert found == {b"once": [(8, 12)], b"many": [(20, 20), (28, 29)]}
    assert only(found, b"once") == (8, 12)
    assert level(DATA, WHOLE, "a test", (b"once",), None) == found
    for kind in (b"many", b"nothing"):
        with pytest.raises(Undecodable):
            only(found, kind)


def test_what_may_not_be_there() -> None:
    with pytest.raises(Unsupported, match="b'many' in a test"):
        level(DATA, WHOLE, "a test", (b"once",))
    with pytest.raises(Undecodable, match="two boxes b'many'"):
        level(DATA, WHOLE, "a test", (b"once", b"many"))


def test_four_zeros_at_the_end_of_a_list() -> None:
    data = DATA + bytes(4)
    assert level(data, (0, len(data)), "a test", (), None, zeros=True) == level(DATA, WHOLE, "a test", (), None)
    for more, zeros in ((bytes(4), False), (bytes(3), True), (b"\x00\x00\x00\x01", True)):
        with pytest.raises(Undecodable):
            level(DATA + more, (0, len(DATA + more)), "a test", (), None, zeros=zeros)


def test_only_the_last_box_of_a_file_may_be_as_long_as_the_rest() -> None:
    endless = b"\x00\x00\x00\x00last" + b"content"
    assert level(DATA + endless, (0, len(DATA + endless)), "a test", (b"last",), None)[b"last"] == [(37, 44)]
    with pytest.raises(Undecodable):
        level(DATA + endless + DATA, (0, len(DATA + endless)), "a test", (b"last",), None)


def test_numbers() -> None:
    assert numbers(DATA, (8, 12), ">HH") == (0x3132, 0x3334)
    assert numbers(DATA, (8, 12), ">H", 2) == (0x3334,)
    with pytest.raises(Undecodable):
        numbers(DATA, (8, 12), ">H", 3)


def test_numbers_one_after_the_other() -> None:
    found = Numbers(DATA, 8, 12)
    assert [found.take(size) for size in (1, 0, 3)] == [0x31, 0, 0x323334]
    assert found.at == 12
    assert found.take(0) == 0
    with pytest.raises(Undecodable):
        found.take(1)


def test_each_number_is_a_step() -> None:
    with limited(3):
        numbers(DATA, (8, 12), ">HH")
        found = Numbers(DATA, 8, 12)
        found.take(1)
        found.take(3)
        with pytest.raises(TooLarge):
            numbers(DATA, (8, 12), ">B")


def test_a_table() -> None:
    data = bytes(4) + (2).to_bytes(4) + bytes([0, 1, 0, 2])
    assert table(data, (0, 12), ">H") == [(1,), (2,)]
    for end in (11, 7):
        with pytest.raises(Undecodable):
            table(data, (0, end), ">H")
    with pytest.raises(Undecodable):
        table(data + b"x", (0, 13), ">H")


def test_rows_at_the_limit_and_beyond() -> None:
    def rows(count: int) -> bytes:
        return bytes(4) + count.to_bytes(4) + bytes(count)

    assert len(table(rows(MAX_ENTRIES), (0, 8 + MAX_ENTRIES), ">B")) == MAX_ENTRIES
    with pytest.raises(TooLarge):
        table(rows(MAX_ENTRIES + 1), (0, 9 + MAX_ENTRIES), ">B")
