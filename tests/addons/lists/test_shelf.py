"""The files of all lists: what is read at the start, what a change brings, and what a fault does not."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from addons.lists import shelf as room
from addons.lists.places import Place, Signature, copy_file, own_file, replace
from addons.lists.shelf import ListError, Shelf, Standing, read_now
from config.listing import ListSpec
from model.hashlist import HashList
from model.lists import Lists, Match, Searchable

A, B = "aa" * 32, "bb" * 32
NOW = 1_000_000.0
GOOD = np.array([100], np.uint8)


class Watched:
    """A shelf of `folder` that takes files up however new they are; `seen` are the lists that it gave."""

    def __init__(self, folder: Path, specs: Mapping[str, ListSpec] | None = None, like: Shelf | None = None) -> None:
        self.seen: list[Lists] = []
        self.shelf = Shelf(folder, specs or {}, self.seen.append, settle_seconds=0.0, clock=lambda: NOW, like=like)

    def has(self, name: str, value: str) -> bool:
        return self.shelf.lists.by_sha256(name, value) is not None


def put(path: Path, text: str) -> Path:
    replace(path, text.encode())
    return path


async def test_without_any_file_all_are_empty(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "none", {"theirs": ListSpec(url="https://h/")})
    lists = await watched.shelf.load()
    assert lists.names == ("allow", "deny", "theirs")
    assert watched.shelf.standing == dict.fromkeys(("allow", "deny", "theirs"), Standing(0, None, ""))
    assert not await watched.shelf.look()
    assert watched.seen == []


async def test_what_is_read_at_the_start(tmp_path: Path) -> None:
    put(own_file(tmp_path, "deny"), f"{A} # why\n")
    put(copy_file(tmp_path, "theirs"), f"{B}\n")
    file = put(tmp_path / "elsewhere" / "known.txt", f"{'00' * 32}\nsha256 {A}")
    specs = {"theirs": ListSpec(url="https://h/", bare="pdq"), "known": ListSpec(file=str(file), bare="pdq")}
    watched = Watched(tmp_path, specs)
    lists = await watched.shelf.load()
    assert lists is watched.shelf.lists
    assert lists.by_sha256("deny", A) == Match("deny", "sha256", 0, "why", 0)
    assert lists.by_sha256("theirs", B) is not None  # a copy says its kinds outright
    assert lists.by_pdq("known", np.zeros((1, 8, 32), np.uint8), GOOD) is not None
    assert lists.by_sha256("known", A) is not None
    assert watched.shelf.standing["known"] == Standing(2, NOW, "")
    assert watched.seen == []


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_another_file(path: Path, text: str) -> None:
    other = path.with_name("other")
    other.write_text(text)
    other.rename(path)


def of_the_same_size_and_time(path: Path, text: str) -> None:
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [in_place, by_another_file, of_the_same_size_and_time])
async def test_a_change_is_taken_up_once(tmp_path: Path, change: Callable[[Path, str], None]) -> None:
    path = put(own_file(tmp_path, "deny"), A)
    watched = Watched(tmp_path)
    before = await watched.shelf.load()
    assert not await watched.shelf.look()
    change(path, B)
    assert await watched.shelf.look()
    assert (watched.has("deny", A), watched.has("deny", B)) == (False, True)
    assert watched.seen == [watched.shelf.lists]
    assert before.by_sha256("deny", A) is not None
    assert before.version != watched.shelf.lists.version
    assert not await watched.shelf.look()
    path.write_text(f"# a comment changes nothing\n{B}\n")
    assert not await watched.shelf.look()
    assert len(watched.seen) == 1


async def test_a_file_that_comes_later(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "lists")
    await watched.shelf.load()
    put(own_file(tmp_path / "lists", "allow"), A)
    assert await watched.shelf.look()
    assert watched.has("allow", A)


async def test_a_file_that_goes_is_missed_at_the_second_look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(own_file(tmp_path, "deny"), A)
    watched = Watched(tmp_path)
    await watched.shelf.load()
    path.rename(tmp_path / "away")
    assert not await watched.shelf.look()
    (tmp_path / "away").rename(path)  # as an editor does
    assert not await watched.shelf.look()
    path.unlink()
    assert not await watched.shelf.look()
    assert watched.has("deny", A)
    assert await watched.shelf.look()
    assert not watched.has("deny", A)
    assert f"the list deny is empty now: {path} is not there any more" in caplog.text
    put(path, A)
    assert await watched.shelf.look()


async def test_a_faulty_change_is_said_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = put(own_file(tmp_path, "deny"), A)
    watched = Watched(tmp_path)
    await watched.shelf.load()
    path.write_text(f"{B}\nnonsense\nmore\n")
    for _ in range(3):
        assert not await watched.shelf.look()
    assert (watched.has("deny", A), watched.has("deny", B)) == (True, False)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith(f"the list deny: {path}:2: must be 64 hex digits")
    assert said[0].endswith("(and 1 more); what it said before stays in force")
    assert watched.shelf.standing["deny"].fault.startswith(f"{path}:2: must be")
    path.write_text(f"{B}\n")
    assert await watched.shelf.look()
    assert watched.has("deny", B)
    assert watched.shelf.standing["deny"] == Standing(1, NOW, "")
    assert caplog.records[-1].getMessage() == "the list deny can be read again"


async def test_at_the_start_the_other_lines_of_a_faulty_file_hold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = put(own_file(tmp_path, "deny"), f"{A}\nnonsense\n")
    watched = Watched(tmp_path)
    await watched.shelf.load()
    assert watched.has("deny", A)
    assert f"{path}:2: must be 64 hex digits" in caplog.text
    assert caplog.text.strip().endswith("its other lines hold")
    assert watched.shelf.standing["deny"].fault
    assert not await watched.shelf.look()
    assert len(caplog.records) == 1


async def test_a_file_that_cannot_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = put(own_file(tmp_path, "deny"), A)
    watched = Watched(tmp_path)
    await watched.shelf.load()
    path.rename(tmp_path / "away")
    path.mkdir()
    for _ in range(3):
        assert not await watched.shelf.look()
    assert watched.has("deny", A)
    assert [record.getMessage() for record in caplog.records] == [
        f"the list deny: {watched.shelf.standing['deny'].fault}; what it said before stays in force"
    ]
    assert f"{path}: " in caplog.text
    path.rmdir()
    (tmp_path / "away").rename(path)
    assert not await watched.shelf.look()
    assert watched.shelf.standing["deny"].fault == ""


async def test_at_the_start_what_cannot_be_read_ends_it(tmp_path: Path) -> None:
    (tmp_path / "deny.txt").mkdir()
    os.mkfifo(tmp_path / "allow.txt")
    known = tmp_path / "known.txt"
    with pytest.raises(ListError) as caught:
        await Watched(tmp_path, {"known": ListSpec(file=str(known))}).shelf.load()
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path}/allow.txt: cannot be read: it is not an ordinary file"
    assert lines[1].startswith(f"{tmp_path}/deny.txt: ")
    assert lines[2].startswith(f"{known}: there is no such file (make it, an empty one too, or change `file:`)")


async def test_a_file_that_the_policy_names_is_not_empty_when_it_goes(tmp_path: Path) -> None:
    known = put(tmp_path / "known.txt", A)
    watched = Watched(tmp_path, {"known": ListSpec(file=str(known))})
    await watched.shelf.load()
    known.unlink()
    for _ in range(3):
        assert not await watched.shelf.look()
    assert watched.has("known", A)
    assert "there is no such file" in watched.shelf.standing["known"].fault


async def test_a_file_that_is_written_to_is_read_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(own_file(tmp_path, "deny"), A)
    now = path.stat().st_mtime
    shelf = Shelf(tmp_path, {}, lambda _lists: None, clock=lambda: now)
    await shelf.load()  # which does not wait
    path.write_text(B)
    now = path.stat().st_mtime + 0.9
    assert not await shelf.look()
    now += 0.2
    assert await shelf.look()
    changes = iter([True])
    real = os.fstat

    def fstat(handle: int) -> os.stat_result:
        found = real(handle)
        if next(changes, False):
            path.write_text(f"{A}\n{B}")
        return found

    path.write_text(A)
    now += 60
    monkeypatch.setattr(os, "fstat", fstat)
    assert not await shelf.look()
    assert await shelf.look()
    assert shelf.standing["deny"].entries == 2


async def test_nothing_is_read_or_sorted_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(own_file(tmp_path, "deny"), A)
    threads: set[int] = set()
    read = room._read
    watched = Watched(tmp_path)

    def reading(place: Place) -> tuple[HashList, Signature] | None:
        threads.add(threading.get_ident())
        return read(place)

    def sorting(found: HashList) -> Searchable:
        threads.add(threading.get_ident())
        return Searchable(found)

    monkeypatch.setattr(room, "_read", reading)
    monkeypatch.setattr(room, "Searchable", sorting)
    await watched.shelf.load()
    put(own_file(tmp_path, "deny"), B)
    assert await watched.shelf.look()
    assert threads
    assert threading.get_ident() not in threads


async def test_after_a_change_of_the_policy_only_what_is_new_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own_file(tmp_path, "deny"), A)
    first = Watched(tmp_path)
    await first.shelf.load()
    known = put(tmp_path / "known.txt", B)
    opened: list[Path] = []
    read = room._read

    def reading(place: Place) -> tuple[HashList, Signature] | None:
        opened.append(place.path)
        return read(place)

    monkeypatch.setattr(room, "_read", reading)
    second = Watched(tmp_path, {"known": ListSpec(file=str(known))}, like=first.shelf)
    await second.shelf.load()
    assert opened == [known]
    assert second.has("deny", A)
    assert second.has("known", B)
    assert first.shelf.lists.names == ("allow", "deny")
    put(own_file(tmp_path, "deny"), B)
    assert await second.shelf.look()
    assert (first.has("deny", A), second.has("deny", B)) == (True, True)


def half_written(path: Path) -> None:
    path.write_text(f"{A}\n{B[:20]}")


def faulty(path: Path) -> None:
    path.write_text(f"{A}\nnonsense\n")
    os.utime(path, (NOW - 60, NOW - 60))


def away(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [half_written, faulty, away, a_folder])
@pytest.mark.parametrize("absent_before", [False, True])
async def test_a_change_of_the_policy_takes_no_half_of_a_list(
    tmp_path: Path, spoil: Callable[[Path], None], absent_before: bool
) -> None:
    """Whatever the file is at that moment, what it said before stays, until looks say otherwise."""
    path = put(own_file(tmp_path, "deny"), f"{A}\n{B}\n")
    first = Watched(tmp_path)
    await first.shelf.load()
    if absent_before:  # at one look: the reload is no second one
        path.rename(tmp_path / "elsewhere")
        await first.shelf.look()
        (tmp_path / "elsewhere").rename(path)
    spoil(path)
    known = put(tmp_path / "known.txt", A)
    second = Watched(tmp_path, {"known": ListSpec(file=str(known))}, like=first.shelf)
    await second.shelf.load()
    assert (second.has("deny", A), second.has("deny", B), second.has("known", A)) == (True, True, True)
    third = Watched(tmp_path, like=second.shelf)
    await third.shelf.load()
    assert third.shelf.standing["deny"].entries == 2


async def test_a_list_that_comes_with_a_change_of_the_policy_waits_until_it_is_whole(tmp_path: Path) -> None:
    first = Watched(tmp_path)
    await first.shelf.load()
    path = put(own_file(tmp_path, "deny"), A)
    now = path.stat().st_mtime
    second = Shelf(tmp_path, {}, lambda _lists: None, like=first.shelf, clock=lambda: now)
    await second.load()
    assert second.standing["deny"].entries == 0
    now += 2
    assert await second.look()
    assert second.standing["deny"].entries == 1


async def test_a_shelf_that_was_never_read_is_like_none(tmp_path: Path) -> None:
    put(own_file(tmp_path, "deny"), A)
    watched = Watched(tmp_path, like=Watched(tmp_path).shelf)
    await watched.shelf.load()
    assert watched.has("deny", A)


async def test_it_is_looked_again_and_again(tmp_path: Path) -> None:
    arrived = asyncio.Event()
    shelf = Shelf(tmp_path, {}, lambda _lists: arrived.set(), settle_seconds=0.0)
    await shelf.load()
    watching = asyncio.create_task(shelf.watch(0.01))
    put(own_file(tmp_path, "deny"), A)
    async with asyncio.timeout(30):
        await arrived.wait()
    watching.cancel()
    await asyncio.wait([watching])
    assert shelf.lists.by_sha256("deny", A) is not None


def test_reading_for_an_administrator(tmp_path: Path) -> None:
    assert len(read_now(Place(tmp_path / "none"))) == 0
    with pytest.raises(ListError, match="cannot be read: No such file"):
        read_now(Place(tmp_path / "none", required=True))
    assert len(read_now(Place(put(tmp_path / "some", f"{A}\n?"), "pdq")).pdq) == 1
