"""Who is in office: successors, what they inherit, and what is left behind with the one before."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from addons.inspection import Inspector, Passed
from addons.judges import Judges
from config.load import Config, policy_hash
from config.policy import PolicySpec
from model.card import plain
from model.errors import ModelError
from model.formats.media import MediaType
from model.judge import Judge
from model.preprocess import Views
from tests.fakelists import Entries, Entry
from tests.model.test_judge import LABELS, FakeBackend, FakeDecoder, config

JPEG = plain()


def threshold(at_least: float, label: str = "nsfw", **settings: Any) -> Config:
    """The shipped configuration, with one rule."""
    made = config(**settings)
    policy = PolicySpec.model_validate(
        {
            "models": {"nsfw": {"timm": "local-dir:/one"}},
            "signals": {"nsfw": {"model": "nsfw", "label": label}},
            "rules": [{"name": "one", "when": {"signal": "nsfw", "at_least": at_least}, "action": "reject"}],
        }
    )
    return replace(made, policy=policy, hash=policy_hash(policy))


class Closing(FakeDecoder):
    def __init__(self) -> None:
        super().__init__()
        self.closed = 0
        self.hold: asyncio.Event | None = None

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        if self.hold is not None:
            await self.hold.wait()
        return await super().decode(data, media, deadline)

    async def close(self) -> None:
        self.closed += 1


class Room:
    """Judges with fake parts; `decoders` has those of each set of parts that was started."""

    def __init__(self, score: float = 0.6) -> None:
        self.inspector = Inspector()
        self.decoders: list[Closing] = []
        self.changes: list[str] = []
        self.score = score
        self.fault: Exception | None = None
        self.judges = Judges(self.inspector, self.start, self.changes.append)

    async def start(self, config: Config) -> Judge:
        if self.fault is not None:
            raise self.fault
        self.decoders.append(Closing())
        return Judge(config, self.decoders[-1], FakeBackend(self.score), LABELS)

    async def judge_by(self, config: Config) -> None:
        """As wiring.py does it."""
        prepared = await self.judges.prepare(config)
        await self.judges.leave(self.judges.take(prepared))

    async def passes(self) -> bool:
        found = await self.inspector.inspect("upload", JPEG, time.monotonic() + 20)
        return isinstance(found, Passed)


async def test_a_new_policy_is_in_force_at_once_with_the_models_that_are_there() -> None:
    room = Room()
    await room.judge_by(threshold(0.5))
    assert not await room.passes()
    await room.judge_by(threshold(0.7))
    assert await room.passes(), "what was remembered is left behind"
    assert (len(room.decoders), room.decoders[0].closed) == (1, 0)
    assert len(set(room.changes)) == 2
    assert room.changes[-1] == room.judges.judging == threshold(0.7).judging
    await room.judges.close()
    assert room.decoders[0].closed == 1
    assert room.inspector.judge is None


async def test_other_parts_are_started_beside_and_the_old_ones_closed_when_they_are_done() -> None:
    room = Room()
    await room.judge_by(threshold(0.7))
    room.decoders[0].hold = asyncio.Event()
    in_hand = asyncio.create_task(room.passes())
    await asyncio.sleep(0.01)
    change = asyncio.create_task(room.judge_by(threshold(0.5, device="cpu", views={"budget": 20})))
    await asyncio.sleep(0.01)
    assert len(room.decoders) == 2
    assert not await room.passes(), "the new one is in office"
    assert (change.done(), room.decoders[0].closed) == (False, 0)
    room.decoders[0].hold.set()
    assert await in_hand, "it was judged by what was in office when it came"
    await change
    assert [decoder.closed for decoder in room.decoders] == [1, 0]


async def test_what_cannot_be_started_changes_nothing() -> None:
    room = Room()
    await room.judge_by(threshold(0.7))
    room.fault = ModelError("no such model")
    with pytest.raises(ModelError):
        await room.judge_by(threshold(0.5, views={"budget": 20}))
    with pytest.raises(ModelError, match="has no label 'cat'"):
        await room.judge_by(threshold(0.5, label="cat"))
    assert await room.passes()
    assert (room.decoders[0].closed, len(room.changes)) == (0, 1)


async def test_an_end_while_the_old_one_has_a_file_in_hand_closes_both() -> None:
    room = Room()
    await room.judge_by(threshold(0.7))
    room.decoders[0].hold = asyncio.Event()
    in_hand = asyncio.create_task(room.passes())
    await asyncio.sleep(0.01)
    change = asyncio.create_task(room.judge_by(threshold(0.5, views={"budget": 20})))
    await asyncio.sleep(0.01)
    change.cancel()
    await asyncio.wait([change])
    await room.judges.close()
    assert [decoder.closed for decoder in room.decoders] == [1, 1]
    room.decoders[0].hold.set()
    await in_hand


async def test_lists_reach_the_judge_before_and_after_it_is_there_and_its_successors() -> None:
    denied = Entries({"deny": [Entry("sha256", _sha256())]}, version="1")
    room = Room(score=0.1)
    room.judges.know(denied)
    await room.judge_by(threshold(0.7))
    assert not await room.passes()
    room.judges.know(Entries({}, version="2"))
    assert await room.passes(), "what was remembered is left behind"
    await room.judge_by(threshold(0.6))
    assert await room.passes()
    room.judges.know(denied)
    assert not await room.passes()
    assert room.changes == [
        f"{threshold(0.7).judging}-1",
        f"{threshold(0.7).judging}-2",
        f"{threshold(0.6).judging}-2",
        f"{threshold(0.6).judging}-1",
    ]
    room.judges.know(replace(denied))
    assert len(room.changes) == 4, "the same lists again are no change"


async def test_a_verdict_that_falls_while_lists_change_is_not_remembered() -> None:
    room = Room(score=0.1)
    await room.judge_by(threshold(0.7))
    room.decoders[0].hold = asyncio.Event()
    in_hand = asyncio.create_task(room.passes())
    await asyncio.sleep(0.01)
    room.judges.know(Entries({"deny": [Entry("sha256", _sha256())]}, version="2"))
    room.decoders[0].hold.set()
    assert await in_hand
    assert not await room.passes()


def _sha256() -> str:
    import hashlib

    return hashlib.sha256(JPEG).hexdigest()
