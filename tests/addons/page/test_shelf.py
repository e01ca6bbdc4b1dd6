"""The page's way to the administrator's lists, on real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.lists.book import Book
from addons.lists.shelf import Standing
from addons.page.shelf import PageBook, listed
from addons.page.sources import BookError
from tests.addons.page.desk import SHA


def test_a_file_goes_on_lists_and_off_them(tmp_path: Path) -> None:
    book = PageBook(Book(tmp_path))
    assert book.on(SHA) == []
    book.add("deny", SHA, "a note")
    book.add("allow", SHA, "")
    assert book.on(SHA) == ["allow", "deny"]
    assert book.on("cd" * 32) == []
    book.remove("deny", SHA)
    assert book.on(SHA) == ["allow"]
    assert SHA not in (tmp_path / "deny.txt").read_text()


def test_a_list_with_a_fault_is_told(tmp_path: Path) -> None:
    (tmp_path / "deny.txt").write_text("no hash\n")
    book = PageBook(Book(tmp_path))
    for change in (lambda: book.add("deny", SHA, ""), lambda: book.remove("deny", SHA), lambda: book.on(SHA)):
        with pytest.raises(BookError, match=r"deny\.txt"):
            change()


def test_how_lists_stand() -> None:
    (found,) = listed({"deny": Standing(3, 1.0, "line 2 is no hash")})
    assert (found.name, found.entries, found.state) == ("deny", 3, "line 2 is no hash")
