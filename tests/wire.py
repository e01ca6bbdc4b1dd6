"""One client's connection before `framing.http1_layer`, without sockets and without waiting: commands are done here.

    wire = Wire(request=...)            functions stand in for the interceptor's hooks
    wire.say(b"GET / HTTP/1.1\\r\\n\\r\\n")   the client speaks        wire.heard     and hears
    wire.upstream.say(...)              pict-rs speaks           wire.upstream.heard
    wire.wait(10)                       seconds pass, and timers ring

Rules this file keeps: it does what mitmproxy.proxy.server does, in the same order, and nothing else: a hook is over
only after the event that called it, and a closed connection hears nothing more.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import Client, Connection, ConnectionState
from mitmproxy.http import HTTPFlow
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.mode_specs import ProxyMode

from addons import closed, framing

Hook = Callable[[HTTPFlow], None]


class End:
    """One side of the proxy, as the peer there sees it."""

    def __init__(self, wire: Wire, connection: Connection) -> None:
        self._wire = wire
        self.connection = connection
        self.heard = b""
        self.ended = False  # no more will be heard

    @property
    def closed(self) -> bool:
        """Whether nothing that is said is read any more."""
        return self.connection.state is ConnectionState.CLOSED

    def say(self, *pieces: bytes) -> None:
        """Send bytes; what is sent on a closed connection is lost."""
        for data in pieces:
            if self.connection.state & ConnectionState.CAN_READ:
                self._wire.happen(events.DataReceived(self.connection, data))

    def leave(self) -> None:
        """Send no more; what still comes is heard."""
        self.connection.state &= ~ConnectionState.CAN_READ
        self._wire.happen(events.ConnectionClosed(self.connection))


class Wire:
    """A connection that is open. A hook named in `held` is not over before `release()`."""

    def __init__(self, *, held: str = "", **hooks: Hook) -> None:
        framing.answer_errors_in_json()
        self._hooks = hooks
        self._held = held
        self._waiting: list[commands.StartHook] = []
        self._todo: deque[events.Event] = deque()
        self._now = 0.0
        self._timers: list[tuple[float, commands.RequestWakeup]] = []
        self.called: list[str] = []
        self.flows: list[HTTPFlow] = []
        client = Client(
            peername=("127.0.0.1", 50000), sockname=("127.0.0.1", 8080), timestamp_start=0.0,
            state=ConnectionState.OPEN, proxy_mode=ProxyMode.parse(closed.MODE),
        )  # fmt: skip
        context = Context(client, _options())
        context.server.address = closed.DEAD_UPSTREAM
        self.client = End(self, client)
        self.upstreams: list[End] = []
        self.layer: Any = framing.http1_layer(context, lambda: self._now)
        self.happen(events.Start())

    @property
    def heard(self) -> bytes:
        """What the client got."""
        return self.client.heard

    @property
    def upstream(self) -> End:
        """The connection to pict-rs. There must be one."""
        (only,) = self.upstreams
        return only

    @property
    def timers(self) -> int:
        """How many timers are under way."""
        return len(self._timers)

    def say(self, *pieces: bytes) -> None:
        """The client sends."""
        self.client.say(*pieces)

    def wait(self, seconds: float) -> None:
        """Seconds pass."""
        end = self._now + seconds
        while due := [timer for timer in self._timers if timer[0] <= end]:
            timer = min(due, key=lambda each: each[0])
            self._timers.remove(timer)
            self._now = max(self._now, timer[0])
            if not self.client.closed:  # mitmproxy cancels them
                self.happen(events.Wakeup(timer[1]))
        self._now = end

    def release(self) -> None:
        """Let the held hooks come to an end."""
        held, self._waiting, self._held = self._waiting, [], ""
        for hook in held:
            self._todo.append(self._call(hook))
        self._work()

    def happen(self, event: events.Event) -> None:
        """Give the layer an event, and do all that follows from it."""
        self._todo.append(event)
        self._work()

    def _work(self) -> None:
        while self._todo:
            for command in self.layer.handle_event(self._todo.popleft()):
                self._do(command)

    def _do(self, command: commands.Command) -> None:
        match command:
            case commands.SendData(connection=connection, data=data):
                end = self._end(connection)
                if not end.ended:
                    end.heard += data
            case commands.CloseTcpConnection(connection=connection, half_close=True):
                connection.state &= ~ConnectionState.CAN_WRITE
                self._end(connection).ended = True
            case commands.CloseConnection(connection=connection):
                end = self._end(connection)
                if not end.ended or not end.closed:
                    end.ended = True
                    connection.state = ConnectionState.CLOSED
                    self._todo.append(events.ConnectionClosed(connection))
            case commands.OpenConnection(connection=connection):
                connection.state = ConnectionState.OPEN
                self.upstreams.append(End(self, connection))
                self._todo.append(events.OpenConnectionCompleted(command, None))
            case commands.RequestWakeup(delay=delay):
                self._timers.append((self._now + delay, command))
            case commands.StartHook():
                self.called.append(command.name)
                if command.name == self._held:
                    self._waiting.append(command)
                else:
                    self._todo.append(self._call(command))
            case commands.Log():
                pass
            case _:
                raise AssertionError(command)

    def _call(self, command: commands.StartHook) -> events.Event:
        (flow,) = command.args()
        if flow not in self.flows:
            self.flows.append(flow)
        if command.name in self._hooks:
            self._hooks[command.name](flow)
        return events.HookCompleted(command)  # type: ignore[no-any-return,unused-ignore]

    def _end(self, connection: Connection) -> End:
        return next(end for end in (self.client, *self.upstreams) if end.connection is connection)


def ours(heard: bytes) -> tuple[int, str]:
    """(status, msg) of an answer of ours, which is all that there is."""
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"application/json" in head, heard
    answer = json.loads(body)
    assert set(answer) == {"msg", "code", "files"}
    assert f"Content-Length: {len(body)}\r\n".lower() in head.decode().lower() + "\r\n"
    return int(head.split()[1]), answer["msg"]


class _Loader:
    def __init__(self, options: Options) -> None:
        self._options = options

    def add_option(self, name: str, kind: type, default: Any, words: str, choices: Any = None) -> None:
        self._options.add_option(name, kind, default, words, choices)


def _options() -> Options:
    """mitmproxy's options as the filter has them."""
    options = Options()
    Proxyserver().load(_Loader(options))
    closed.force(options)
    return options
