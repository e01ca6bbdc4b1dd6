"""What a request in hand holds: it goes once, however the request ends, and nobody else's with it."""

from __future__ import annotations

import asyncio

import pytest

from addons.admission import Admission
from addons.cases import Case, Cases

DESK, OTHER_DESK = object(), object()


def begin(cases: Cases, flow: str = "flow", client: str = "client", desk: object = DESK) -> tuple[Case, list[str]]:
    """A case, and the list in which it is noted that what it holds has gone."""
    case = cases.begin(flow, client, desk)
    gone: list[str] = []
    case.ends.callback(gone.append, flow)
    return case, gone


async def test_it_is_there_until_it_ends() -> None:
    cases = Cases()
    case, gone = begin(cases)
    assert (cases.get("flow"), len(cases), gone) == (case, 1, [])
    cases.end("flow")
    assert (cases.get("flow"), len(cases), gone) == (None, 0, ["flow"])


async def test_it_ends_once() -> None:
    cases = Cases()
    _, gone = begin(cases)
    cases.end("flow")
    cases.end("flow")
    cases.end("another")
    cases.end_client("client")
    assert gone == ["flow"]


async def test_idle_means_none_in_hand() -> None:
    cases = Cases()
    assert cases.idle.is_set()
    begin(cases, "one")
    begin(cases, "two")
    cases.end("one")
    assert not cases.idle.is_set()
    cases.end("two")
    assert cases.idle.is_set()
    begin(cases, "three")
    assert not cases.idle.is_set()


async def test_they_are_counted_by_desk() -> None:
    cases = Cases()
    begin(cases, "one", "a")
    begin(cases, "two", "b")
    begin(cases, "three", "c", OTHER_DESK)
    assert (cases.count(DESK), cases.count(OTHER_DESK), cases.count(object()), len(cases)) == (2, 1, 0, 3)
    cases.end("two")
    assert (cases.count(DESK), cases.count(OTHER_DESK)) == (1, 1)


async def test_a_client_that_leaves_takes_all_of_its_own_and_nothing_else() -> None:
    """One connection carries several requests when they are pipelined."""
    cases = Cases()
    gone = [begin(cases, flow, client)[1] for flow, client in (("one", "a"), ("two", "a"), ("three", "b"))]
    cases.end_client("a")
    assert gone == [["one"], ["two"], []]
    assert cases.count(DESK) == 1
    cases.end_client("a")
    cases.end_client("nobody")
    assert gone == [["one"], ["two"], []]


async def test_the_work_for_a_client_that_leaves_is_stopped() -> None:
    cases = Cases()
    never = asyncio.Event()
    tasks = []
    for flow, client in (("one", "a"), ("two", "b")):
        case, _ = begin(cases, flow, client)
        case.task = asyncio.create_task(never.wait())
        tasks.append(case.task)
    begin(cases, "three", "a")  # one that has no task yet
    await asyncio.sleep(0)
    cases.end_client("a")
    await asyncio.wait([tasks[0]], timeout=20)
    assert [task.cancelled() for task in tasks] == [True, False]
    tasks[1].cancel()


async def test_work_that_is_done_may_end_its_own_case() -> None:
    cases = Cases()
    case, _ = begin(cases)

    async def work() -> str:
        cases.end("flow")
        return "done"

    case.task = asyncio.create_task(work())
    assert await case.task == "done"  # an answer that is out is no reason to cancel


async def test_its_timer_goes_with_it() -> None:
    cases = Cases()
    rung: list[str] = []
    loop = asyncio.get_running_loop()
    for flow, end in (("one", cases.end), ("two", lambda _: cases.end_client("client")), ("three", print)):
        case, _ = begin(cases, flow)
        case.timer = loop.call_later(0, rung.append, flow)
        end(flow)
    await asyncio.sleep(0.01)
    assert rung == ["three"]


async def test_a_time_limit_that_is_forgotten_does_not_run_out() -> None:
    case, _ = begin(Cases())
    rung: list[str] = []
    case.stop_timer()  # there is none
    case.timer = asyncio.get_running_loop().call_later(0, rung.append, "rung")
    case.stop_timer()
    await asyncio.sleep(0.01)
    assert case.timer is None
    assert rung == []


async def test_its_place_is_left() -> None:
    cases, admission = Cases(), Admission(1, 10)
    case, _ = begin(cases)
    slot = admission.enter()
    assert slot is not None
    case.slot = case.ends.enter_context(slot)
    assert slot.hold(10)
    cases.end("flow")
    assert (admission.requests, admission.bytes) == (0, 0)


async def test_what_cannot_be_let_go_keeps_the_rest_from_nothing() -> None:
    cases = Cases()
    case, gone = begin(cases)

    def fail() -> None:
        raise RuntimeError("a fault of ours")

    case.ends.callback(fail)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        cases.end("flow")
    assert (gone, len(cases), cases.idle.is_set()) == (["flow"], 0, True)


async def test_a_flow_of_the_same_name_is_a_new_case() -> None:
    cases = Cases()
    first, _ = begin(cases)
    cases.end("flow")
    second, gone = begin(cases)
    assert first is not second
    assert gone == []
    assert cases.get("flow") is second


async def test_its_end_is_told_once_with_what_it_came_to() -> None:
    told: list[Case] = []
    cases = Cases(told.append)
    case, _ = begin(cases)
    left, _ = begin(cases, "other", "client that leaves")
    case.status = 200
    cases.end("flow")
    cases.end("flow")
    cases.end_client("client that leaves")
    assert [(each, each.status) for each in told] == [(case, 200), (left, None)]
