"""Compressed metadata of a PNG: ordinary ones pass, gigabytes do not."""

from __future__ import annotations

import zlib

import pytest

from model.errors import TooLarge, Undecodable
from model.formats.packed import MAX_PACKED_BYTES, Metadata
from tests.model.bombs import MIB, zeros

HEADS = {b"iCCP": b"name\x00\x00", b"zTXt": b"word\x00\x00", b"iTXt": b"word\x00\x01\x00de\x00Wort\x00"}


@pytest.mark.parametrize("kind", HEADS)
def test_what_is_unpacked_is_counted(kind: bytes) -> None:
    whole = Metadata()
    whole.add(kind, HEADS[kind] + zlib.compress(bytes(MAX_PACKED_BYTES)))
    with pytest.raises(TooLarge, match="unpacked"):
        whole.add(kind, HEADS[kind] + zlib.compress(b"a"))


def test_a_gigabyte() -> None:
    with pytest.raises(TooLarge):
        Metadata().add(b"zTXt", HEADS[b"zTXt"] + zeros(1024))


def test_the_zeros_are_as_long_as_they_say() -> None:
    assert zlib.decompress(zeros(3)) == bytes(3 * MIB)
    assert zlib.decompress(zeros(2, 99)) == bytes(2 * MIB + 99)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"tEXt", b"word\x00" + zeros(40)),
        (b"iTXt", b"word\x00\x00\x00\x00\x00" + zeros(40)),
        (b"zTXt", b"word\x00\x00" + zeros(15)[:-9] + b"broken" * 99),
        (b"zTXt", b""),
        (b"iTXt", b"word"),
    ],
)
def test_what_is_not_compressed_or_broken_does_not_matter(kind: bytes, content: bytes) -> None:
    whole = Metadata()
    for _ in range(3 if len(content) < 9 else 1):
        whole.add(kind, content)
    whole.add(b"zTXt", HEADS[b"zTXt"] + zeros(1))


def test_a_profile_is_unpacked_to_its_end() -> None:
    packed = zlib.compress(bytes(range(256)) * 100)
    Metadata().add(b"iCCP", HEADS[b"iCCP"] + packed)
    Metadata().add(b"iCCP", HEADS[b"iCCP"] + packed + b"more")
    wrong = [packed[:-1], packed[:-4], packed[:-1] + bytes([packed[-1] ^ 1]), packed[:99], packed[2:], b"", b"nonsense"]
    for each in wrong:
        with pytest.raises(Undecodable, match="profile"):
            Metadata().add(b"iCCP", HEADS[b"iCCP"] + each)
        Metadata().add(b"zTXt", HEADS[b"zTXt"] + each)
