"""`pictrs-filter lists`: what is shown, taken in, given out and fetched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from addons.admin import lists
from addons.fetch.errors import FetchFailed
from addons.fetch.reading import NotModified
from addons.lists.book import Book
from addons.lists.places import copy_file, lists_folder, own_file
from addons.lists.places import replace as put
from config.listing import ListSpec
from config.load import Config
from model.card import CARD_SHA256
from model.hashlist import Entry
from tests.addons.lists.test_subscriptions import URL, Fetcher
from tests.running import config

Captured = pytest.CaptureFixture[str]
A, B = "aa" * 32, "bb" * 32


def made(tmp_path: Path, specs: Mapping[str, ListSpec] | None = None) -> Config:
    plain = config(("127.0.0.1", 9), state_dir=str(tmp_path / "state"))
    return replace(plain, policy=plain.policy.model_copy(update={"lists": dict(specs or {})}))


def folder(tmp_path: Path) -> Path:
    return lists_folder(tmp_path / "state")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.txt"
    path.write_text(text)
    return path


def test_show_without_any(tmp_path: Path, capsys: Captured) -> None:
    assert lists.show(made(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "list                   SHA-256       PDQ  where it comes from",
        f"allow                        0         0  {folder(tmp_path)}/allow.txt",
        f"deny                         0         0  {folder(tmp_path)}/deny.txt",
    ]


def test_show_counts_and_faults(tmp_path: Path, capsys: Captured) -> None:
    put(own_file(folder(tmp_path), "deny"), f"{A}\n{B}\npdq {A}\n".encode())
    put(own_file(folder(tmp_path), "allow"), f"{A}\nno\nno\n".encode())
    specs = {"theirs": ListSpec(url=URL), "mine": ListSpec(file=str(tmp_path / "none.txt"))}
    with_lists = made(tmp_path, specs)
    assert asyncio.run(lists.sync(with_lists, Fetcher(f"pdq {B}\n".encode()))) == 0
    assert asyncio.run(lists.sync(with_lists, Fetcher(FetchFailed("It failed.")))) == 1
    capsys.readouterr()
    assert lists.show(with_lists, now=time.time() + 7200) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"allow                        1         0  {folder(tmp_path)}/allow.txt",
        f"    fault: {folder(tmp_path)}/allow.txt:2: must be 64 hex digits, or pdq and 64 hex digits, then at most a "
        "# note; not no (and 1 more)",
        f"deny                         2         1  {folder(tmp_path)}/deny.txt",
        f"theirs                       0         1  {URL}, fetched 2 h ago",
        "    fault: asked 2 h ago: It failed.",
        f"mine                         -         -  {tmp_path}/none.txt",
        f"    fault: {tmp_path}/none.txt: cannot be read: No such file or directory",
    ]


def test_show_of_a_list_that_was_never_fetched(tmp_path: Path, capsys: Captured) -> None:
    assert lists.show(made(tmp_path, {"theirs": ListSpec(url=URL)})) == 0
    assert f"{URL}, never fetched" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7199, "120 min ago"),
        (7200, "2 h ago"),
        (3e5, "3 d ago"),
    ],
)
def test_ago(seconds: float, words: str) -> None:
    assert lists._ago(seconds) == words


def test_import(tmp_path: Path, capsys: Captured) -> None:
    file = written(tmp_path, f"{A} # theirs\n{B}\n{B}\n")
    assert lists.take(made(tmp_path), file, "deny", "pdq", note="from them") == 0
    assert capsys.readouterr().out == "2 of 3 hashes are new on `deny`. A running filter takes it up within seconds.\n"
    assert list(Book(folder(tmp_path)).read("deny").entries()) == [
        Entry("pdq", bytes.fromhex(A), "theirs"),
        Entry("pdq", bytes.fromhex(B), "from them"),
    ]
    assert lists.take(made(tmp_path), file, "deny", "pdq") == 0
    assert capsys.readouterr().out == "0 of 3 hashes are new on `deny`.\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{A}\nnonsense\n", "given.txt:2: must be 64 hex digits"),
        (f"{A}\npdq {B}\n", "has 1 PDQ hashes, each of which allows all that looks like it: say so with --similar"),
        (f"{A}\n{CARD_SHA256}\n", "the self-test card cannot be allowed"),
    ],
)
def test_import_is_whole_or_not_at_all(tmp_path: Path, capsys: Captured, text: str, message: str) -> None:
    assert lists.take(made(tmp_path), written(tmp_path, text), "allow", "sha256") == 1
    assert message in capsys.readouterr().err
    assert len(Book(folder(tmp_path)).read("allow")) == 0


def test_import_of_looks_into_allow_and_of_no_file(tmp_path: Path, capsys: Captured) -> None:
    assert lists.take(made(tmp_path), written(tmp_path, f"pdq {A}\n"), "allow", "sha256", similar=True) == 0
    assert lists.take(made(tmp_path), tmp_path / "none", "allow", "sha256") == 1
    assert capsys.readouterr().err == f"pictrs-filter: {tmp_path}/none: cannot be read: No such file or directory\n"


def test_what_is_exported_can_be_imported(tmp_path: Path, capsys: Captured) -> None:
    text = f"# a comment\n{A}  # why\nPDQ {B.upper()}\n"
    put(own_file(folder(tmp_path), "deny"), text.encode())
    for kind, lines in (
        (None, [f"{A}  # why", f"pdq {B}"]),
        ("pdq", [f"pdq {B}"]),
        ("sha256", [f"{A}  # why"]),
    ):
        assert lists.give(made(tmp_path), "deny", kind) == 0  # type: ignore[arg-type]
        assert capsys.readouterr().out.splitlines() == lines
    put(own_file(folder(tmp_path), "deny"), b"nonsense")
    assert lists.give(made(tmp_path), "deny", None) == 1
    assert "deny.txt:1: must be" in capsys.readouterr().err


def test_sync(tmp_path: Path, capsys: Captured) -> None:
    with_list = made(tmp_path, {"theirs": ListSpec(url=URL)})
    fetcher = Fetcher(f"{A}\n".encode(), NotModified(), b"<html>")
    assert asyncio.run(lists.sync(with_list, fetcher)) == 0
    assert asyncio.run(lists.sync(with_list, fetcher)) == 0
    assert capsys.readouterr().out.splitlines() == ["theirs: fetched, 1 hashes", "theirs: has not changed"]
    assert asyncio.run(lists.sync(with_list, fetcher)) == 1
    assert capsys.readouterr().err.startswith("theirs: it is not a list: line 1")
    assert copy_file(folder(tmp_path), "theirs").read_text() == f"{A}\n"
    assert asyncio.run(lists.sync(made(tmp_path))) == 0
    assert "names no list with a url" in capsys.readouterr().out
