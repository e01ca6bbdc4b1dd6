"""The lists that a picture is looked up in: by the SHA-256 of its bytes, and by how it looks (PDQ).

A match is evidence, as a score is; what is done about it is the policy's. Rules this file keeps: `Lists` never changes,
so that one verdict sees one state of all lists; the admin's own two are always there; a PDQ hash of a picture that has
too little in it to be told by neither matches nor is put on a list.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.condition import MATCH_BITS, SIMILAR_BITS
from config.consistency import OWN_LISTS
from model.hashlist import HASH_BYTES, HashList, Kind, parse
from model.nearest import Nearest

__all__ = ["ALLOW", "DENY", "EMPTY", "MATCH_BITS", "MIN_QUALITY", "SIMILAR_BITS", "Lists", "Match", "Searchable"]

ALLOW, DENY = OWN_LISTS

MIN_QUALITY: Final = 50
"""Quality, 0..100, of a PDQ hash below which it says too little: QUALITY_THRESHOLD of Meta's python-threatexchange
(signal_type/pdq/signal.py, as is the 31 of MATCH_BITS)."""

EMPTY: Final = parse(b"")


@dataclass(frozen=True, slots=True)
class Match:
    """An entry of a list that a file has.

    distance   bits of the PDQ hash that differ; 0 for kind sha256
    note       the entry's, or empty
    view       index of the whole picture in the file that matched; 0 for kind sha256
    """

    list: str
    kind: Kind
    distance: int
    note: str
    view: int


class Searchable:
    """One list, made ready to be searched. That takes a second for a million hashes, so it is not for the event loop.

    Several `Lists` may share one: nothing in it changes.
    """

    def __init__(self, found: HashList) -> None:
        self.entries = len(found)
        self._notes = found.notes
        self._nearest = Nearest(found.pdq)
        # sorted by its first 8 bytes, which among SHA-256 hashes are as good as all of them
        beginnings = found.sha256.view(">u8")[:, 0].astype(np.uint64)
        self._rows = np.argsort(beginnings, kind="stable")
        self._beginnings = beginnings[self._rows]
        self._sha256 = found.sha256
        self.digest = _digest(found)
        """Hex SHA-256 of what the list holds, its notes included; comments and spelling do not count."""

    def by_sha256(self, value: bytes) -> str | None:
        """The note of the entry with this hash, HASH_BYTES bytes; None where there is none."""
        beginning = np.uint64(int.from_bytes(value[:8], "big"))
        first, end = np.searchsorted(self._beginnings, beginning), np.searchsorted(self._beginnings, beginning, "right")
        rows = self._rows[first:end]
        same = (self._sha256.take(rows, axis=0) == np.frombuffer(value, np.uint8)).all(axis=1)
        if not same.any():
            return None
        return self._notes["sha256"].get(int(rows[same].min()), "")

    def by_pdq(self, hashes: NDArray[np.uint8], within: int) -> tuple[int, str] | None:
        """(distance, note) of the entry that is nearest to one of `hashes`, uint8 (Q, 32); None where none is near."""
        near = self._nearest.nearest(hashes, within)
        return None if near is None else (near.distance, self._notes["pdq"].get(near.row, ""))


class Lists:
    """All lists at one moment, by name. `allow` and `deny` are among them, empty where they are not given."""

    def __init__(self, lists: Mapping[str, Searchable] | None = None) -> None:
        self._lists = {**{name: Searchable(EMPTY) for name in OWN_LISTS}, **(lists or {})}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all lists, in alphabetical order."""
        return tuple(sorted(self._lists))

    @cached_property
    def version(self) -> str:
        """Hex SHA-256 of all names and contents: whoever remembers verdicts does so for one version."""
        contents = [(name, self._lists[name].digest) for name in self.names]
        return hashlib.sha256(json.dumps(contents).encode()).hexdigest()

    def by_sha256(self, name: str, sha256_hex: str) -> Match | None:
        """The entry of the list `name` with this hash, 64 hex digits. Raises KeyError and ValueError."""
        value = bytes.fromhex(sha256_hex)
        if len(value) != HASH_BYTES:
            raise ValueError(f"a SHA-256 hash has {HASH_BYTES} bytes, not {len(value)}")
        note = self._lists[name].by_sha256(value)
        return None if note is None else Match(name, "sha256", 0, note, 0)

    def by_pdq(
        self,
        name: str,
        hashes: NDArray[np.uint8],
        quality: NDArray[np.uint8],
        within: int = MATCH_BITS,
        until: float | None = None,
    ) -> Match | None:
        """The first of a file's pictures that is on the list `name`, with the entry that is nearest to it.

        `hashes` uint8 (W, 8, 32): of each picture eight, for it may have been turned or mirrored; `quality` uint8 (W,),
        0..100. `within` bits, MATCH_BITS at most; on the list of what is allowed never more than SIMILAR_BITS. Among a
        million hashes it takes some 3 ms a picture; a list can be made on which it takes 0.3 s, so from the moment
        `until` (time.monotonic() seconds) no further picture is looked up: that raises TimeoutError. Raises KeyError
        for a name that is none, ValueError for shapes.
        """
        _check(hashes, quality)
        views = np.flatnonzero(quality >= MIN_QUALITY).tolist()
        return next((found for found in self._each(name, hashes, views, within, until) if found is not None), None)

    def all_by_pdq(
        self,
        name: str,
        hashes: NDArray[np.uint8],
        quality: NDArray[np.uint8],
        within: int,
        until: float | None = None,
    ) -> Match | None:
        """Whether all of a file's pictures are on the list `name`: of their nearest entries the farthest, or None.

        For letting a file pass: one picture that is on the list says nothing of those beside it, and one with too
        little in it (MIN_QUALITY) cannot be known. Of no pictures None. Arguments and errors are those of `by_pdq`.
        """
        _check(hashes, quality)
        if not len(quality) or (quality < MIN_QUALITY).any():
            return None
        farthest: Match | None = None
        for found in self._each(name, hashes, range(len(quality)), within, until):
            if found is None:
                return None
            if farthest is None or found.distance > farthest.distance:
                farthest = found
        return farthest

    def _each(
        self, name: str, hashes: NDArray[np.uint8], views: Iterable[int], within: int, until: float | None
    ) -> Iterator[Match | None]:
        """What is found of each of these pictures, one after the other while there is time."""
        if name == ALLOW:
            within = min(within, SIMILAR_BITS)
        searched = self._lists[name]
        for view in views:
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"there was no time to look all pictures up in the list {name}")
            near = searched.by_pdq(hashes[view], within)
            yield None if near is None else Match(name, "pdq", *near, view)


def _check(hashes: NDArray[np.uint8], quality: NDArray[np.uint8]) -> None:
    if hashes.ndim != 3 or quality.shape != hashes.shape[:1]:
        raise ValueError(f"hashes {hashes.shape} and quality {quality.shape} do not fit: (W, 8, {HASH_BYTES}), (W,)")


def _digest(found: HashList) -> str:
    """Over lengths and contents, so that no two lists have the same input."""
    digest = hashlib.sha256(f"{len(found.sha256)} {len(found.pdq)}\n".encode())
    digest.update(found.sha256.data)
    digest.update(found.pdq.data)
    digest.update(json.dumps([list(found.notes["sha256"].items()), list(found.notes["pdq"].items())]).encode())
    return digest.hexdigest()
