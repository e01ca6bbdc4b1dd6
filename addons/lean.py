"""mitmproxy's master, without the work that nobody here asks for. For our own launcher: `mitmdump` has addons that do.

mitmproxy makes a task for each hook of each request, asks every addon for it, and tells them all again with `update`;
it copies an option each time it reads one, and hands head and body of an answer to the system one by one. Here:

- a hook that one addon has is called on the spot, where the layers ask for it. If it gives something to wait for, that
  is left to a task, as mitmproxy does with all. An error in it is logged and no more, as there: the gate is shut
  by structure (intercept.py), not by what a hook does;
- options are read once, and again when one changes;
- pieces for the same connection that come together are written together;
- no log record is made into an event for addons.

These classes lean on mitmproxy's internals (seen with 11.0.2 and 12.2.3); tests/addons/test_lean.py holds them so.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields
from typing import Any

from mitmproxy.addonmanager import safecall
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events, mode_servers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

log = logging.getLogger("pictrs_filter")
_server_log = logging.getLogger("mitmproxy.proxy.server")

MERGED_BYTES = 64 * 1024
"""Pieces are written together up to this size, in bytes: one read of mitmproxy's. To copy that much takes some
microseconds, a call of the system and the other side's waking more."""

HOOKS_AT_ONCE = 8
"""Hooks that are called on the spot for one event; those that follow are left to tasks. A client that sends many
requests in one piece would otherwise keep the event loop until all of them are answered."""

Function = Callable[[Any], Awaitable[None] | None]


class LeanMaster(Master):
    """Connections that are opened while it runs are served by LeanHandler. Its addons are all there before it runs."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._legacy_log_events.uninstall()
        self._only: dict[type[commands.StartHook], tuple[Function | None, str]] = {}
        self.settled = Settled(options)
        mode_servers.ProxyConnectionHandler = LeanHandler  # type: ignore[misc]

    def only(self, hook: commands.StartHook) -> tuple[Function | None, str]:
        """The function of the one addon that has this hook, and the field that it is called with.

        None where none has it or more than one do.
        """
        kind = type(hook)
        if kind not in self._only:
            found = [each for addon in self.addons.chain for _, each in self.addons._iter_hooks(addon, hook)]
            self._only[kind] = found[0] if len(found) == 1 else None, fields(hook)[0].name  # type: ignore[arg-type]
        return self._only[kind]


class Settled:
    """Options of mitmproxy, each read once until one of them changes."""

    def __init__(self, options: Options) -> None:
        self._options = options
        options.changed.connect(self._changed)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._options, name)
        self.__dict__[name] = value
        return value

    def _changed(self, updated: set[str]) -> None:
        options = self._options
        self.__dict__.clear()
        self._options = options


class LeanHandler(ProxyConnectionHandler):
    """One client's connection. Under another master it is as mitmproxy's own."""

    def __init__(self, master: Master, reader: Any, writer: Any, options: Options, mode: Any) -> None:
        kept = master.settled if isinstance(master, LeanMaster) else options
        super().__init__(master, reader, writer, kept, mode)  # type: ignore[no-untyped-call]
        self._begun: dict[commands.StartHook, Awaitable[None]] = {}

    async def handle_client(self) -> None:
        """Serve it until it closes. Called when its layers are there."""
        self.make_lean()
        await super().handle_client()

    def make_lean(self) -> None:
        """Put what does things at once before the layers."""
        if isinstance(self.master, LeanMaster):
            self.layer = _AtOnce(self.layer, self.master, self._begun)  # type: ignore[assignment]

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Wait for the rest of a hook that was called already, or call it, if it was not."""
        begun = self._begun.pop(hook, None)
        if begun is None:
            await super().handle_hook(hook)
            return
        with self.timeout_watchdog.disarm(), safecall():
            await begun


class _AtOnce:
    """Stands before the layers of a connection: does what can be done on the spot of what they ask for, and hands on
    the rest. `begun` gets what a hook gave to wait for."""

    def __init__(self, layer: Layer, master: LeanMaster, begun: dict[commands.StartHook, Awaitable[None]]) -> None:
        self._layer = layer
        self._master = master
        self._begun = begun

    @property
    def context(self) -> Context:
        """Of the layers."""
        return self._layer.context

    def handle_event(self, event: events.Event) -> Iterator[commands.Command]:
        """What is left to do for an event, and for the ends of hooks that it led to."""
        todo = deque([event])
        called = 0
        while todo:
            held: commands.SendData | None = None
            for command in self._layer.handle_event(todo.popleft()):
                if isinstance(command, commands.SendData):
                    merged = _merged(held, command)
                    if held is not None and merged is command:
                        yield held
                    held = merged
                    continue
                if isinstance(command, commands.Log) and not _server_log.isEnabledFor(command.level):
                    continue
                if held is not None:
                    yield held
                    held = None
                at_once = isinstance(command, commands.StartHook) and called < HOOKS_AT_ONCE
                called += at_once
                if not isinstance(command, commands.StartHook) or not at_once or not self._call(command):
                    yield command
                elif command.blocking:
                    todo.append(events.HookCompleted(command))
            if held is not None:
                yield held

    def _call(self, hook: commands.StartHook) -> bool:
        """Whether the hook is over: it was called, and gave nothing to wait for."""
        function, name = self._master.only(hook)
        if function is None:
            return False
        with safecall():
            begun = function(getattr(hook, name))
            if begun is not None:
                self._begun[hook] = begun
        return hook not in self._begun


def _merged(first: commands.SendData | None, second: commands.SendData) -> commands.SendData:
    """Both as one, where they go the same way and are small; else the second."""
    if first is None or first.connection is not second.connection or len(first.data) + len(second.data) > MERGED_BYTES:
        return second
    return commands.SendData(first.connection, first.data + second.data)
