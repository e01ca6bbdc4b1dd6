"""What a walk over a file says, and what it cuts out."""

from __future__ import annotations

from model.formats.container import Container, Kept


def test_kept_parts_are_joined_in_order_and_neighbours_are_one() -> None:
    data = bytes(range(20))
    kept = Kept(4)
    kept.add(4, 6)
    kept.add(10, 12)
    kept.add(12, 14)
    assert kept.of(data) == data[:6] + data[10:14]


def test_all_of_a_file_is_that_file_and_no_copy() -> None:
    data = bytes(range(20))
    kept = Kept(8)
    kept.add(8, 20)
    assert kept.of(data) is data


def test_the_end_of_pictures_that_follow_each_other() -> None:
    several = Container(90, (b"",), None, starts=(0, 40, 70), ends=(30, 60, 90))
    assert [several.end_of(count) for count in (1, 2, 3)] == [30, 60, 90]
    assert Container(25, (b"",), 1).end_of(1) == 25
