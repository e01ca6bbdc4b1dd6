"""Cover art and stills beside a video are refused wherever programs put them; text is not."""

from __future__ import annotations

import pytest

from model.errors import JudgeError, Unsupported
from model.formats.mp4 import mp4
from tests.model.samples import STILLS
from tests.model.videos import add, box, video

HANDLER = box(b"hdlr", bytes(8) + b"mdir" + bytes(13))


def value(kind: int, content: bytes) -> bytes:
    return box(b"data", kind.to_bytes(4) + bytes(4) + content)


def tags(*items: bytes) -> bytes:
    return box(b"meta", bytes(4) + HANDLER + box(b"ilst", b"".join(items)))


def quicktime(*items: bytes) -> bytes:
    """As iPhones write it: a plain box, keys beside it, items named by number."""
    return box(b"meta", HANDLER + box(b"keys", bytes(8)) + box(b"ilst", b"".join(items)))


TITLE = box(b"\xa9nam", value(1, b"a title"))
JPEG = STILLS["jpeg"]()
PICTURES = [
    box(b"covr", value(13, JPEG)),
    box(b"covr", value(0, b"")),
    box(b"\x00\x00\x00\x01", value(13, b"")),
    box(b"\x00\x00\x00\x01", value(14, b"")),
    box(b"\x00\x00\x00\x01", value(0, JPEG)),
    box(b"\xa9nam", value(1, STILLS["png-RGB"]())),
]


@pytest.mark.parametrize("where", ["file", "moov", "moov udta", "moov trak", "moov trak udta"])
@pytest.mark.parametrize("form", [tags, quicktime])
def test_wherever_the_tags_are(where: str, form: object) -> None:
    assert callable(form)
    bare = video(kind="mov")
    if where == "moov trak udta":
        bare = add(bare, "moov trak", box(b"udta"))

    def with_tags(*items: bytes) -> bytes:
        return bare + form(*items) if where == "file" else add(bare, where, form(*items))

    assert mp4(with_tags(TITLE)).frames == 12
    for picture in PICTURES:
        with pytest.raises(Unsupported, match="cover art"):
            mp4(with_tags(TITLE, picture))


@pytest.mark.parametrize("kind", [b"iinf", b"iloc", b"pitm", b"iprp", b"idat"])
@pytest.mark.parametrize("head", [b"", bytes(4)])
def test_stills_of_their_own(kind: bytes, head: bytes) -> None:
    with pytest.raises(Unsupported, match="still"):
        mp4(video() + box(b"meta", head + HANDLER + box(kind, bytes(8))))


@pytest.mark.parametrize("kind", [b"covr", b"PICT", b"tnal"])
def test_pictures_right_in_the_user_data(kind: bytes) -> None:
    with pytest.raises(Unsupported, match="cover art"):
        mp4(add(video(), "moov udta", box(kind, JPEG)))


@pytest.mark.parametrize("content", [b"", b"\x00", bytes(3), bytes(4) + b"\x00\x00\x00\x63hdlr", HANDLER[:-1]])
def test_broken_metadata(content: bytes) -> None:
    if content:
        with pytest.raises(JudgeError):
            mp4(video() + box(b"meta", content))
    else:
        assert mp4(add(video(), "moov udta", bytes(4))).frames == 12
