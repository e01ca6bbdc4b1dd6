"""Which verdicts are kept, by what, and for how long."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Any, get_args

import pytest

from model.cached import OF_THE_FILE, CachedJudge
from model.digest import OFF_LOOP_BYTES
from model.errors import Cause
from tests.model.behind import KEPT, NOT_KEPT, OURS, SECONDS, THE_FILES, Behind, cached, settle, soon


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_same_bytes_are_judged_once() -> None:
    behind = Behind()
    judge = cached(behind)
    first, second = await judge.judge(b"one", soon()), await judge.judge(b"one", soon())
    assert (first.cached, second.cached) == (False, True)
    assert (set(first.stage_ms), set(second.stage_ms)) == ({"hash", "decode"}, {"hash"})
    assert replace(second, cached=False, stage_ms={}) == replace(first, stage_ms={})
    assert [data for data, _ in behind.calls] == [b"one"]


async def test_the_deadline_is_handed_on() -> None:
    behind = Behind()
    await cached(behind).judge(b"one", 12.5)
    assert behind.calls == [(b"one", 12.5)]


@pytest.mark.parametrize("size", [3, OFF_LOOP_BYTES])
async def test_other_bytes_are_judged_by_themselves(size: int) -> None:
    behind = Behind()
    judge = cached(behind)
    data = b"x" * size
    for other in (data, data + b"\x00", data[:-1], data[:-1] + b"y"):
        assert (await judge.judge(other, soon())).sha256 == hashlib.sha256(other).hexdigest()
    assert len(behind.calls) == 4


async def test_bytes_behind_the_end_of_a_still_are_part_of_what_is_looked_up() -> None:
    behind = Behind(sha256="0" * 64, size=2)
    judge = cached(behind)
    assert [(await judge.judge(data, soon())).cached for data in (b"picture", b"picture+", b"pi")] == [False] * 3


async def test_another_policy_judges_again() -> None:
    behind = Behind()
    judge = cached(behind, policy="p")
    await judge.judge(b"one", soon())
    judge.policy = "q"
    assert not (await judge.judge(b"one", soon())).cached
    assert (await judge.judge(b"one", soon())).cached


@pytest.mark.parametrize(
    ("fields", "kept"), [(fields, True) for fields in KEPT] + [(fields, False) for fields in NOT_KEPT]
)
async def test_only_what_the_bytes_and_the_policy_decide_is_kept(fields: dict[str, Any], kept: bool) -> None:
    behind = Behind(**fields)
    judge = cached(behind)
    first, second = await judge.judge(b"one", soon()), await judge.judge(b"one", soon())
    assert (first.cached, second.cached, len(behind.calls)) == (False, kept, 1 if kept else 2)
    assert (second.outcome, second.strict, second.rule, second.cause) == (
        first.outcome,
        first.strict,
        first.rule,
        first.cause,
    )


def test_each_cause_is_either_of_the_file_or_ours() -> None:
    assert frozenset(THE_FILES) == OF_THE_FILE
    assert {*THE_FILES, *OURS} == set(get_args(Cause))


async def test_a_verdict_lives_its_seconds_however_often_it_is_found() -> None:
    clock = Clock()
    judge = cached(Behind(), clock=clock)
    await judge.judge(b"one", soon())
    for part in (0.0, 0.5, 0.999):
        clock.now = 1000 + SECONDS * part
        assert (await judge.judge(b"one", soon())).cached
    clock.now = 1000 + SECONDS
    assert not (await judge.judge(b"one", soon())).cached


async def test_the_least_used_goes_first() -> None:
    judge = cached(Behind(), entries=2)
    seen = [(await judge.judge(data, soon())).cached for data in (b"a", b"b", b"a", b"c", b"a", b"b")]
    assert seen == [False, False, True, False, True, False]


async def test_no_entries_switch_it_off() -> None:
    behind = Behind(held=True)
    judge = cached(behind, entries=0)
    tasks = [asyncio.create_task(judge.judge(b"one", soon())) for _ in range(2)]
    await settle()
    assert len(behind.waiting) == 2
    for waiting in behind.waiting:
        waiting.set_result({})
    assert [(await task).cached for task in tasks] == [False, False]


async def test_it_is_a_judge_itself() -> None:
    behind = Behind()
    judge = cached(behind)
    assert judge.device == "fake"
    await judge.close()
    assert behind.closed


async def test_a_kept_verdict_needs_no_time() -> None:
    judge = cached(Behind())
    await judge.judge(b"one", soon())
    assert (await judge.judge(b"one", time.monotonic() - 1)).cached


async def test_a_file_encoded_anew_is_known_by_its_own_bytes() -> None:
    """Nothing of a picture is kept: it is encoded each time, and judged once."""
    behind = Behind()
    judge = cached(behind)
    verdicts = []
    for _ in range(2):
        new = await judge.normalised(b"one", soon())
        assert new == b"one anew"
        verdicts.append(await judge.judge(new, soon()))
    assert [verdict.cached for verdict in verdicts] == [False, True]
    assert [data for data, _ in behind.calls] == [b"one anew"]


@pytest.mark.parametrize(("by_origin", "judged"), [(False, 1), (True, 2)])
async def test_where_it_came_from_matters_only_to_a_policy_that_asks(by_origin: bool, judged: int) -> None:
    behind = Behind()
    judge = CachedJudge(behind, policy="p", entries=9, seconds=60, by_origin=by_origin)
    for origin in ("upload", "proxy", "upload"):
        await judge.judge(b"one", soon(), origin)
    assert len(behind.calls) == judged
    assert behind.origins == ["upload", "proxy"][:judged]


async def test_the_same_new_file_of_other_bytes_is_judged_by_itself() -> None:
    behind = Behind()
    judge = cached(behind)
    for came_as in (None, "0a", "0b", "0a"):
        await judge.judge(b"one", soon(), None, came_as)
    assert behind.came_as == [None, "0a", "0b"]
