"""Elements of every length, and numbers in them."""

from __future__ import annotations

import struct

import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats import ebml as module
from model.formats.ebml import (
    CRC32,
    VOID,
    Element,
    content,
    element,
    elements,
    inside,
    level,
    real,
    text,
    unsigned,
    vint,
)
from tests.model.webms import UNKNOWN, ebml


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x81", (1, 1)),
        (b"\xff", (127, 1)),
        (b"\x40\x02", (2, 2)),
        (b"\x10\x00\x00\x03", (3, 4)),
        (b"\x01" + bytes(6) + b"\x04", (4, 8)),
        (b"\x01" + b"\xff" * 7, (2**56 - 1, 8)),
        (b"", None),
        (b"\x00" + bytes(8), None),
        (b"\x40", None),
        (b"\x01" + bytes(6), None),
    ],
)
def test_integers_of_variable_length(data: bytes, found: tuple[int, int] | None) -> None:
    assert vint(data, 0, len(data)) == found
    shifted = found and (found[0], found[1] + 3)
    assert vint(b"abc" + data + b"more", 3, 3 + len(data)) == shifted


def test_heads() -> None:
    for identity in (0xA3, 0x4282, 0x2AD7B1, 0x1A45DFA3):
        for size in (b"\x83", b"\x40\x03", b"\x20\x00\x03", b"\x01" + bytes(6) + b"\x03"):
            data = b"x" + ebml(identity, b"abc", size)
            found = element(data, 1, len(data))
            assert found == Element(identity, 1, len(data) - 3, len(data))
            assert data[slice(*inside(found))] == b"abc"


@pytest.mark.parametrize("size", [b"\xff", b"\x7f\xff", UNKNOWN])
def test_an_unknown_length(size: bytes) -> None:
    data = ebml(0xA3, b"abc", size)
    assert element(data, 0, len(data)).end is None
    with pytest.raises(Undecodable):
        inside(element(data, 0, len(data)))
    with pytest.raises(Undecodable):
        list(elements(data, 0, len(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x0f\x81x",
        b"\xa3",
        b"\xa3\x00",
        b"\x42",
        b"\x42\x82",
        b"\xa3\x82x",
        b"\xa3\x40",
        b"\x1a\x45\xdf",
    ],
)
def test_what_breaks_off(data: bytes) -> None:
    with pytest.raises(Undecodable):
        element(data, 0, len(data))
    with pytest.raises(Undecodable):
        list(elements(b"\xa3\x80" + (data or b"\x00"), 0, 2 + len(data or b"\x00")))


def test_an_element_does_not_reach_beyond_its_level() -> None:
    data = ebml(0xA3, b"abc") + b"more"
    assert element(data, 0, len(data) - 4).end == len(data) - 4
    with pytest.raises(Undecodable):
        element(data, 0, len(data) - 5)


def test_a_level() -> None:
    data = ebml(VOID, b"") + ebml(0xA3, b"1") + ebml(CRC32, b"1234") + ebml(0xAE, b"") + ebml(0xAE, b"2")
    place = (0, len(data))
    found = level(data, place, "a test", (0xA3, 0xA4), (0xAE,))
    assert {kind: len(each) for kind, each in found.items()} == {0xA3: 1, 0xAE: 2}
    assert (content(data, found, 0xA3), content(data, found, 0xA4, b"none")) == (b"1", b"none")
    with pytest.raises(Unsupported, match="AE in a test"):
        level(data, place, "a test", (0xA3,))
    with pytest.raises(Undecodable, match="two elements AE"):
        level(data, place, "a test", (0xA3, 0xAE))


def test_values() -> None:
    data = b"".join(
        [
            ebml(0x81, b"\x01\x02"),
            ebml(0x82, b""),
            ebml(0x83, bytes(9)),
            ebml(0x84, struct.pack(">f", 1.5)),
            ebml(0x85, struct.pack(">d", -2.5)),
            ebml(0x86, b"name\x00\x00"),
        ]
    )
    found = level(data, (0, len(data)), "a test", range(0x81, 0x87))
    assert [unsigned(data, found, kind, 7) for kind in (0x81, 0x82, 0x87)] == [258, 0, 7]
    assert [real(data, found, kind, 3.5) for kind in (0x82, 0x84, 0x85, 0x87)] == [0.0, 1.5, -2.5, 3.5]
    assert [text(data, found, kind) for kind in (0x86, 0x87)] == [b"name", b""]
    for read in (lambda: unsigned(data, found, 0x83, 0), lambda: real(data, found, 0x81, 0)):
        with pytest.raises(Undecodable):
            read()


def test_elements_at_the_limit_and_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ELEMENTS", 5)
    assert len(list(elements(b"\xa3\x80" * 5, 0, 10))) == 5
    with pytest.raises(TooLarge):
        list(elements(b"\xa3\x80" * 6, 0, 12))
