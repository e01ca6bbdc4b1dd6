"""Bits out of bytes, the highest of each byte first, as the headers of AV1 and VP9 are written."""

from __future__ import annotations

from model.errors import Undecodable


class Bits:
    """Reads on from the first bit. Every reading costs as much as there are bytes: give it no more than a header."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        """The number in the next bits, so many; Undecodable beyond the end."""
        self._left -= count
        if self._left < 0:
            raise Undecodable("the header of a picture in AV1 or VP9 breaks off")
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        """The next bit."""
        return bool(self.take(1))
