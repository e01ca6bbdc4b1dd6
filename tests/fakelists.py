"""Lists that are a handful of entries, searched one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """One entry. Each PDQ hash is 256 zeros."""

    kind: str
    sha256: str = ""
    note: str = ""
    list: str = ""
    distance: int = 0
    view: int = 0


@dataclass
class Entries:
    """Looks like model.lists.Lists."""

    entries: Mapping[str, Sequence[Entry]]
    version: str = "1"

    def by_sha256(self, name: str, sha256_hex: str) -> Entry | None:
        return next(
            (one for one in self.entries.get(name, ()) if one.kind == "sha256" and one.sha256 == sha256_hex), None
        )

    def by_pdq(self, name: str, hashes: Bytes, quality: Bytes, within: int, until: float | None = None) -> Entry | None:
        return self._like(name, distances(hashes, quality).min(initial=256), within)

    def all_by_pdq(
        self, name: str, hashes: Bytes, quality: Bytes, within: int, until: float | None = None
    ) -> Entry | None:
        return self._like(name, distances(hashes, quality).max(initial=0), within) if len(hashes) else None

    def _like(self, name: str, distance: int, within: int) -> Entry | None:
        found = next((one for one in self.entries.get(name, ()) if one.kind == "pdq" and distance <= within), None)
        return found and replace(found, distance=int(distance))


def distances(hashes: Bytes, quality: Bytes) -> NDArray[np.int64]:
    """Of each picture from the entries', in bits; beyond all if its quality is low."""
    bits: NDArray[np.int64] = np.bitwise_count(hashes).sum(axis=-1, dtype=np.int64).min(axis=1)
    return np.where(quality >= 50, bits, 257)


def pdq(distance: int, quality: int = 100) -> tuple[Bytes, Bytes]:
    """(hashes, quality) of one picture whose hash is so many bits from the entries' above, and whose others are far."""
    hashes = np.full((1, 8, 32), 0xFF, np.uint8)
    bits = np.zeros(256, np.uint8)
    bits[:distance] = 1
    hashes[0, 0] = np.packbits(bits)
    return hashes, np.array([quality], np.uint8)
