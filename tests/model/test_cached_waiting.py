"""What becomes of those who come while the same bytes are being judged."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.verdict import Verdict
from tests.model.behind import KEPT, NOT_KEPT, OURS, PASS, REJECT, UNAVAILABLE, Behind, cached, settle, soon


async def test_who_comes_while_the_bytes_are_judged_waits_for_that() -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    tasks = [asyncio.create_task(judge.judge(b"one", soon())) for _ in range(5)]
    other = asyncio.create_task(judge.judge(b"two", soon()))
    await settle()
    assert [data for data, _ in behind.calls] == [b"one", b"two"]
    behind.waiting[0].set_result({"outcome": REJECT, "strict": REJECT, "rule": "explicit"})
    found = await asyncio.gather(*tasks)
    assert [one.cached for one in found] == [False, True, True, True, True]
    assert {(one.outcome, one.rule) for one in found} == {(REJECT, "explicit")}
    assert {name for one in found[1:] for name in one.stage_ms} == {"hash"}
    behind.waiting[1].set_result({})
    assert (await other).sha256 == hashlib.sha256(b"two").hexdigest()


async def test_a_first_that_is_cancelled_leaves_the_others_to_judge() -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    first = asyncio.create_task(judge.judge(b"one", soon()))
    await settle()
    second = asyncio.create_task(judge.judge(b"one", soon()))
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    assert len(behind.calls) == 2
    third = asyncio.create_task(judge.judge(b"one", soon()))  # waits for the second, who judges now
    await settle()
    assert len(behind.calls) == 2
    behind.waiting[1].set_result({})
    assert [(await task).cached for task in (second, third)] == [False, True]


@pytest.mark.parametrize("fields", NOT_KEPT)
async def test_a_failure_of_the_first_is_not_shared(fields: dict[str, Any]) -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    tasks = [asyncio.create_task(judge.judge(b"one", soon())) for _ in range(2)]
    await settle()
    behind.waiting[0].set_result(fields)
    await settle()
    behind.waiting[1].set_result({})
    first, second = await asyncio.gather(*tasks)
    assert (first.cause, second.cause, second.cached) == (fields.get("cause"), None, False)
    assert second.outcome is PASS


async def test_an_exception_is_the_firsts_own() -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    tasks = [asyncio.create_task(judge.judge(b"one", soon())) for _ in range(2)]
    await settle()
    behind.waiting[0].set_exception(KeyError("unforeseen"))
    await settle()
    behind.waiting[1].set_result({})
    with pytest.raises(KeyError, match="unforeseen"):
        await tasks[0]
    assert (await tasks[1]).outcome is PASS
    assert (await judge.judge(b"one", soon())).cached


async def test_nobody_waits_twice() -> None:
    # Else senders who break off one after the other could keep an honest one waiting until his deadline.
    behind = Behind(held=True)
    judge = cached(behind)
    tasks = [asyncio.create_task(judge.judge(b"one", soon())) for _ in range(4)]
    await settle()
    tasks[0].cancel()
    await settle()
    assert len(behind.calls) == 4
    behind.waiting[3].set_result({})  # the last of them needs none of the others
    assert (await tasks[3]).outcome is PASS
    for waiting in behind.waiting[1:3]:
        waiting.set_result({})
    await asyncio.gather(*tasks[1:])
    assert (await judge.judge(b"one", soon())).cached


async def test_a_waiter_who_is_cancelled_ends_nobody_elses_judging() -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    first, second = (asyncio.create_task(judge.judge(b"one", soon())) for _ in range(2))
    await settle()
    second.cancel()
    await settle()
    assert second.cancelled()
    behind.waiting[0].set_result({})
    assert (await first).outcome is PASS
    assert len(behind.calls) == 1


async def test_a_waiter_past_his_deadline_asks_the_judge_behind() -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    first = asyncio.create_task(judge.judge(b"one", soon()))
    await settle()
    behind.asked.clear()
    late = time.monotonic() + 0.01
    second = asyncio.create_task(judge.judge(b"one", late))
    async with asyncio.timeout(30):
        await behind.asked.wait()
    assert len(behind.waiting) == 2
    assert behind.calls[1] == (b"one", late)
    behind.waiting[1].set_result({"outcome": UNAVAILABLE, "strict": UNAVAILABLE, "cause": "deadline"})
    assert (await second).cause == "deadline"
    third = asyncio.create_task(judge.judge(b"one", soon()))  # the first is still the one to wait for
    await settle()
    behind.waiting[0].set_result({})
    assert [(await task).cached for task in (first, third)] == [False, True]


async def test_a_deadline_that_has_passed_already_is_for_the_judge_behind_too() -> None:
    behind = Behind(held=True)
    judge = cached(behind)
    first = asyncio.create_task(judge.judge(b"one", soon()))
    await settle()
    behind.asked.clear()
    second = asyncio.create_task(judge.judge(b"one", time.monotonic() - 1))
    async with asyncio.timeout(30):
        await behind.asked.wait()
    assert len(behind.waiting) == 2
    for waiting in behind.waiting:
        waiting.set_result({})
    assert [(await task).cached for task in (first, second)] == [False, False]


STEPS = st.one_of(
    st.tuples(st.just("come"), st.integers(0, 3)),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("end"), st.integers(0, 20), st.sampled_from([*KEPT, *NOT_KEPT, None])),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=30), st.integers(1, 3))
def test_in_any_order_everybody_gets_an_own_verdict_and_nothing_is_left(steps: list[Any], entries: int) -> None:
    asyncio.run(in_any_order(steps, entries))


async def in_any_order(steps: list[Any], entries: int) -> None:
    behind = Behind(held=True)
    judge = cached(behind, entries=entries)
    asked: list[tuple[bytes, asyncio.Task[Verdict]]] = []

    def finish(number: int, fields: dict[str, Any] | None) -> None:
        open_ones = [waiting for waiting in behind.waiting if not waiting.done()]
        if open_ones and fields is None:
            open_ones[number % len(open_ones)].set_exception(KeyError("unforeseen"))
        elif open_ones and fields is not None:
            open_ones[number % len(open_ones)].set_result(fields)

    for step in steps:
        if step[0] == "come":
            data = b"file %d" % step[1]
            asked.append((data, asyncio.create_task(judge.judge(data, soon()))))
        elif step[0] == "cancel" and asked:
            asked[step[1] % len(asked)][1].cancel()
        elif step[0] == "end":
            finish(step[1], step[2])
        await settle()
    while any(not waiting.done() for waiting in behind.waiting):
        finish(0, {})
        await settle()
    assert all(task.done() for _, task in asked)  # nobody waits for what nobody judges
    for data, task in asked:
        if not task.cancelled() and task.exception() is None:
            found = task.result()
            assert found.sha256 == hashlib.sha256(data).hexdigest()
            assert not (found.cached and (found.unscanned or found.cause in OURS))
    assert not judge._running
    assert len(judge._kept) <= entries
