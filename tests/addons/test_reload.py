"""A file that changes: when it is read, what a mistake in it leaves as it was, and what is told."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from addons.lists.shelf import ListError
from addons.reload import Reload, State, signature
from config.load import Config, load
from config.settings import Mode
from model.errors import ModelError

SECONDS = 0.01


class Room:
    """A configuration file, and what came of its changes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "filter.yaml"
        self.write("mode: enforce\n")
        self.applied: list[Config] = []
        self.fault: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.reads = 0
        self.told: list[State] = []
        self.reload = Reload(load(self.path, {}), self.read, self.apply, seconds=SECONDS, told=self.told.append)

    def write(self, text: str) -> None:
        """As editors do: another file in its place."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)

    def read(self) -> Config:
        self.reads += 1
        return load(self.path, {})

    async def apply(self, config: Config) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.fault is not None:
            raise self.fault
        self.applied.append(config)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@asynccontextmanager
async def watching(room: Room) -> AsyncIterator[Reload]:
    room.reload.start()
    try:
        yield room.reload
    finally:
        await room.reload.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 -- what is waited for is a file and a log
            await asyncio.sleep(SECONDS)


async def test_whoever_wants_to_know_is_told_of_each_reload(room: Room) -> None:
    async with watching(room):
        room.write("mode: shadow\n")
        await until(lambda: room.told)
        room.write("mode: on\n")
        await until(lambda: len(room.told) > 1)
    good, bad = room.told
    assert (good.success, bad.success, len(bad.problems)) == (True, False, 1)
    assert bad.config == good.config == room.applied[-1]


async def test_a_good_edit_is_in_force_soon(room: Room) -> None:
    async with watching(room) as reload:
        room.write("mode: shadow\n")
        await until(lambda: room.applied)
    assert [config.settings.mode for config in room.applied] == [Mode.SHADOW]
    assert (reload.state.success, reload.state.config) == (True, room.applied[0])


async def test_a_bad_edit_keeps_what_there_was_and_says_why_with_its_line(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    before = room.reload.state
    async with watching(room) as reload:
        room.write("# mine\nmode: shadwo\n")
        await until(lambda: not reload.state.success)
        assert (room.applied, reload.state.config) == ([], before.config)
        place = f"{room.path}:2: mode: must be enforce or shadow, not 'shadwo'"
        assert reload.state.problems == (place,)
        assert f"configuration not taken up: {place}" in caplog.messages
        assert caplog.messages[-1] == f"still in force: policy {before.config.hash[:8]}, mode enforce"
        reads = room.reads
        await asyncio.sleep(10 * SECONDS)
        assert room.reads == reads, "it is told once"
        room.write("mode: shadow\n")
        await until(lambda: reload.state.success and room.applied)


async def test_a_file_that_is_gone_is_a_mistake_and_its_return_none(room: Room) -> None:
    async with watching(room) as reload:
        room.path.unlink()
        await until(lambda: not reload.state.success)
        assert "cannot be read" in reload.state.problems[0]
        room.write("mode: shadow\n")
        await until(lambda: reload.state.success)


async def test_a_file_that_is_being_written_is_not_read(room: Room) -> None:
    looks = 0

    def signatures(path: Path) -> tuple[int, int, int]:
        nonlocal looks
        looks += 1
        return (1, 1, min(looks, 20))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("addons.reload.signature", signatures)
        async with watching(room):
            await until(lambda: room.reads)
            assert looks > 20, "it has stayed the same for a look"


async def test_a_change_in_place_is_seen_too(room: Room) -> None:
    """As Docker's mount of a single file shows it: the inode stays."""
    inode = os.stat(room.path).st_ino
    async with watching(room):
        room.path.write_text("mode: shadow\n")
        await until(lambda: room.applied)
    assert os.stat(room.path).st_ino == inode


async def test_to_be_asked_is_to_read_at_once(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    room.reload._seconds = 600
    async with watching(room) as reload:
        reload.ask()
        await until(lambda: room.reads)
        assert room.applied == []
        assert caplog.messages == ["configuration read again: nothing has changed for a running filter"]
        room.write("mode: shadow\n")
        reload.ask()
        await until(lambda: room.applied)


@pytest.mark.parametrize("fault", [ModelError("no such thing"), ListError("no such thing")], ids=["model", "list"])
async def test_what_cannot_be_loaded_keeps_what_there_was(room: Room, fault: Exception) -> None:
    room.fault = fault
    async with watching(room) as reload:
        assert reload.state.first
        room.write("mode: shadow\n")
        await until(lambda: not reload.state.success)
        assert not reload.state.first
        assert reload.state.problems == (f"{room.path}: no such thing",)
        assert reload.state.config.settings.mode is Mode.ENFORCE


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ModelError("local-dir:/x: there is no config.json"), "4: models.mine: local-dir:/x: there is"),
        (ModelError("/x/model.safetensors: is broken"), "4: models.mine: /x/model"),
        (ModelError("signal 'high': model 'mine' has no label 'b'"), "6: signals.high: signal 'high': model"),
        (ListError("/lists/shared.txt:3: is no hash"), "8: lists.shared: /lists/shared.txt:3: is no hash"),
    ],
)
async def test_the_line_of_what_could_not_be_had_is_told(room: Room, fault: Exception, told: str) -> None:
    room.fault = fault
    async with watching(room) as reload:
        room.write(
            """mode: shadow
# a model
models:
  mine: {timm: 'local-dir:/x', labels: [a, b]}
signals:
  high: {model: mine, label: b}
lists:
  shared: {file: /lists/shared.txt}
rules:
  - {name: one, when: {any: [{signal: high, at_least: 0.5}, {list: shared}]}, action: reject}
"""
        )
        await until(lambda: not reload.state.success)
    assert reload.state.problems[0].startswith(f"{room.path}:{told}")


async def test_whatever_goes_wrong_it_goes_on_looking(room: Room) -> None:
    room.fault = RuntimeError("odd")
    async with watching(room) as reload:
        room.write("mode: shadow\n")
        await until(lambda: not reload.state.success)
        assert reload.state.problems == ("RuntimeError: odd",)
        room.fault = None
        reload.ask()
        await until(lambda: reload.state.success)
    assert len(room.applied) == 1


async def test_what_waits_for_a_restart_is_told(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    async with watching(room) as reload:
        room.write("mode: shadow\nlisten: 127.0.0.1:9999\n")
        await until(lambda: room.applied)
        await until(lambda: reload.state.waiting)
    assert (reload.state.success, reload.state.waiting) == (True, ("listen",))
    assert room.applied[0].settings.listen == "127.0.0.1:8081"
    assert "not taken up before the next start: listen" in caplog.messages


async def test_edits_while_a_model_is_loaded_come_to_the_last_one(room: Room) -> None:
    room.hold = asyncio.Event()
    async with watching(room) as reload:
        room.write("mode: shadow\n")
        await until(lambda: room.reads)
        room.write("mode: shadow\nfailure: {deadline: pass}\n")
        room.hold.set()
        await until(lambda: len(room.applied) == 2)
        assert reload.state.config.settings.failure.deadline == "pass"


def test_a_file_that_is_not_there_has_no_signature(tmp_path: Path) -> None:
    assert signature(tmp_path / "none") is None
    assert signature(Path("\0")) is None
