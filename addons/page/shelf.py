"""The administrator's lists as the page has them: a file of the history is put on one, and how all of them stand."""

from __future__ import annotations

from collections.abc import Mapping

from addons.lists.book import Book
from addons.lists.shelf import ListError, Standing
from addons.page.sources import KINDS, BookError, Kind, Listed
from model.hashlist import Entry


class PageBook:
    """Writes into `book`, which blocks: for the threads of the internal port."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def add(self, kind: Kind, digest: str, note: str) -> None:
        """Put a SHA-256 (64 hex digits) on a list. Raises BookError."""
        try:
            self._book.add(kind, [Entry("sha256", bytes.fromhex(digest), note)])
        except ListError as error:
            raise BookError(str(error)) from error

    def remove(self, kind: Kind, digest: str) -> None:
        """Take a SHA-256 off a list, if it is on it. Raises BookError."""
        try:
            self._book.remove(kind, {("sha256", bytes.fromhex(digest))})
        except ListError as error:
            raise BookError(str(error)) from error

    def on(self, digest: str) -> list[Kind]:
        """The lists that a SHA-256 is on. Raises BookError."""
        try:
            return [kind for kind in KINDS if self._book.has(kind, ("sha256", bytes.fromhex(digest)))]
        except ListError as error:
            raise BookError(str(error)) from error


def listed(standing: Mapping[str, Standing]) -> list[Listed]:
    """Each list, for the page."""
    return [Listed(name, one.entries, one.fault) for name, one in standing.items()]
