"""Profiles that viewers read in different ways are read in all of them."""

from __future__ import annotations

import io
import struct
import time

import pytest
from PIL import ImageCms

from model.errors import Unsupported
from model.icc import MAX_TAGS, colour_space, has_tables, is_whole, ways_to_read
from tests.model.profiles import having, negative, put_together, srgb, taken_apart


def test_a_whole_profile() -> None:
    profile = srgb()
    assert is_whole(profile)
    assert is_whole(profile + b"padding")
    assert colour_space(profile) == b"RGB "
    assert put_together(profile, list(taken_apart(profile).items()))[128:132] == profile[128:132]


@pytest.mark.parametrize(
    "profile",
    [
        b"",
        b"not a profile",
        srgb()[:-1],
        srgb()[:131],
        srgb().replace(b"acsp", b"ACSP"),
        srgb()[:128] + b"\x00\x00\x10\x00" + srgb()[132:],
        b"\x00\x00\x00\x83" + srgb()[4:128] + bytes(4),
    ],
    ids=["empty", "nonsense", "cut", "cut-head", "signature", "too-many-tags", "too-small"],
)
def test_a_profile_that_is_not_whole(profile: bytes) -> None:
    assert not is_whole(profile)


def names(profile: bytes) -> set[bytes]:
    return set(taken_apart(profile))


def test_tables_and_curves_are_two_ways() -> None:
    plain = names(srgb())
    assert ways_to_read(srgb()) == [srgb()]
    assert not has_tables(srgb())

    both = having((b"A2B0", negative()), (b"A2B1", negative()))
    assert has_tables(both)
    tables, curves = ways_to_read(both)
    assert names(tables) == plain | {b"A2B0", b"a2b1"}
    assert names(curves) == plain | {b"a2b0", b"a2b1"}

    only = put_together(srgb(), [(name, tag) for name, tag in taken_apart(both).items() if not name.endswith(b"TRC")])
    (way,) = ways_to_read(only)
    assert names(way) == names(tables) - {b"rTRC", b"gTRC", b"bTRC"}


def test_tables_of_each_intent_are_a_way() -> None:
    """And are found by lcms under the name of the first."""
    contents = {b"A2B%d" % intent: negative(light) for intent, light in enumerate((1.0, 0.5, 0.25))}
    *ways, curves = ways_to_read(having(*reversed(contents.items())))
    assert [taken_apart(way)[b"A2B0"] for way in ways] == list(contents.values())
    assert not {name for name in names(curves) if name.startswith(b"A2B")}
    for name in contents:
        way, curves = ways_to_read(having((name, negative()), (b"A2B3", negative())))
        assert names(way) == names(srgb()) | {b"A2B0", b"a2b3"}
        assert names(curves) == names(srgb()) | {name.lower(), b"a2b3"}


def filled(count: int, name: bytes) -> bytes:
    """With so many tags in all, of which those that are new have the same content."""
    tags = taken_apart(srgb())
    place = 132 + 12 * count
    table = b"".join(each + struct.pack(">II", place, 20) for each in tags)
    table += (name + struct.pack(">II", place, 20)) * (count - len(tags))
    return struct.pack(">I", place + 20) + srgb()[4:128] + struct.pack(">I", count) + table + bytes(20)


def test_tags_at_the_limit_and_beyond() -> None:
    assert len(ways_to_read(filled(MAX_TAGS, b"D2B0"))) == 1
    with pytest.raises(Unsupported, match="101 tags"):
        ways_to_read(filled(MAX_TAGS + 1, b"desc"))
    before = time.process_time()
    with pytest.raises(Unsupported, match="200000 tags"):
        ways_to_read(filled(200_000, b"D2B0"))
    assert time.process_time() - before < 0.1


def test_tables_for_floating_point_are_taken_by_nobody() -> None:
    (way,) = ways_to_read(having((b"D2B0", negative())))
    assert names(way) == names(srgb()) | {b"d2b0"}
    assert not has_tables(way)
    ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(way)), ImageCms.createProfile("sRGB"), "RGB", "RGB")


def test_colours_by_number_in_a_profile() -> None:
    assert len(ways_to_read(having((b"cicp", b"cicp" + bytes(4) + b"\x0c\x0d\x00\x01")))) == 1
    for code_points in (b"\x09\x10\x00\x01", b"\x09\x12\x00\x01", b"\x01\x08\x00\x01"):
        with pytest.raises(Unsupported):
            ways_to_read(having((b"cicp", b"cicp" + bytes(4) + code_points)))
