"""The sample table of an MP4's picture track: where each frame lies in the file, and when it is shown.

Five tables count the same samples (ISO/IEC 14496-12, section 8.6 to 8.7); a file in which they disagree is read
otherwise by every player.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import NamedTuple

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.boxtree import MAX_ENTRIES, Level, Place, level, numbers, only, table

_ONCE = (b"stsd", b"stts", b"ctts", b"cslg", b"stss", b"stps", b"sdtp", b"stsc", b"stsz", b"stco", b"co64")
_MANY = (b"sgpd", b"sbgp", b"subs", b"free", b"skip")
_SIGNED = 1 << 31


class Sample(NamedTuple):
    """One frame: its bytes in the file, how long it lasts, and how much later than decoded it is shown, in ticks."""

    start: int
    size: int
    duration: int
    shift: int

    @property
    def end(self) -> int:
        """Place after its last byte."""
        return self.start + self.size


def sample_table(data: bytes, place: Place) -> Level:
    """The boxes of a stbl. Unsupported for tables that let a player show other samples (stsh, stz2, encryption)."""
    return level(data, place, "a sample table", _ONCE, _MANY)


def samples(data: bytes, tables: Level) -> list[Sample]:
    """All samples in the order of decoding. Raises Undecodable where tables disagree, Unsupported, TooLarge."""
    sizes = _sizes(data, only(tables, b"stsz"))
    durations = _runs(table(data, only(tables, b"stts"), ">II"), len(sizes))
    if any(duration >= _SIGNED for duration in durations):
        raise Undecodable("a frame that ends before it begins")
    shifts = [0] * len(sizes)
    if b"ctts" in tables:
        shifts = _runs(table(data, only(tables, b"ctts"), ">Ii"), len(sizes))
    if b"stss" in tables:
        keys = [number for (number,) in table(data, only(tables, b"stss"), ">I")]
        if keys != sorted(set(keys)) or (keys and not 1 <= keys[0] <= keys[-1] <= len(sizes)):
            raise Undecodable("the table of key frames names frames that are not there")
    return [Sample(*row) for row in zip(_starts(data, tables, sizes), sizes, durations, shifts, strict=True)]


def _sizes(data: bytes, place: Place) -> list[int]:
    size, count = numbers(data, place, ">II", 4)
    if count > MAX_ENTRIES:
        raise TooLarge(f"{count} frames")
    if place[1] != place[0] + 12 + (0 if size else 4 * count):
        raise Undecodable("a table is not as long as it says")
    sizes = [size] * count if size else list(numbers(data, place, f">{count}I", 12))
    if 0 in sizes:
        raise Undecodable("a frame of no bytes")
    return sizes


def _runs(rows: list[tuple[int, int]], count: int) -> list[int]:
    """Values that are stored as (how often, value)."""
    if sum(times for times, _ in rows) != count:
        raise Undecodable("two sample tables disagree about the number of frames")
    return list(chain.from_iterable(repeat(value, times) for times, value in rows))


def _starts(data: bytes, tables: Level, sizes: list[int]) -> list[int]:
    """Where the samples begin: they lie one behind the other in chunks, so many in each."""
    if (b"stco" in tables) == (b"co64" in tables):
        raise Undecodable("not one table of chunks")
    if b"stco" in tables:
        chunks = table(data, only(tables, b"stco"), ">I")
    else:
        chunks = table(data, only(tables, b"co64"), ">Q")
    rows = table(data, only(tables, b"stsc"), ">III")
    firsts = [first for first, _, _ in rows]
    if firsts != sorted(set(firsts)) or (rows and not 1 == firsts[0] <= firsts[-1] <= len(chunks)):
        raise Undecodable("the table of samples in chunks names chunks that are not there")
    if any(description != 1 for _, _, description in rows):
        raise Unsupported("frames with more than one description")
    starts: list[int] = []
    for (first, each, _), after in zip(rows, [*firsts, len(chunks) + 1][1:], strict=True):
        if (after - first) * each > len(sizes) - len(starts):
            raise Undecodable("chunks hold more frames than there are")
        for (at,) in chunks[first - 1 : after - 1]:
            for _ in range(each):
                starts.append(at)
                at += sizes[len(starts) - 1]
    if len(starts) != len(sizes) or (chunks and not rows):
        raise Undecodable("two sample tables disagree about the number of frames")
    return starts
