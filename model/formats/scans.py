"""The scans of a JPEG: does each add to the picture, and none paint another one over it?

A viewer shows a JPEG while it loads, after each scan. Scans may only complete each other (ITU-T T.81, G.1.1.1): every
bit of every coefficient is coded once, from the highest down. Decoders do not mind: libjpeg warns, and lets a second
scan overwrite a first. So whoever loads slowly, or reads the first scans only, would see a picture that the finished
file does not show. Which parameters a scan may have is in T.81, B.2.3 and table B.3.

A progressive JPEG without its last scans stays blurred, for everybody alike, and passes.
"""

from __future__ import annotations

from model.errors import TooLarge, Undecodable, Unsupported

MAX_SCANS = 100
"""Scans of one picture. Each goes over all blocks again, and thousands are legal. libjpeg writes 10, optimisers up to
about 20, and one scan for each coefficient of each component would be 192."""
MAX_SHIFT = 13
"""Highest bit at which a coefficient may begin, T.81 table B.3."""

_SOF0, _SOF1, _SOF2 = 0xC0, 0xC1, 0xC2
_DQT, _SOS = 0xDB, 0xDA
_REFUSED = {
    **dict.fromkeys((0xC3, 0xC7), "lossless"),
    **dict.fromkeys((0xC5, 0xC6, 0xDE, 0xDF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF), "arithmetic coding"),
    0xDC: "a height that is told later",
}
"""Markers of T.81, table B.1, that no browser follows."""
_COMPONENTS = (1, 3, 4)
_COEFFICIENTS = 64
_NOT_YET = -1


class Scans:
    """The state of one picture; give it all segments in their order, and ask at the end.

    All three methods raise Undecodable for what contradicts itself and Unsupported for what no browser shows.
    """

    def __init__(self) -> None:
        self._progressive = False
        self._bits: dict[int, list[int]] = {}
        self._tables: dict[int, bytes] = {}
        self._count = 0

    def segment(self, marker: int, content: bytes) -> None:
        """One segment, without its marker and length. TooLarge if it is one scan too many."""
        if marker in _REFUSED:
            raise Unsupported(f"a JPEG with {_REFUSED[marker]}")
        if marker in (_SOF0, _SOF1, _SOF2):
            self._frame(content, marker == _SOF2)
        elif marker == _DQT:
            self._quantization(content)
        elif marker == _SOS:
            self._scan(content)

    def finish(self) -> None:
        """The end marker: is there something of every component?"""
        if not self._bits or any(bits[0] == _NOT_YET for bits in self._bits.values()):
            raise Undecodable("the JPEG has a component without a scan")

    def _frame(self, content: bytes, progressive: bool) -> None:
        if self._bits:
            raise Undecodable("the JPEG has two headers")
        if len(content) < 6 or len(content) != 6 + 3 * content[5]:
            raise Undecodable("the JPEG's header is not as long as it says")
        if content[0] != 8 or content[5] not in _COMPONENTS:
            raise Unsupported(f"a JPEG of {content[0]} bits and {content[5]} components")
        if content[1:3] == b"\x00\x00":
            raise Unsupported(f"a JPEG with {_REFUSED[0xDC]}")
        self._progressive = progressive
        self._bits = {component: [_NOT_YET] * _COEFFICIENTS for component in content[6::3]}
        if len(self._bits) != content[5]:
            raise Undecodable("the JPEG has two components of one name")

    def _quantization(self, content: bytes) -> None:
        """A table that changes between scans is the old one for some decoders and the new one for others."""
        at = 0
        while at < len(content):
            end = at + 1 + _COEFFICIENTS * (2 if content[at] >> 4 else 1)
            name, table = content[at] & 15, content[at:end]
            if self._count and self._tables.get(name, table) != table:
                raise Undecodable("the JPEG changes a quantization table between its scans")
            self._tables[name] = table
            at = end

    def _scan(self, content: bytes) -> None:
        self._count += 1
        if self._count > MAX_SCANS:
            raise TooLarge(f"a JPEG of more than {MAX_SCANS} scans")
        number = content[0] if content else 0
        components = content[1 : 1 + 2 * number : 2]
        if not 1 <= number <= 4 or len(content) != 4 + 2 * number:
            raise Undecodable("a scan of the JPEG is not as long as it says")
        if len(set(components)) != number or not self._bits.keys() >= set(components):
            raise Undecodable("a scan of the JPEG is of components that it has not")
        first, last, bits = content[-3:]
        # Phones write all sorts of parameters into sequential scans, and no decoder reads them.
        high, low = (bits >> 4, bits & 15) if self._progressive else (0, 0)
        if not self._progressive:
            first, last = 0, _COEFFICIENTS - 1
        elif not (first == last == 0 or (0 < first <= last < _COEFFICIENTS and number == 1)):
            raise Undecodable(f"a scan of the JPEG with the coefficients {first} to {last}")
        if low > MAX_SHIFT or high not in (0, low + 1):
            raise Undecodable(f"a scan of the JPEG that goes from bit {high} to bit {low}")
        for component in components:
            self._add(self._bits[component], first, last, high or _NOT_YET, low)

    def _add(self, bits: list[int], first: int, last: int, before: int, after: int) -> None:
        if first and bits[0] == _NOT_YET:
            raise Undecodable("the JPEG has details of a component before its average")
        if any(bit != before for bit in bits[first : last + 1]):
            raise Undecodable("a scan of the JPEG paints over another one, or completes one that is not there")
        bits[first : last + 1] = [after] * (last + 1 - first)
