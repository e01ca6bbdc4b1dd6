"""WebM files made by FFmpeg, taken apart and put together again with something changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from model.formats.ebml import element, elements, inside
from tests.model.videos import encode, moving

HEADER, SEGMENT = 0x1A45DFA3, 0x18538067
SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1254C367
ENTRY, VIDEO, BLOCK = 0xAE, 0xE0, 0xA3
UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
Change = Callable[[bytes], bytes]


def ebml(identity: int, content: bytes, size: bytes | None = None) -> bytes:
    """An element; `size` as it is written, if it is not to be true."""
    head = identity.to_bytes((identity.bit_length() + 7) // 8)
    return head + (size or (1 << 56 | len(content)).to_bytes(8)) + content


def children(data: bytes, start: int = 0, end: int | None = None) -> list[tuple[int, bytes]]:
    """(identity, content) of the elements between two places."""
    return [(each.identity, data[slice(*inside(each))]) for each in elements(data, start, end or len(data))]


@cache
def plain(codec: str = "libvpx", frames: int = 12, audio: str = "") -> bytes:
    """A file whose indexes are left out, so that it may be changed in any place."""
    header, parts = parted(encode(moving(frames), codec, "webm", audio=audio))
    return together(header, [part for part in parts if part[0] in (INFO, TRACKS, CLUSTER)])


def parted(data: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The header as it is, and the parts of the segment."""
    header = inside(element(data, 0, len(data)))[1]
    segment = element(data, header, len(data))
    return data[:header], children(data, segment.start, segment.end)


def together(header: bytes, parts: list[tuple[int, bytes]], live: bool = False) -> bytes:
    """A file of parts; `live`: segment and clusters without a length, as browsers record it."""
    body = b"".join(ebml(kind, content, UNKNOWN if live and kind == CLUSTER else None) for kind, content in parts)
    return header + ebml(SEGMENT, body, UNKNOWN if live else None)


def change(data: bytes, path: tuple[int, ...], how: Change) -> bytes:
    """The content of the first element at a path in the segment, or of the header's, replaced."""
    header, parts = parted(data)
    if path[0] == HEADER:
        return ebml(HEADER, _changed(children(header)[0][1], path[1:], how)) + together(b"", parts)
    return together(header, children(_changed(b"".join(ebml(*part) for part in parts), path, how)))


def _changed(content: bytes, path: tuple[int, ...], how: Change) -> bytes:
    if not path:
        return how(content)
    out, done = b"", False
    for kind, inner in children(content):
        found = kind == path[0] and not done
        out += ebml(kind, _changed(inner, path[1:], how) if found else inner)
        done = done or found
    assert done, f"no {path[0]:X}"
    return out


def add(data: bytes, path: tuple[int, ...], *more: bytes) -> bytes:
    """Elements more at the end of the one at a path."""
    return change(data, path, lambda content: content + b"".join(more))


def without(data: bytes, path: tuple[int, ...], kind: int) -> bytes:
    """All elements of a kind left out of the one at a path."""
    return change(data, path, lambda content: b"".join(ebml(*part) for part in children(content) if part[0] != kind))


def also(data: bytes, kind: int, content: bytes) -> bytes:
    """A part more at the end of the segment."""
    header, parts = parted(data)
    return together(header, [*parts, (kind, content)])
