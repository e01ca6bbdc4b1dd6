"""GIFs by hand, block by block (GIF89a specification), for tests that need what no encoder writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Colour = tuple[int, int, int]
LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
"""The application extension that animations have since Netscape Navigator 2.0."""
TRAILER = b";"


def u16(*values: int) -> bytes:
    """Numbers of two bytes, little endian."""
    return b"".join(value.to_bytes(2, "little") for value in values)


def table(colours: Sequence[Colour]) -> bytes:
    """A colour table of 2, 4, 8 ... entries."""
    return b"".join(bytes(colour) for colour in colours)


def _table_flags(colours: Sequence[Colour]) -> int:
    return 0x80 | len(colours).bit_length() - 2 if colours else 0


def header(
    width: int, height: int, colours: Sequence[Colour] = (), background: int = 0, version: bytes = b"GIF89a"
) -> bytes:
    """Signature, screen and global colour table."""
    return version + u16(width, height) + bytes([_table_flags(colours), background, 0]) + table(colours)


def control(disposal: int = 0, transparent: int | None = None, delay: int = 5) -> bytes:
    """A graphic control extension; `delay` in hundredths of a second."""
    flags = disposal << 2 | (transparent is not None)
    return b"!\xf9\x04" + bytes([flags]) + u16(delay) + bytes([transparent or 0, 0])


def extension(label: int, *blocks: bytes) -> bytes:
    """An extension of any kind."""
    return bytes([0x21, label]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00"


def lzw(indices: Sequence[int], bits: int) -> bytes:
    """Pixels for colours of `bits` bits: no run is ever shortened, the table is cleared before the codes grow."""
    clear, size = 1 << bits, bits + 1
    codes: list[int] = []
    for at in range(0, max(len(indices), 1), clear - 2):
        codes += [clear, *indices[at : at + clear - 2]]
    codes.append(clear + 1)
    packed = sum(code << size * place for place, code in enumerate(codes))
    data = packed.to_bytes((size * len(codes) + 7) // 8, "little")
    return bytes([bits]) + extension(0, *(data[at : at + 255] for at in range(0, len(data), 255)))[2:]


def interlace(rows: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """The rows in the order of appendix E."""
    return [row for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for row in rows[start::step]]


@dataclass(frozen=True)
class Frame:
    """One image: rows of colour numbers, its place, and what its graphic control says."""

    rows: tuple[tuple[int, ...], ...]
    left: int = 0
    top: int = 0
    colours: tuple[Colour, ...] = ()
    interlaced: bool = False
    disposal: int = 0
    transparent: int | None = None
    delay: int = 5
    bits: int = 8

    def image(self) -> bytes:
        """The image block without its control."""
        rows = interlace(self.rows) if self.interlaced else self.rows
        place = u16(self.left, self.top, len(self.rows[0]), len(self.rows))
        flags = _table_flags(self.colours) | (0x40 if self.interlaced else 0)
        return b"," + place + bytes([flags]) + table(self.colours) + lzw([i for row in rows for i in row], self.bits)

    def blocks(self) -> bytes:
        """The image behind its control."""
        return control(self.disposal, self.transparent, self.delay) + self.image()


def plain(width: int, height: int, index: int, **more: object) -> Frame:
    """A frame of one colour."""
    return Frame(((index,) * width,) * height, **more)  # type: ignore[arg-type]
