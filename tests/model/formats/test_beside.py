"""What may stand beside the pictures of an MP4, by what is in a track and not by what it calls itself, in this file."""

from __future__ import annotations

import pytest

from model.errors import Undecodable, Unsupported
from model.formats.beside import BESIDE, check_beside, count_references
from model.formats.boxtree import Level, level
from tests.model.videos import box

HERE = box(b"url ", b"\x00\x00\x00\x01")
"""A data reference to the file itself."""


def references(*entries: bytes) -> bytes:
    return box(b"dinf", box(b"dref", bytes(4) + len(entries).to_bytes(4) + b"".join(entries)))


def descriptions(*entries: bytes, more: bytes = b"") -> bytes:
    return box(b"stbl", box(b"stsd", bytes(4) + len(entries).to_bytes(4) + b"".join(entries)) + more)


def check(handler: bytes, *content: bytes) -> None:
    data = box(b"minf", b"".join(content))
    check_beside(data, level(data, (0, len(data)), "a test", (b"minf",)), handler)


def information(*content: bytes) -> tuple[bytes, Level]:
    data = b"".join(content)
    return data, level(data, (0, len(data)), "a test", (), None)


@pytest.mark.parametrize(
    ("handler", "entry"),
    [
        *((b"soun", entry) for entry in (b"mp4a", b"Opus", b"fLaC", b"alac", b".mp3", b"sowt")),
        *((b"meta", entry) for entry in (b"mebx", b"mett", b"urim", b"gpmd", b"camm")),
        (b"tmcd", b"tmcd"),
    ],
)
def test_what_is_written_beside_the_pictures(handler: bytes, entry: bytes) -> None:
    check(handler, box(b"smhd"), references(HERE), descriptions(box(entry, bytes(28))))
    check(handler, references(HERE), descriptions(box(entry), box(entry), more=box(b"stts") + box(b"stts")))
    check(handler, references(HERE), descriptions(box(entry)[:-4] + entry + bytes(4)))  # with four zeros behind it


@pytest.mark.parametrize("handler", BESIDE)
@pytest.mark.parametrize("entry", [b"avc1", b"hvc1", b"av01", b"jpeg", b"png ", b"tx3g", b"mp4v", b"soun", b"meta"])
def test_pictures_and_text_in_a_track_of_another_kind(handler: bytes, entry: bytes) -> None:
    with pytest.raises(Unsupported, match=entry.decode()):
        check(handler, references(HERE), descriptions(box(entry, bytes(28))))


@pytest.mark.parametrize(
    ("handler", "entry"), [(b"soun", b"mebx"), (b"meta", b"mp4a"), (b"tmcd", b"mp4a"), (b"meta", b"tmcd")]
)
def test_each_kind_has_entries_of_its_own(handler: bytes, entry: bytes) -> None:
    with pytest.raises(Unsupported, match=entry.decode()):
        check(handler, references(HERE), descriptions(box(entry)))


def test_pictures_behind_sound() -> None:
    with pytest.raises(Unsupported, match="avc1"):
        check(b"soun", references(HERE), descriptions(box(b"mp4a"), box(b"avc1")))


def test_a_track_without_a_description() -> None:
    for nothing in (descriptions(), descriptions(bytes(4))):
        with pytest.raises(Undecodable, match="without a description"):
            check(b"soun", references(HERE), nothing)


@pytest.mark.parametrize(
    "content",
    [
        (references(HERE),),
        (descriptions(box(b"mp4a")),),
        (references(HERE), box(b"stbl")),
        (box(b"dinf"), descriptions(box(b"mp4a"))),
        (references(HERE), descriptions(box(b"mp4a")), descriptions(box(b"mp4a"))),
        (references(HERE), descriptions(box(b"mp4a"), more=box(b"stsd"))),
    ],
    ids=["no-tables", "no-references", "no-stsd", "no-dref", "two-tables", "two-stsd"],
)
def test_a_track_that_lacks_a_part_or_has_two(content: tuple[bytes, ...]) -> None:
    with pytest.raises(Undecodable):
        check(b"soun", *content)


def test_what_nobody_knows_in_a_track() -> None:
    with pytest.raises(Unsupported, match="xxxx"):
        check(b"soun", references(HERE), descriptions(box(b"mp4a")), box(b"xxxx"))


def test_references_are_counted() -> None:
    for count in range(3):
        assert count_references(*information(references(*[HERE] * count))) == count
    alias = box(b"alis", b"\x00\x00\x00\x01")
    assert count_references(*information(box(b"vmhd"), references(HERE, alias, box(b"urn ", b"\x00\x00\x00\x01")))) == 3


@pytest.mark.parametrize("flags", [0, 2, 3, 0x80])
@pytest.mark.parametrize("kind", [b"url ", b"urn ", b"alis"])
def test_frames_in_another_file(kind: bytes, flags: int) -> None:
    elsewhere = box(kind, bytes([0, 0, 0, flags]) + b"file:///etc/passwd\x00")
    for entries in ((elsewhere,), (HERE, elsewhere)):
        with pytest.raises(Unsupported, match="another file"):
            count_references(*information(references(*entries)))
        with pytest.raises(Unsupported, match="another file"):
            check(b"soun", references(*entries), descriptions(box(b"mp4a")))


def test_a_reference_that_breaks_off_or_is_unknown() -> None:
    with pytest.raises(Undecodable):
        count_references(*information(references(box(b"url ", b"\x00\x00\x00"))))
    with pytest.raises(Unsupported, match="rsrc"):
        count_references(*information(references(HERE, box(b"rsrc", b"\x00\x00\x00\x01"))))
