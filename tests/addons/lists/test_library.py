"""The lists of a running filter: which shelf is heard, and that nothing is lost while another policy is taken up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.lists.library import Library
from addons.lists.shelf import ListError, Shelf
from config.listing import ListSpec
from model.lists import Lists
from tests.running import config

ONE, OTHER = "0a" * 32, "0b" * 32


class Room:
    def __init__(self, folder: Path) -> None:
        settings = config(("127.0.0.1", 9), state_dir=str(folder / "state")).settings
        self.heard: list[Lists] = []
        self.library = Library(settings, self.heard.append)
        self.own = folder / "state" / "lists" / "deny.txt"
        self.own.parent.mkdir(parents=True)

    def write(self, path: Path, *hashes: str) -> None:
        """A list that has been as it is for a while."""
        path.write_text("".join(f"{one}\n" for one in hashes))
        os.utime(path, (1_700_000_000 + len(hashes), 1_700_000_000 + len(hashes)))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path)
    yield made
    await made.library.close()


async def take(room: Room, **specs: ListSpec) -> Shelf:
    shelf = await room.library.read(specs)
    room.library.take(shelf, specs)
    return shelf


async def test_the_shelf_in_office_is_heard_and_no_other(room: Room, tmp_path: Path) -> None:
    room.write(room.own, ONE)
    old = await take(room)
    new = await take(room, shared=ListSpec(file=str(shared(room, tmp_path))))
    room.write(room.own, ONE, OTHER)
    assert await old.look(), "it sees the change, in the midst of a look"
    assert room.heard == [], "and knows nothing of the list `shared`"
    assert await new.look()
    assert [lists.by_sha256("deny", OTHER) is not None for lists in room.heard] == [True]
    assert room.heard[0].by_sha256("shared", ONE) is not None


async def test_what_changes_while_a_model_is_loaded_is_there_when_it_is_taken(room: Room) -> None:
    room.write(room.own, ONE)
    await take(room)
    shelf = await room.library.read({})
    room.write(room.own, ONE, OTHER)
    assert shelf.lists.by_sha256("deny", OTHER) is None
    await shelf.look()
    room.library.take(shelf, {})
    assert shelf.lists.by_sha256("deny", OTHER) is not None


async def test_a_list_that_cannot_be_read_leaves_what_is_in_office(room: Room, tmp_path: Path) -> None:
    room.write(room.own, ONE)
    await take(room)
    with pytest.raises(ListError):
        await room.library.read({"shared": ListSpec(file=str(tmp_path / "none.txt"))})
    assert set(room.library.standing) == {"allow", "deny"}


async def test_watching_ends_with_the_shelf_and_with_the_filter(room: Room) -> None:
    def watching() -> int:
        return sum(task.get_name() in ("lists", "subscriptions") for task in asyncio.all_tasks())

    await take(room)
    await take(room, friends=ListSpec(url="https://127.0.0.1:9/list.txt"))
    await asyncio.sleep(0)
    assert watching() == 2
    await room.library.close()
    assert watching() == 0
    await take(room)
    assert watching() == 0, "a reload that was under way begins nothing any more"


def shared(room: Room, folder: Path) -> Path:
    path = folder / "shared.txt"
    room.write(path, ONE)
    return path
