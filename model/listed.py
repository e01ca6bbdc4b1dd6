"""What lists say about one file: the admin's own two before every rule, all others as what rules ask about.

    deny     by SHA-256 or PDQ: refused, whatever else is known
    allow    by SHA-256: passes, whatever models, rules and other lists say; it is this very file that the admin meant.
             By PDQ (each of its pictures within SIMILAR_BITS): passes too, unless a rule refuses it for what lists
             alone know of it

A picture can be made that comes near to an allowed one on purpose, so a likeness counts for less than the file itself.
And a file may have many pictures, frames or what is seen of it on another background: for one that is denied it is
refused, but it passes only if all of them are allowed, and all were looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.condition import MATCH_BITS, SIMILAR_BITS
from config.consistency import OWN_LISTS
from model.condition import Question
from model.preprocess import Views

ALLOW, DENY = OWN_LISTS
Hashes = NDArray[np.uint8]


class Found(Protocol):
    """An entry that a file was found by."""

    @property
    def list(self) -> str:
        """The name of the list."""
        ...

    @property
    def kind(self) -> str:
        """`sha256` or `pdq`."""
        ...

    @property
    def distance(self) -> int:
        """Bits in which the PDQ hashes differ; 0 for SHA-256."""
        ...

    @property
    def view(self) -> int:
        """Which of the file's pictures is like it, as a row of `hashes`; 0 for SHA-256."""
        ...

    @property
    def note(self) -> str:
        """What its author wrote beside it."""
        ...


class Lists(Protocol):
    """All lists, as far as they could be read. `version` is a digest of all that is on them."""

    @property
    def version(self) -> str:
        """Changes when anything on any list does."""
        ...

    def by_sha256(self, name: str, sha256_hex: str) -> Found | None:
        """The entry of the list `name` for this SHA-256 (64 hex digits)."""
        ...

    def by_pdq(
        self, name: str, hashes: Hashes, quality: NDArray[np.uint8], within: int, until: float | None = None
    ) -> Found | None:
        """The nearest entry of the list `name` to the first of the pictures that has one `within` so many bits of 256.

        `hashes` is uint8 (W, 8, 32), the dihedral PDQ hashes of each picture; `quality` uint8 (W,), 0..100. Raises
        TimeoutError past `until`, an absolute `time.monotonic()` second.
        """
        ...

    def all_by_pdq(
        self, name: str, hashes: Hashes, quality: NDArray[np.uint8], within: int, until: float | None = None
    ) -> Found | None:
        """The same, if every picture has an entry so near: that of the one that is farthest from its own."""
        ...


class NoLists:
    """Where there are none."""

    version = ""

    def by_sha256(self, name: str, sha256_hex: str) -> None:
        """Nothing is found."""

    def by_pdq(
        self, name: str, hashes: Hashes, quality: NDArray[np.uint8], within: int, until: float | None = None
    ) -> None:
        """Nothing is found."""

    def all_by_pdq(
        self, name: str, hashes: Hashes, quality: NDArray[np.uint8], within: int, until: float | None = None
    ) -> None:
        """Nothing is found."""


@dataclass(frozen=True)
class File:
    """What lists can know a file by: its SHA-256 as it came, and as it goes on (without what stands behind its end).

    `hashes` and `quality` as in Lists.by_pdq; none before it is decoded. `complete`: they are of all its pictures.
    `until` is when looking for it has to end, an absolute `time.monotonic()` second.
    """

    sha256: tuple[str, ...]
    hashes: Hashes | None = None
    quality: NDArray[np.uint8] | None = None
    complete: bool = False
    until: float | None = None

    def on(self, lists: Lists, asked: Question) -> Found | None:
        """The entry of a list that it is found by: SHA-256, or else PDQ hashes. Raises TimeoutError past `until`."""
        exact = (lists.by_sha256(asked.list, one) for one in self.sha256)
        found: Found | None = next((entry for entry in exact if entry is not None), None)
        if found is not None or asked.bits is None or self.hashes is None or self.quality is None:
            return found
        if not asked.every:
            return lists.by_pdq(asked.list, self.hashes, self.quality, asked.bits, self.until)
        if not self.complete:
            return None
        return lists.all_by_pdq(asked.list, self.hashes, self.quality, asked.bits, self.until)

    def denied(self, lists: Lists) -> Found | None:
        """The entry of the own list by which it is refused."""
        return self.on(lists, Question(DENY, MATCH_BITS, every=False))

    def allowed(self, lists: Lists, *, similar: bool) -> Found | None:
        """The entry of the own list by which it passes; with `similar` by likeness too."""
        return self.on(lists, Question(ALLOW, SIMILAR_BITS if similar else None, every=True))

    def answers(self, lists: Lists, asked: Iterable[Question]) -> dict[Question, str]:
        """For every question of the rules that is answered with yes: how, in words for the log."""
        found = {one: self.on(lists, one) for one in asked}
        return {one: how(entry) for one, entry in found.items() if entry is not None}


def how(entry: Found) -> str:
    """By what a file was found, and what is noted there, in words for the log."""
    bits = f"pdq, {entry.distance} bits away" if entry.kind == "pdq" else "sha256"
    return f"{bits}: {entry.note}" if entry.note else bits


def of_views(sha256: Iterable[str], views: Views, *, video: bool, until: float) -> File:
    """A file that was decoded to `views`. Of a video not every picture is looked at."""
    complete = not video and views.seen >= views.distinct
    return File(tuple(dict.fromkeys(sha256)), views.pdq, views.quality, complete, until)
