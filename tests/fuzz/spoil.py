"""Spoilt pictures and videos: bytes changed, pieces dropped, doubled and exchanged, lengths that lie."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from random import Random

from model.formats.media import MP4, PNG, WEBP
from model.formats.sniff import sniff
from tests.model.samples import ANIMATIONS, STILLS
from tests.model.videos import video
from tests.model.webms import plain

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CHANGES = (1, 1, 1, 2, 2, 3, 6)
"""Changes to one file; with more, few are accepted."""
HEAD_BYTES = 12
"""What tells the format stands there, and is spared as a rule."""


@cache
def seeds() -> dict[str, bytes]:
    """Whole files of every format by a name that begins with the format's."""
    videos = {"mp4": video(frames=4), "mp4-hevc": video("libx265", frames=4), "mp4-av1": video("libsvtav1", frames=4)}
    videos |= {"webm": plain(frames=4), "webm-vp9": video("libvpx-vp9", "webm", frames=4)}
    large = ("png-many-idat",)
    return {name: make() for name, make in (STILLS | ANIMATIONS).items() if name not in large} | videos


def spoil(data: bytes, random: Random, other: bytes) -> bytes:
    """Some changes to a file; `other` is one that pieces may come from."""
    out = bytearray(data)
    for _ in range(random.choice(CHANGES)):
        random.choice(_CHANGES)(out, random, other)
        if len(out) < 16:
            return bytes(out)
    return repaired(bytes(out)) if random.random() < 0.9 else bytes(out)


def repaired(data: bytes) -> bytes:
    """With true checksums if it is a PNG, and the true length if it is a WebP, since all else would end there."""
    if data.startswith(b"RIFF"):
        return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    if sniff(data) is not PNG:
        return data
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4])
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[at + 4 : end]).to_bytes(4)
        at = end + 4
    return bytes(out)


def pieces(data: bytes) -> list[tuple[int, int]]:
    """Where the pieces of a file begin and end, on its first two levels as far as its format is known; else thirds."""
    media = sniff(data)
    if media is PNG:
        found = _pieces(data, 8, len(data), lambda at: 12 + int.from_bytes(data[at : at + 4]))
    elif media is WEBP:
        found = _pieces(data, 12, len(data), lambda at: 9 + int.from_bytes(data[at + 4 : at + 8], "little") & ~1)
    elif data[4:8] in (b"ftyp", b"JXL ") or media is MP4:
        found = _pieces(data, 0, len(data), lambda at: int.from_bytes(data[at : at + 4]))
        for start, end in list(found):
            if data[start + 4 : start + 8] in (b"moov", b"meta"):
                inner = start + (12 if data[start + 4 : start + 8] == b"meta" else 8)
                found += _pieces(data, inner, end, lambda at: int.from_bytes(data[at : at + 4]))
    elif data.startswith(b"\xff\xd8"):
        found = _pieces(data, 2, len(data), lambda at: 2 + int.from_bytes(data[at + 2 : at + 4]))
    else:
        found = []
    return found or [(at, at + max(1, len(data) // 3)) for at in range(0, len(data), max(1, len(data) // 3))]


def _pieces(data: bytes, at: int, end: int, length: Callable[[int], int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while at < end and len(found) < 200:
        after = at + max(1, length(at))
        if after > end:
            break
        found.append((at, after))
        at = after
    return found


def _flip(out: bytearray, random: Random, _: bytes) -> None:
    out[_place(out, random)] ^= 1 << random.randrange(8)


def _byte(out: bytearray, random: Random, _: bytes) -> None:
    out[_place(out, random)] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))


def _number(out: bytearray, random: Random, _: bytes) -> None:
    """A number of one to four bytes that is as large or small as it can be, or off by a little."""
    width, at = random.choice((1, 2, 2, 4, 4, 4)), _place(out, random)
    order = random.choice(("big", "big", "little"))
    old = int.from_bytes(out[at : at + width], order)  # type: ignore[arg-type]
    new = random.choice((*EXTREMES, old + 1, old - 1, old * 2, old + random.randrange(256)))
    out[at : at + width] = (new & (1 << 8 * width) - 1).to_bytes(width, order)  # type: ignore[arg-type]


def _length(out: bytearray, random: Random, _: bytes) -> None:
    """The same at the head of a piece, where lengths stand."""
    at = random.choice(pieces(bytes(out)))[0] + random.choice((0, 0, 4))
    old = int.from_bytes(out[at : at + 4])
    out[at : at + 4] = (random.choice((*EXTREMES, old + 1, old - 1, old + 8)) & 0xFFFFFFFF).to_bytes(4)


def _drop(out: bytearray, random: Random, _: bytes) -> None:
    start, end = random.choice(pieces(bytes(out)))
    del out[start:end]


def _double(out: bytearray, random: Random, _: bytes) -> None:
    found = pieces(bytes(out))
    (start, end), at = random.choice(found), random.choice(found)[0]
    out[at:at] = out[start:end] * random.choice((1, 1, 1, 2, 20))


def _exchange(out: bytearray, random: Random, _: bytes) -> None:
    one, two = sorted(random.choices(pieces(bytes(out)), k=2))
    if one[1] <= two[0]:
        out[one[0] : two[1]] = out[two[0] : two[1]] + out[one[1] : two[0]] + out[one[0] : one[1]]


def _splice(out: bytearray, random: Random, other: bytes) -> None:
    """A piece of another file."""
    start, end = random.choice(pieces(other))
    at, after = random.choice(pieces(bytes(out)))
    out[at : random.choice((at, after))] = other[start:end]


def _cut(out: bytearray, random: Random, _: bytes) -> None:
    if random.random() < 0.3:
        del out[_place(out, random) :]
    else:
        at = _place(out, random)
        del out[at : at + random.randint(1, 16)]


def _place(out: bytearray, random: Random) -> int:
    """Anywhere, as often as not in the first 200 bytes."""
    first = random.choice((HEAD_BYTES,) * 9 + (0,))
    return random.randrange(first, max(first + 1, min(len(out), random.choice((200, len(out))))))


_CHANGES: tuple[Callable[[bytearray, Random, bytes], None], ...] = (
    *(_flip, _flip, _byte, _byte, _number, _number, _number),
    *(_length, _drop, _double, _exchange, _splice, _cut),
)
