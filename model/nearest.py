"""The PDQ hash of a list that is nearest to a picture's: exact, within milliseconds among a million.

A multi-index after Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing" (2012): 256 bits
are 16 words of 16. Of two hashes at most 31 bits apart, one of the 16 words differs in one bit at most, for 16 times 2
would be 32. So each word has a table from its values to the hashes that have it there, and a hash that is looked for is
looked for in 16 times 17 places. Rules this file keeps: no match is missed; where hashes crowd into few places (a list
can be made so on purpose) all are compared, so that a search takes no longer than that; a hash that is given a
thousand times is compared once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.hashlist import HASH_BYTES

MAX_DISTANCE: Final = 31
"""Bits apart up to which nothing is missed, by the count above."""

WORDS: Final = HASH_BYTES // 2
VALUES: Final = 1 << 16
_FLIPS: Final = np.array([0, *(1 << bit for bit in range(16))], np.uint16)
"""What turns a word into itself, and into each that is one bit away."""

SCAN_AT_MOST: Final = 4096
"""Hashes of a list that is compared whole: 128 KiB, which stays in a core's cache and takes less time than the tables,
and no 4 MB for them."""

SCAN_SHARE: Final = 4
"""When a hash finds more than one in so many of the list in its places, all of the list is compared instead: each that
is picked out costs about as much as so many in a row."""

SCAN_ROWS: Final = 1 << 16
"""Hashes compared in a row at a time, 2 MiB, so that what comes between needs little memory."""


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest: the row of the list, the row of the query, and how many of the 256 bits differ."""

    row: int
    query: int
    distance: int


class Nearest:
    """An index over `hashes`, uint8 (N, 32), N up to 2 ** 31; they are kept, and must not change.

    Beside them it takes 64 bytes a hash and 4 MB. Raises ValueError when the shape or the type is another. Its length
    is the number of different hashes.
    """

    def __init__(self, hashes: NDArray[np.uint8]) -> None:
        rows = _checked(hashes)
        self._given = _first_of_each(rows)
        if self._given is not None:
            rows = rows.take(self._given, axis=0)
        self._quarters = rows.view(np.uint64)  # (N, 4): four popcounts a hash
        self._starts: NDArray[np.int32] | None = None
        if len(rows) <= SCAN_AT_MOST:
            return
        words = rows.view(np.uint16)
        self._starts = np.zeros((WORDS, VALUES + 1), np.int32)
        self._rows = np.empty((WORDS, len(rows)), np.int32)
        for word in range(WORDS):
            values = np.ascontiguousarray(words[:, word])
            self._rows[word] = np.argsort(values, kind="stable")  # a radix sort for 16 bits
            np.cumsum(np.bincount(values, minlength=VALUES), out=self._starts[word, 1:])

    def __len__(self) -> int:
        return len(self._quarters)

    def nearest(self, queries: NDArray[np.uint8], within: int) -> Near | None:
        """The nearest to any of `queries`, uint8 (Q, 32), at most `within` bits away; None where there is none.

        Of several as near, the first row of the list, then the first query. Raises ValueError for another shape, or
        when `within` is not from 0 to MAX_DISTANCE.
        """
        if not 0 <= within <= MAX_DISTANCE:
            raise ValueError(f"within must be from 0 to {MAX_DISTANCE} bits, not {within}")
        asked = _checked(queries)
        best: tuple[int, int, int] | None = None
        for query, quarters in enumerate(asked.view(np.uint64)):
            found = self._search(asked[query], quarters, within)
            if found is not None and (best is None or (*found, query) < best):
                best = (*found, query)
        if best is None:
            return None
        distance, row, number = best
        return Near(row=row if self._given is None else int(self._given[row]), query=number, distance=distance)

    def _search(self, query: NDArray[np.uint8], quarters: NDArray[np.uint64], within: int) -> tuple[int, int] | None:
        """(distance, row) of the nearest to one query, the first row of several."""
        if self._starts is None:
            return self._scan(quarters, within)
        # 16 words differ in none but one bit each at most: with less than 16 bits apart, one differs in none
        flips = _FLIPS[:1] if within < WORDS else _FLIPS
        places = query.view(np.uint16)[:, None] ^ flips  # (16, 17)
        word = np.arange(WORDS)[:, None]
        first = self._starts[word, places].ravel()
        counts = self._starts[word, places.astype(np.int32) + 1].ravel() - first
        total = int(counts.sum(dtype=np.int64))
        if total == 0:
            return None
        if total > len(self) // SCAN_SHARE:
            return self._scan(quarters, within)
        # the places' stretches of `_rows`, one after the other, as positions in it
        offsets = first + np.repeat(np.arange(WORDS) * len(self), len(flips))
        ends = np.cumsum(counts)
        positions = np.arange(total) + np.repeat(offsets - (ends - counts), counts)
        rows = self._rows.ravel().take(positions)
        distances = _distances(self._quarters.take(rows, axis=0), quarters)  # twenty times as fast as an index array
        least = int(distances.min())
        return (least, int(rows[distances == least].min())) if least <= within else None

    def _scan(self, quarters: NDArray[np.uint64], within: int) -> tuple[int, int] | None:
        """The same by comparing all."""
        best: tuple[int, int] | None = None
        for start in range(0, len(self), SCAN_ROWS):
            distances = _distances(self._quarters[start : start + SCAN_ROWS], quarters)
            row = int(distances.argmin())
            if distances[row] <= within and (best is None or distances[row] < best[0]):
                best = int(distances[row]), start + row
        return best


def _first_of_each(rows: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """Where each different hash of `rows` (N, 32) is for the first time, in order; None where no two are the same."""
    quarters = rows.view(np.uint64)
    beginnings = np.sort(quarters[:, 0])
    if not (beginnings[1:] == beginnings[:-1]).any():  # as good as always, and a tenth of the time
        return None
    order = np.lexsort(quarters.T)  # which is stable: of those alike the first row comes first
    in_order = quarters.take(order, axis=0)
    new = np.ones(len(rows), np.bool_)
    new[1:] = (in_order[1:] != in_order[:-1]).any(axis=1)
    return None if new.all() else np.sort(order[new])


def _distances(rows: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Bits in which each of `rows` (N, 4) differs from `query` (4,)."""
    counted = np.bitwise_count(rows ^ query)
    halves = counted[:, 0] + counted[:, 1], counted[:, 2] + counted[:, 3]
    distances: NDArray[np.uint16] = np.add(*halves, dtype=np.uint16)  # 256 is no uint8
    return distances


def _checked(hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if hashes.ndim != 2 or hashes.shape[1] != HASH_BYTES or hashes.dtype != np.uint8:
        raise ValueError(f"hashes must be uint8 (N, {HASH_BYTES}), not {hashes.dtype} {hashes.shape}")
    return np.ascontiguousarray(hashes)
