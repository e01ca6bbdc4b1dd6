"""How bytes on a connection become requests: mitmproxy's HTTP/1.1 layers, narrowed.

mitmproxy guesses a protocol from a connection's first bytes, and would take TLS, HTTP/2 or raw TCP even on a plain
listener. Here the layer is always HTTP/1.1 (`http1_layer`); a TLS hello, an HTTP/2 preface or an SSH banner is then a
request line that does not parse, and is answered with 400. Further, for a client that sends without end:

- a request head is limited in size;
- a body is kept only up to the limit that the interceptor sets for the request, and is drained, not kept, once an
  answer stands (mitmproxy itself would hold all of it in memory until the end);
- what a client sends while it waits for an answer is limited.

And mitmproxy's own error pages are HTML, which Lemmy shows as a syntax error: they are replaced by our JSON.

These classes lean on mitmproxy's internals (seen with 11.0.2 and 12.3); tests/addons/test_framing.py holds them to it.
"""

from __future__ import annotations

import string
from collections.abc import Generator
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode, HttpStream, _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import HttpEvent, RequestEndOfMessage, RequestProtocolError, ResponseHeaders
from mitmproxy.proxy.layers.http._http1 import Http1Server

from addons.pictrs import answers
from addons.pictrs.answers import Answer

MAX_HEAD_BYTES = 64 * 1024
"""Largest request head in bytes, and most that is kept of what comes before the last answer was sent. nginx allows
32 KiB by default, and Lemmy's requests stay under 8."""
MAX_DRAIN_BYTES = 256 * 1024 * 1024
"""How many bytes of a body are read and thrown away after an answer stands, so that the client gets to read it; beyond
that the connection is closed."""

BODY_LIMIT = "pictrs_filter_body_limit"
"""Key in a flow's metadata: the number of body bytes that are kept. Without it, none."""
OVERFLOWED = "pictrs_filter_overflowed"
"""Key in a flow's metadata, set here: the body was larger than that, and is not kept."""

_TOKEN = b"!#$%&'*+-.^_`|~0123456789" + string.ascii_letters.encode()  # RFC 9110, 5.6.2
_CODE: Any = RequestProtocolError.code  # a number in mitmproxy 11, an enumeration in 12
_NOT_A_METHOD = {bytes([value]) for value in range(256)} - {bytes([value]) for value in _TOKEN}
Commands = Generator[commands.Command, Any, None]


def response(answer: Answer) -> http.Response:
    """An answer of ours as mitmproxy's response."""
    return http.Response.make(answer.status, answer.body, answer.headers)


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


class _Stream(HttpStream):
    """One request and its answer. mitmproxy asks `check_body_size` before the body and at each piece of it."""

    _drained = 0

    def check_body_size(self, request: bool) -> Generator[commands.Command, Any, bool]:
        size = len(self.request_body_buf) if request else 0
        if size > self.flow.metadata.get(BODY_LIMIT, 0):
            self.flow.metadata[OVERFLOWED] = True
        if size and (self.flow.response is not None or OVERFLOWED in self.flow.metadata):
            self._drained += size
            self.request_body_buf.clear()
            if self._drained > MAX_DRAIN_BYTES:
                yield commands.CloseConnection(self.context.client)
        return False

    def state_consume_request_body(self, event: events.Event) -> Commands:
        yield from super().state_consume_request_body(event)
        if isinstance(event, RequestEndOfMessage):
            self._forget_body()

    def handle_protocol_error(self, event: Any) -> Commands:
        yield from super().handle_protocol_error(event)
        self._forget_body()

    def _forget_body(self) -> None:
        """Free the body. A stream refers to itself, so what it holds lives until the garbage collector comes.

        That counts objects and not bytes: seen were 1.1 GiB after 288 uploads of 10 MB.
        """
        self.request_body_buf.clear()
        if hasattr(self, "flow"):
            self.flow.request.data.content = None


class _Server(Http1Server):
    """The client's side of a connection."""

    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, ResponseHeaders) and event.response.status_code == 100:
            # mitmproxy would take it for the answer, and so send no error page after it.
            yield commands.SendData(self.conn, b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            yield from super().send(event)

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        head = bytes(self.buf) if isinstance(event, events.DataReceived) else b""
        # Empty lines before a request are to be ignored (RFC 9112, 2.2). mitmproxy drops them too, but leaves the
        # request behind them waiting for bytes that never come.
        blank = len(head) - len(head.lstrip(b"\r\n"))
        if blank:
            self.buf.maybe_extract_at_most(blank)
        if head[blank : blank + 1] in _NOT_A_METHOD:
            # A TLS hello has no end of line, so a reader of lines would wait for one for minutes.
            yield from self._refuse(answers.bad_request("this is not HTTP; TLS is not spoken here"))
            return
        yield from super().read_headers(event)
        if self.state == self.read_headers and len(self.buf) > MAX_HEAD_BYTES:
            yield from self._refuse(answers.bad_request("the head is too large", 431))

    def _refuse(self, answer: Answer) -> Commands:
        yield commands.SendData(self.conn, raw_answer(answer))
        yield commands.CloseConnection(self.conn)
        self.state = self.done

    def read_body(self, event: events.Event) -> Commands:
        try:
            yield from super().read_body(event)
        except NotImplementedError:  # a chunked body with trailers; mitmproxy would leave the client hanging
            yield from self._refuse(answers.bad_request("trailers after the body"))
            yield ReceiveHttp(RequestProtocolError(self.stream_id, "trailers after the body", _CODE))

    def wait(self, event: events.Event) -> Commands:
        yield from super().wait(event)
        if len(self.buf) > MAX_HEAD_BYTES:
            yield commands.CloseConnection(self.conn)
            yield ReceiveHttp(RequestProtocolError(self.stream_id, "more requests than can wait", _CODE))
            self.state = self.done


class _Layer(HttpLayer):
    def make_stream(self, stream_id: int) -> Commands:
        self.streams[stream_id] = _Stream(self.context.fork(), stream_id)
        yield from self.event_to_child(self.streams[stream_id], events.Start())


def http1_layer(context: Context) -> layer.Layer:
    """The one layer that a connection gets, whatever its first bytes are."""
    made = _Layer(context, HTTPMode.transparent)
    made.connections[context.client] = _Server(made.context.fork())
    return made
