"""Changing the administrator's own lists: what is added and taken out, what stays, and what is refused."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from addons.lists import book as room
from addons.lists import places
from addons.lists.book import FORMAT, HEADS, Book
from addons.lists.places import own_file
from addons.lists.shelf import ListError
from model.card import CARD_SHA256
from model.hashlist import Entry
from tests.running import repository

A, B, C = (bytes([each]) * 32 for each in (0xAA, 0xBB, 0xCC))
ONE, TWO = Entry("sha256", A, "why"), Entry("pdq", A, "")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "lists")


def text(tmp_path: Path, name: str = "deny") -> bytes:
    return own_file(tmp_path / "lists", name).read_bytes()


def write(tmp_path: Path, data: bytes, name: str = "deny") -> None:
    (tmp_path / "lists").mkdir()
    own_file(tmp_path / "lists", name).write_bytes(data)


def test_a_new_list_begins_with_what_it_is(tmp_path: Path, book: Book) -> None:
    assert len(book.read("deny")) == 0
    assert book.add("deny", [ONE, TWO]) == [ONE, TWO]
    assert text(tmp_path).decode() == f"{HEADS['deny']}{FORMAT}{A.hex()}  # why\npdq {A.hex()}\n"
    assert list(book.read("deny").entries()) == [ONE, TWO]
    book.add("allow", [ONE])
    assert text(tmp_path, "allow").decode().startswith(HEADS["allow"])


def test_it_tells_what_it_has(book: Book) -> None:
    book.add("deny", [ONE])
    assert book.has("deny", ("sha256", A))
    assert not book.has("deny", ("pdq", A))
    assert not book.has("deny", ("sha256", B))
    assert not book.has("allow", ("sha256", A))


def test_a_hash_is_on_it_once(tmp_path: Path, book: Book) -> None:
    book.add("deny", [ONE])
    before = text(tmp_path)
    assert book.add("deny", [Entry("sha256", A, "another note")]) == []
    assert book.add("deny", []) == []
    assert text(tmp_path) == before
    assert book.add("deny", [Entry("sha256", B, "first"), ONE, Entry("sha256", B, "second")]) == [
        Entry("sha256", B, "first")
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_comments_order_and_line_ends_stay(tmp_path: Path, book: Book, end: bytes, mark: bytes) -> None:
    lines = [b"%s # first" % B.hex().encode(), b"# my own words", b"", b"PDQ  %s#x" % A.hex().upper().encode()]
    write(tmp_path, mark + end.join(lines))  # without an end of the last line
    assert book.add("deny", [ONE]) == [ONE]
    assert text(tmp_path) == mark + end.join([*lines, b"%s  # why" % A.hex().encode(), b""])
    assert book.remove("deny", [("pdq", A)]) == [Entry("pdq", A, "x")]
    assert book.remove("deny", {("sha256", B)}) == [Entry("sha256", B, "first")]
    assert text(tmp_path) == mark + end.join([*lines[1:3], b"%s  # why" % A.hex().encode(), b""])


def test_every_line_of_a_hash_goes(tmp_path: Path, book: Book) -> None:
    write(tmp_path, f"{A.hex()}\n{B.hex()}\nsha256 {A.hex()}\n".encode())
    assert len(book.remove("deny", [("sha256", A)])) == 2
    assert text(tmp_path).decode() == f"{B.hex()}\n"
    before = own_file(tmp_path / "lists", "deny").stat()
    assert book.remove("deny", [("pdq", B), ("sha256", C)]) == []
    assert own_file(tmp_path / "lists", "deny").stat() == before


def test_the_card_cannot_be_allowed(tmp_path: Path, book: Book) -> None:
    card = Entry("sha256", bytes.fromhex(CARD_SHA256))
    with pytest.raises(ListError, match="the self-test card cannot be allowed"):
        book.add("allow", [ONE, card])
    assert not own_file(tmp_path / "lists", "allow").exists()
    assert book.add("deny", [card]) == [card]


def test_a_faulty_list_is_not_changed(tmp_path: Path, book: Book) -> None:
    write(tmp_path, f"{A.hex()}\nnonsense\n".encode())
    for change in (
        lambda: book.add("deny", [TWO]),
        lambda: book.remove("deny", [("sha256", A)]),
        lambda: book.read("deny"),
    ):
        with pytest.raises(ListError, match=r"deny\.txt:2: must be 64 hex digits.* put that right first"):
            change()
    assert text(tmp_path) == f"{A.hex()}\nnonsense\n".encode()


def test_bounds(tmp_path: Path, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_ENTRIES", 2)
    book.add("deny", [ONE, TWO])
    with pytest.raises(ListError, match="more than 2 hashes"):
        book.add("deny", [Entry("sha256", B)])
    assert book.add("deny", [ONE]) == []
    monkeypatch.setattr(room, "MAX_ENTRIES", 3)
    most = len(text(tmp_path)) + 80
    monkeypatch.setattr(room, "MAX_BYTES", most)
    with pytest.raises(ListError, match=f"more than {most} bytes"):
        book.add("deny", [Entry("sha256", B, "n" * 100)])


def test_who_comes_second_waits_and_gives_up(tmp_path: Path) -> None:
    impatient = Book(tmp_path, lock_seconds=0.0)
    with (tmp_path / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ListError, match="somebody else is changing the lists; try again"):
            impatient.add("deny", [ONE])
    assert impatient.add("deny", [ONE]) == [ONE]


def test_of_two_writers_none_loses_an_entry(tmp_path: Path) -> None:
    """Four processes add 20 hashes each, one at a time."""
    script = (
        "import sys, pathlib; from addons.lists.book import Book; from model.hashlist import Entry\n"
        "book = Book(pathlib.Path(sys.argv[1])); mine = int(sys.argv[2])\n"
        "for each in range(20): book.add('deny', [Entry('sha256', bytes([mine, each]) * 16)])\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(mine)], cwd=repository())
        for mine in range(4)
    ]
    assert [each.wait() for each in started] == [0, 0, 0, 0]
    assert len(Book(tmp_path).read("deny")) == 80
    assert sorted(os.listdir(tmp_path)) == [".lock", "deny.txt"]


def _folder_in_its_place(folder: Path) -> None:
    (folder / "deny.txt").mkdir()


def _file_for_the_folder(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("")


def test_a_pipe_in_its_place_holds_nobody_up(tmp_path: Path) -> None:
    """Neither who changes the list nor, for there is one lock, who comes next. In a process that can be ended."""
    os.mkfifo(tmp_path / "deny.txt")
    script = (
        "import sys, pathlib; from addons.lists.book import Book; from model.hashlist import Entry\n"
        "Book(pathlib.Path(sys.argv[1])).add('deny', [Entry('sha256', bytes(32))])\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=repository(), timeout=60, capture_output=True, check=False)
    assert b"deny.txt: cannot be read: it is not an ordinary file" in done.stderr


def test_a_list_that_is_being_written_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it would be put in its place."""
    write(tmp_path, f"{A.hex()}\n".encode())
    monkeypatch.setattr(places, "read", lambda _path, _at_most: None)
    with pytest.raises(ListError, match=r"deny\.txt: is being written just now; try again"):
        Book(tmp_path / "lists").add("deny", [TWO])


@pytest.mark.parametrize("spoil", [_folder_in_its_place, _file_for_the_folder])
def test_what_cannot_be_used_is_said(tmp_path: Path, spoil: object) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(ListError, match=r"cannot be (read|written to): .+"):
        Book(folder).add("deny", [ONE])


def test_a_mount_of_its_own_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_path: Path, _data: bytes) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(room, "replace", busy)
    monkeypatch.setattr(Path, "is_mount", lambda _path: True)
    with pytest.raises(ListError, match=r"busy; it is a mount of its own, .*: mount the folder that it is in"):
        Book(tmp_path).add("deny", [ONE])
