"""How bytes on a connection become requests: mitmproxy's HTTP/1.1 layers, narrowed.

mitmproxy guesses a protocol from a connection's first bytes, and would take TLS, HTTP/2 or raw TCP even on a plain
listener. Here the layer is always HTTP/1.1 (`http1_layer`); a TLS hello, an HTTP/2 preface or an SSH banner is then a
request line that does not parse, and is answered with 400. Further:

- a request head is limited in size, and so is what a client sends while it waits for an answer; bodies are the business
  of exchange.py, and chunks that of chunks.py;
- head, body and the silence between requests are limited in time (waits.py);
- whatever breaks, the client hears JSON of ours before the connection is closed: mitmproxy's own error pages are HTML,
  which Lemmy shows as a syntax error, or it closes without a word.

These classes lean on mitmproxy's internals (seen with 11.0.2 and 12.2.3); tests/addons/test_framing*.py hold them so.
"""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Generator
from copy import copy
from typing import Any

from h11._readers import ChunkedReader
from mitmproxy import http
from mitmproxy.connection import Server
from mitmproxy.net.http.status_codes import RESPONSES
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    _http1,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    HttpEvent,
    RequestProtocolError,
    ResponseData,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.modes import DestinationKnown, ReverseProxy

from addons.chunks import StrictChunks
from addons.exchange import BAD_REQUEST, Commands, Exchange
from addons.exchange import BODY_LIMIT as BODY_LIMIT  # what the interceptor says about a body, under one name
from addons.exchange import HOLD as HOLD
from addons.exchange import OVERFLOWED as OVERFLOWED
from addons.exchange import OVERLOADED as OVERLOADED
from addons.exchange import REPLACED as REPLACED
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from addons.upstream_framing import UpstreamConnection
from addons.waits import Wait, Waits

MAX_HEAD_BYTES = 64 * 1024
"""Largest request head in bytes, and most that is kept of what comes before the last answer was sent. nginx allows
32 KiB by default, and Lemmy's requests stay under 8."""
MAX_LINGER_BYTES = 16 * 1024 * 1024
"""How many bytes are read and thrown away after our last word on a connection."""

_TOKEN = b"!#$%&'*+-.^_`|~0123456789" + string.ascii_letters.encode()  # RFC 9110, 5.6.2
_NOT_A_METHOD = {bytes([value]) for value in range(256)} - {bytes([value]) for value in _TOKEN}


def response(answer: Answer) -> http.Response:
    """An answer of ours as mitmproxy's response. (Its `make` reads the headers a dozen times, for each view anew.)"""
    now, reason = time.time(), RESPONSES.get(answer.status, "")
    head = b"HTTP/1.1", answer.status, reason.encode(), http.Headers(answer.headers)
    return http.Response(*head, answer.body, None, now, now)


def raw_answer(answer: Answer) -> bytes:
    """An answer of ours as the last bytes of an HTTP/1.1 connection."""
    reason = http.Response.make(answer.status).reason
    fields = b"".join(b"%s: %s\r\n" % field for field in (*answer.headers, (b"Connection", b"close")))
    return f"HTTP/1.1 {answer.status} {reason}\r\n".encode() + fields + b"\r\n" + answer.body


def _json_error(status_code: int, message: str = "") -> bytes:
    """Stands in for mitmproxy's HTML error page; `message` may quote the request, so it is dropped."""
    return raw_answer(answers.protocol_error(int(status_code)))


def answer_errors_in_json() -> None:
    """Replace mitmproxy's HTML error pages, in this process. Idempotent."""
    _http1.make_error_response = _json_error


def skip_type_checks() -> None:
    """Leave out mitmproxy's debug check of a message's fields, as `python -O` does. Idempotent.

    It raises and catches exceptions that refer to their own frames, and so keeps every local variable of every caller,
    bodies too, until the garbage collector comes.
    """
    http.MessageData.__post_init__ = lambda self: None  # type: ignore[method-assign]


def ask_at_once() -> None:
    """Have the layer made as soon as a connection opens, in this process. Idempotent.

    mitmproxy waits for the first byte with that, and a client that never sends one would know none of our limits.
    """
    ReverseProxy.finish_start = _finish_start  # type: ignore[method-assign,assignment]


def _finish_start(self: ReverseProxy) -> Generator[commands.Command, Any, str | None]:
    self.child_layer = layer.NextLayer(self.context, ask_on_start=True)
    return (yield from DestinationKnown.finish_start(self))


class _Server(Http1Server):
    """The client's side of a connection."""

    def __init__(self, context: Context, clock: Callable[[], float]) -> None:
        super().__init__(context)
        self._waits = Waits(clock)
        self._timers: dict[commands.RequestWakeup, Wait] = {}
        self._lingered = 0

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            wait = self._timers.pop(event.command)
            left = self._waits.ring(wait)
            if left == 0:
                yield from self._out_of_patience(wait)
            elif left is not None:
                yield self._timer(wait, left)
        else:
            yield from super()._handle_event(event)
        waiting = self._waiting()
        seconds = self._waits.begin(waiting)
        if waiting is not None and seconds is not None:
            yield self._timer(waiting, seconds)

    def _waiting(self) -> Wait | None:
        """What the client owes us now."""
        if self.state == self.read_headers:
            return Wait.HEAD if self.buf else Wait.IDLE
        if self.state == self.read_body:
            return Wait.BODY
        return Wait.LINGER if self.state == self.linger else None

    def _timer(self, wait: Wait, seconds: float) -> commands.RequestWakeup:
        timer = commands.RequestWakeup(seconds)
        self._timers[timer] = wait
        return timer

    def _out_of_patience(self, wait: Wait) -> Commands:
        if wait is Wait.HEAD:
            yield from self._refuse(answers.bad_request("its head did not come in time", 408))
        elif wait is Wait.BODY:
            yield from self._refuse(answers.bad_request("its body did not come in time", 408))
            yield ReceiveHttp(RequestProtocolError(self.stream_id, "the body did not come in time", BAD_REQUEST))
        else:
            yield commands.CloseConnection(self.conn)
            self.state = self.done

    def send(self, event: HttpEvent) -> Commands:
        old = self.request is not None and self.request.data.http_version == b"HTTP/1.0"
        if isinstance(event, ResponseHeaders) and event.response.status_code == 100:
            # mitmproxy would take it for the answer, and so send no error page after it.
            if not old:  # who speaks 1.0 knows no interim answers (RFC 9110, 15.2)
                yield commands.SendData(self.conn, b"HTTP/1.1 100 Continue\r\n\r\n")
        elif isinstance(event, ResponseHeaders) and old and "transfer-encoding" in event.response.headers:
            # nor chunks (RFC 9112, 7): its body ends with the connection
            del event.response.headers["transfer-encoding"]
            event.response.headers["connection"] = "close"
            yield from super().send(event)
        elif isinstance(event, ResponseData) and self._asked_for_head():
            pass  # mitmproxy would send an answer of ours whole, and the client take its body for the next answer
        elif isinstance(event, ResponseProtocolError) and self._asked_for_head():
            for command in super().send(event):
                if isinstance(command, commands.SendData):
                    command.data = command.data[: command.data.index(b"\r\n\r\n") + 4]
                yield command
        else:
            yield from super().send(event)

    def _asked_for_head(self) -> bool:
        return self.request is not None and self.request.method.upper() == "HEAD"

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        head = bytes(self.buf)
        # Empty lines before a request are to be ignored (RFC 9112, 2.2). mitmproxy drops them too, but leaves the
        # request behind them waiting for bytes that never come.
        blank = len(head) - len(head.lstrip(b"\r\n"))
        if blank:
            self.buf.maybe_extract_at_most(blank)
        if head[blank : blank + 1] in _NOT_A_METHOD:
            # A TLS hello has no end of line, so a reader of lines would wait for one for minutes.
            yield from self._refuse(answers.bad_request("this is not HTTP; TLS is not spoken here"))
        elif isinstance(event, events.ConnectionClosed) and self.buf:
            yield from self._refuse(answers.bad_request("its head ends early"))
        else:
            yield from super().read_headers(event)
            if self.request is not None and "connection" in self.request.headers:
                # mitmproxy looks for "close" in this spelling alone, and would keep the connection open
                self.request.headers["connection"] = self.request.headers["connection"].lower()
            if self.state == self.read_headers and len(self.buf) > MAX_HEAD_BYTES:
                yield from self._refuse(answers.bad_request("the head is too large", 431))

    def _refuse(self, answer: Answer) -> Commands:
        """Say our last word. A close while the client still sends would be a reset, by which it can lose the answer."""
        yield commands.SendData(self.conn, raw_answer(answer))
        yield commands.CloseTcpConnection(self.conn, half_close=True)
        self.buf.maybe_extract_at_most(len(self.buf))
        self.state = self.linger

    def linger(self, event: events.Event) -> Commands:
        """Throw away what still comes, until the client hangs up (RFC 9112, 9.6)."""
        self._lingered += len(self.buf)
        self.buf.maybe_extract_at_most(len(self.buf))
        if self._lingered > MAX_LINGER_BYTES:
            yield commands.CloseConnection(self.conn)
            self.state = self.done

    def read_body(self, event: events.Event) -> Commands:
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = StrictChunks()  # type: ignore[assignment]
        for command in super().read_body(event):
            if isinstance(command, commands.CloseConnection):  # and the stream is told next
                ended = isinstance(event, events.ConnectionClosed)
                yield from self._refuse(answers.bad_request(f"its body {'ends early' if ended else 'is broken'}"))
            else:
                yield command

    def wait(self, event: events.Event) -> Commands:
        yield from super().wait(event)
        if len(self.buf) > MAX_HEAD_BYTES:
            if self.response is None:
                yield from self._refuse(answers.bad_request("more was sent than can wait"))
            else:
                yield commands.CloseConnection(self.conn)
                self.state = self.done
            yield ReceiveHttp(RequestProtocolError(self.stream_id, "more requests than can wait", BAD_REQUEST))


class _Layer(HttpLayer):
    def __init__(self, context: Context, clock: Callable[[], float]) -> None:
        super().__init__(context, HTTPMode.transparent)
        self._clock = clock

    def make_stream(self, stream_id: int) -> Commands:
        self.streams[stream_id] = Exchange(_fork(self.context), stream_id)
        yield from self.event_to_child(self.streams[stream_id], events.Start())

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        """Find or make the connection to pict-rs for a request. A client has one request under way at a time."""
        old = [(server, made) for server, made in self.connections.items() if isinstance(made, UpstreamConnection)]
        found = None
        for server, made in old:
            if made.over:
                del self.connections[server]  # mitmproxy would keep all that there ever were
            elif made.reusable and event.connection_spec_matches(server):
                found = server
            else:
                yield commands.CloseConnection(server)
        if found is not None:
            stream = self.command_sources.pop(event)
            yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, (found, None)))
            return
        context = self.context.fork()
        context.server = Server(address=event.address, transport_protocol=event.transport_protocol)
        opened = self.connections[context.server] = UpstreamConnection(context, self._clock)
        self.waiting_for_establishment[context.server].append(event)
        yield from self.event_to_child(opened, events.Start())


def _fork(context: Context) -> Context:
    """As mitmproxy's own, which makes a server's record each time to throw it away."""
    made = copy(context)
    made.layers = context.layers.copy()
    return made


def http1_layer(context: Context, clock: Callable[[], float] = time.monotonic) -> layer.Layer:
    """The one layer that a connection gets, whatever its first bytes are. `clock` gives seconds that never go back."""
    made = _Layer(context, clock)
    made.connections[context.client] = _Server(made.context.fork(), clock)
    return made
