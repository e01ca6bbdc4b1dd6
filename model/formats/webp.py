"""WebP: is every chunk there, and do header, frames and pictures say the same of size and alpha?

libwebp, which browsers and Pillow use, takes some files that others read differently: it goes by the size that a
picture states and not by its frame's, and passes over alpha that the header does not announce, while FFmpeg shows it.
Sources: RFC 9649 (WebP container, sections 2.4 to 2.7, and VP8L, section 3.4); RFC 6386 (VP8), section 9.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from model.errors import Undecodable
from model.formats.container import Container

MAX_CHUNKS = 100_000
"""Chunks on one level: as many as any setting allows frames."""
_ALPHA = 0x10
"""The flag in VP8X that announces transparency."""
_PICTURES = (b"VP8 ", b"VP8L")
_ONLY_EXTENDED = {b"ALPH", b"ANIM", b"ANMF", b"VP8X"}
_ONCE = {b"VP8X", b"ANIM", b"ICCP", b"EXIF", b"XMP ", b"ALPH", *_PICTURES}
_SIDE, _LOSSLESS_ALPHA = 0x3FFF, 0x10
"""Bits of a side in VP8 and VP8L, and the bit of VP8L's fifth byte that says that its alpha is used."""
_FRAME_BYTES = 16
"""What stands before the picture in an ANMF chunk: place, size, time and flags."""


def webp(data: bytes) -> Container:
    """All chunks up to the length that the file states; one picture or as many as there are ANMF chunks.

    The decoder is told that an animation has alpha, or it would show black where no frame is, and browsers nothing.
    """
    end = 8 + _little(data[4:8])
    if end > len(data):
        raise Undecodable("the WebP breaks off before its end")
    top = list(_chunks(data, 12, end))
    kinds = [kind for kind, _, _ in top]
    frames = kinds.count(b"ANMF")
    if any(kinds.count(kind) > 1 for kind in _ONCE):
        raise Undecodable("a chunk of the WebP comes twice")
    extended = kinds[:1] == [b"VP8X"]
    if not extended and (kinds[:1] not in ([b"VP8 "], [b"VP8L"]) or not _ONLY_EXTENDED.isdisjoint(kinds)):
        raise Undecodable("a WebP with parts that its kind does not have")
    canvas = _size(data, *top[0])
    alpha = extended and bool(data[top[0][1]] & _ALPHA)
    if frames:
        if not {b"ALPH", *_PICTURES}.isdisjoint(kinds):
            raise Undecodable("the WebP holds a still and an animation")
        for kind, start, stop in top:
            if kind == b"ANMF":
                _check_frame(data, start, stop, canvas, alpha)
    elif _picture(data, top, alpha or not extended) != canvas:
        raise Undecodable("the WebP's header states another size than its picture")
    reading = data[:end]
    if frames and not alpha:
        flags = top[0][1]
        reading = data[:flags] + bytes([data[flags] | _ALPHA]) + data[flags + 1 : end]
    return Container(end, (reading,), frames or 1, canvas)


def is_lossless(data: bytes) -> bool:
    """Whether the one picture of a whole still is of the lossless kind."""
    return any(kind == b"VP8L" for kind, _, _ in _chunks(data, 12, 8 + _little(data[4:8])))


def _check_frame(data: bytes, start: int, end: int, canvas: tuple[int, int], alpha: bool) -> None:
    left, top, width, height = (_little(data[start + at : start + at + 3]) for at in (0, 3, 6, 9))
    size = width + 1, height + 1
    if start + _FRAME_BYTES > end or 2 * left + size[0] > canvas[0] or 2 * top + size[1] > canvas[1]:
        raise Undecodable("a frame of the WebP reaches beyond its canvas")
    if _picture(data, list(_chunks(data, start + _FRAME_BYTES, end)), alpha) != size:
        raise Undecodable("a frame of the WebP states another size than its picture")


def _picture(data: bytes, chunks: list[tuple[bytes, int, int]], alpha: bool) -> tuple[int, int]:
    """(width, height) of the one picture among the chunks of a still or a frame, whose alpha must be announced."""
    kinds = [kind for kind, _, _ in chunks]
    found = [at for at, kind in enumerate(kinds) if kind in _PICTURES]
    if len(found) != 1:
        raise Undecodable("the WebP, or a frame of it, does not hold one picture")
    kind, start, end = chunks[found[0]]
    size = _size(data, kind, start, end)
    apart = kinds.count(b"ALPH")
    if apart and (kinds[: found[0]].count(b"ALPH") != 1 or apart > 1 or kind != b"VP8 "):
        raise Undecodable("the alpha of the WebP is not one, or not before the colours that it belongs to")
    if not alpha and (apart or (kind == b"VP8L" and data[start + 4] & _LOSSLESS_ALPHA)):
        raise Undecodable("the WebP has alpha that its header does not announce")
    return size


def _size(data: bytes, kind: bytes, start: int, end: int) -> tuple[int, int]:
    """(width, height) that a VP8X, VP8 or VP8L chunk states."""
    if end - start < 10 and not (kind == b"VP8L" and end - start >= 5):
        raise Undecodable("a chunk of the WebP is too short to state a size")
    if kind == b"VP8X":
        return _little(data[start + 4 : start + 7]) + 1, _little(data[start + 7 : start + 10]) + 1
    if kind == b"VP8L":
        bits = _little(data[start + 1 : start + 5])
        return (bits & _SIDE) + 1, (bits >> 14 & _SIDE) + 1
    return _little(data[start + 6 : start + 8]) & _SIDE, _little(data[start + 8 : start + 10]) & _SIDE


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of content, end of content) of the chunks between two places; Undecodable if they do not fill it."""
    count = 0
    while at < end:
        start, length = at + 8, _little(data[at + 4 : at + 8])
        kind = data[at : at + 4]
        count += 1
        at = start + length + length % 2
        if at > end or count > MAX_CHUNKS:
            raise Undecodable("a chunk of the WebP breaks off, or there are too many")
        yield kind, start, start + length
