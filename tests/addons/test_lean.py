"""The lean master: as mitmproxy's own in all that an addon sees, and nothing more than that is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
from mitmproxy.connection import Connection
from mitmproxy.http import HTTPFlow
from mitmproxy.log import LegacyLogEvents
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook, HttpResponseHook
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow

from addons.lean import HOOKS_AT_ONCE, MERGED_BYTES, LeanHandler, LeanMaster, Settled

A, B = tflow.tclient_conn(), tflow.tserver_conn()


class Layers:
    """In the place of a connection's layers: asks for `wanted` at the first event, and notes the events after it."""

    def __init__(self, *wanted: commands.Command) -> None:
        self._wanted = list(wanted)
        self.ended: list[Any] = []
        self.context = None

    def handle_event(self, event: events.Event) -> Iterator[commands.Command]:
        if isinstance(event, events.HookCompleted):
            self.ended.append(event.command)
        wanted, self._wanted = self._wanted, []
        yield from wanted


class Addon:
    """Has the hook `request`, which does what it is told."""

    def __init__(self, does: Callable[[HTTPFlow], Awaitable[None] | None] = lambda _: None) -> None:
        self._does = does
        self.seen: list[HTTPFlow] = []

    def request(self, flow: HTTPFlow) -> Awaitable[None] | None:
        self.seen.append(flow)
        return self._does(flow)


class Second(Addon):
    """Another one: mitmproxy wants names that differ."""


def hook(kind: type[commands.StartHook] = HttpRequestHook) -> Any:
    made = kind(tflow.tflow())
    made.blocking = True
    return made


async def handled(layers: Layers, *addons: Any) -> tuple[LeanHandler, list[commands.Command]]:
    """A handler with these layers, and what is left to do for it after one event."""
    master = LeanMaster(Options())
    master.addons.add(*addons)
    handler = LeanHandler(master, None, MagicMock(), master.options, ProxyMode.parse("reverse:http://x"))
    handler.layer = layers  # type: ignore[assignment]
    handler.make_lean()
    return handler, list(handler.layer.handle_event(events.Start()))


async def test_a_hook_is_called_on_the_spot_and_is_over() -> None:
    wanted, addon = hook(), Addon()
    layers = Layers(wanted)
    _, left = await handled(layers, addon)
    assert addon.seen == [wanted.flow]
    assert left == []
    assert layers.ended == [wanted]


async def test_many_at_once_give_way_to_others() -> None:
    """What a client sends in one piece does not hold the event loop until all of it is done."""
    many, addon = [hook() for _ in range(HOOKS_AT_ONCE + 3)], Addon()
    layers = Layers(*many)
    handler, left = await handled(layers, addon)
    assert layers.ended == many[:HOOKS_AT_ONCE]
    assert left == many[HOOKS_AT_ONCE:], "these are mitmproxy's to call, in tasks"
    for each in left:
        await handler.handle_hook(each)  # type: ignore[arg-type]
    assert addon.seen == [each.flow for each in many]


async def test_what_a_hook_gives_is_waited_for_and_it_is_not_called_again() -> None:
    done = asyncio.Event()

    async def wait() -> None:
        await asyncio.sleep(0)
        done.set()

    wanted, addon = hook(), Addon(lambda _: wait())
    layers = Layers(wanted)
    handler, left = await handled(layers, addon)
    assert left == [wanted]  # mitmproxy makes a task of it, and tells the layers when that ends
    assert layers.ended == []
    await handler.handle_hook(wanted)
    assert done.is_set()
    assert addon.seen == [wanted.flow]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
async def test_an_error_in_a_hook_is_logged_and_ends_it(late: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no luck")

    def fail_now(_: HTTPFlow) -> None:
        raise ValueError("no luck")

    wanted = hook()
    layers = Layers(wanted)
    handler, left = await handled(layers, Addon((lambda _: fail()) if late else fail_now))
    for each in left:
        await handler.handle_hook(each)  # type: ignore[arg-type]
    assert "no luck" in caplog.text
    assert (layers.ended, left) == (([], [wanted]) if late else ([wanted], []))


async def test_what_nobody_or_more_than_one_has_is_left_to_mitmproxy() -> None:
    first, second = Addon(), Second()
    nobodys, both = hook(HttpResponseHook), hook()
    handler, left = await handled(Layers(nobodys, both), first, second)
    assert left == [nobodys, both]
    assert first.seen == second.seen == []
    await handler.handle_hook(both)
    assert first.seen == second.seen == [both.flow]


def sent(left: list[commands.Command]) -> list[tuple[Connection, bytes]]:
    return [(each.connection, each.data) for each in left if isinstance(each, commands.SendData)]


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        ([(A, b"head"), (A, b"body"), (A, b"end")], [(A, b"headbodyend")]),
        ([(A, b"a"), (B, b"b"), (A, b"c")], [(A, b"a"), (B, b"b"), (A, b"c")]),
        ([(A, b"x"), (A, b"y" * (MERGED_BYTES - 1))], [(A, b"x" + b"y" * (MERGED_BYTES - 1))]),
        ([(A, b"x"), (A, b"y" * MERGED_BYTES)], [(A, b"x"), (A, b"y" * MERGED_BYTES)]),
    ],
    ids=["one way", "two ways", "at the limit", "beyond it"],
)
async def test_pieces_are_written_together(
    pieces: list[tuple[Connection, bytes]], written: list[tuple[Connection, bytes]]
) -> None:
    _, left = await handled(Layers(*(commands.SendData(*piece) for piece in pieces)))
    assert sent(left) == written


async def test_nothing_is_written_later_than_what_comes_behind_it() -> None:
    close = commands.CloseConnection(A)
    _, left = await handled(Layers(commands.SendData(A, b"a"), close, commands.SendData(A, b"b")))
    assert [type(each).__name__ for each in left] == ["SendData", "CloseConnection", "SendData"]
    seen: list[str] = []
    master = LeanMaster(Options())
    master.addons.add(Addon(lambda _: seen.append("hook")))
    handler = LeanHandler(master, None, MagicMock(), master.options, ProxyMode.parse("reverse:http://x"))
    handler.layer = Layers(commands.SendData(A, b"a"), hook(), commands.SendData(A, b"b"))  # type: ignore[assignment]
    handler.make_lean()
    for command in handler.layer.handle_event(events.Start()):
        seen += [data.decode() for _, data in sent([command])]
    assert seen == ["a", "hook", "b"]


@pytest.mark.parametrize("level", [logging.ERROR, logging.INFO])
async def test_lines_of_the_log_that_nobody_reads_are_not_made(level: int) -> None:
    logger = logging.getLogger("mitmproxy.proxy.server")
    before = logger.level
    logger.setLevel(level)
    try:
        _, left = await handled(Layers(commands.Log("x", logging.INFO), commands.Log("y", logging.ERROR)))
    finally:
        logger.setLevel(before)
    assert [each.message for each in left if isinstance(each, commands.Log)] == ["x", "y"][level == logging.ERROR :]


async def test_options_are_read_anew_when_they_change() -> None:
    options = Options()
    settled = Settled(options)
    options.add_option("one", int, 1, "")
    assert (settled.one, settled.one) == (1, 1)
    options.update(one=2)
    assert settled.one == 2
    with pytest.raises(AttributeError):
        _ = settled.none


async def test_no_record_becomes_an_event() -> None:
    LeanMaster(Options())
    assert not any(
        isinstance(each, LegacyLogEvents) and isinstance(each.master, LeanMaster)
        for each in logging.getLogger().handlers
    )


async def test_under_another_master_all_is_as_it_comes() -> None:
    master = Master(Options())
    handler = LeanHandler(master, None, MagicMock(), master.options, ProxyMode.parse("reverse:http://x"))
    layers = Layers()
    handler.layer = layers  # type: ignore[assignment]
    handler.make_lean()
    assert handler.layer is layers  # type: ignore[comparison-overlap]
