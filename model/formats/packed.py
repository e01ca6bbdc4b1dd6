"""Compressed metadata of a PNG: a gigabyte of zeros fits into a megabyte of it, and into any program that unpacks it.

The decoder never does, but the file goes on to programs that may. Source: the PNG specification, third edition,
sections 11.3.2.3 (iCCP), 11.3.3.3 (zTXt) and 11.3.3.4 (iTXt).
"""

from __future__ import annotations

import zlib

from model.errors import TooLarge, Undecodable

MAX_PACKED_BYTES = 16 * 1024 * 1024
"""Of all compressed metadata of one file together, when it is unpacked. ICC profiles of printers have 2 MB or 3."""
PIECE_BYTES = 16 * 1024
"""Bytes that are unpacked at once; they become 16 MiB at most."""


class Metadata:
    """The metadata of one file, chunk by chunk."""

    def __init__(self) -> None:
        self._left = MAX_PACKED_BYTES

    def add(self, kind: bytes, content: bytes) -> None:
        """The next chunk of whatever kind; TooLarge if it is one too many.

        What is broken in a text does not matter. Undecodable for a profile that cannot be unpacked to its end with the
        true checksum: libpng uses it as soon as it has all of it, and Pillow does not.
        """
        unpacker = zlib.decompressobj()
        packed = _packed(kind, content)
        try:
            for start in range(0, len(packed), PIECE_BYTES):
                self._left -= len(unpacker.decompress(packed[start : start + PIECE_BYTES]))
                if self._left < 0:
                    raise TooLarge(f"metadata of more than {MAX_PACKED_BYTES} bytes, once it is unpacked")
        except zlib.error as error:
            if kind == b"iCCP":
                raise Undecodable(f"the profile of the PNG: {error}") from error
        if kind == b"iCCP" and not unpacker.eof:
            raise Undecodable("the profile of the PNG breaks off")


def _packed(kind: bytes, content: bytes) -> bytes:
    """The compressed part of a chunk, empty if it has none."""
    _, _, rest = content.partition(b"\x00")
    if kind in (b"iCCP", b"zTXt"):
        return rest[1:]
    if kind == b"iTXt" and rest[:1] == b"\x01":
        return rest[2:].split(b"\x00", 2)[-1]
    return b""
