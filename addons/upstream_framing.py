"""How bytes of pict-rs become answers: mitmproxy's HTTP/1.1 client, narrowed.

- The head of an answer and the framing of its body are limited, as those of a request are: a pict-rs gone mad must take
  neither the filter's memory nor its one thread.
- A connection is used again only where that is sure to be heard. pict-rs closes one that is idle for 5 seconds, and one
  on which it answered before it had read the whole body. A request that crosses such a close is lost, and its client
  would hear a 502 because of what another one did.

These classes lean on mitmproxy's internals (seen with 11.0.2 and 12.2.3), as framing.py does.
"""

from __future__ import annotations

from collections.abc import Callable

from h11._readers import ChunkedReader
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpClient, RegisterHttpConnection
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ResponseProtocolError
from mitmproxy.proxy.layers.http._http1 import Http1Client

from addons.chunks import StrictChunks
from addons.exchange import BAD_GATEWAY, Commands

MAX_HEAD_BYTES = 64 * 1024
"""Largest head of an answer in bytes; pict-rs's have a few hundred."""
REUSE_SECONDS = 2.0
"""How old the head of the last answer on a connection may be, in seconds, for it to be used again: well under the 5
after which actix-web closes its side (its default keep-alive, which no pict-rs from 0.3 to 0.6 changes)."""


class UpstreamConnection(HttpClient):
    """Opens a connection to pict-rs, and then is one. `clock` gives seconds that never go back."""

    child_layer: UpstreamClient | None = None  # type: ignore[assignment]

    def __init__(self, context: Context, clock: Callable[[], float]) -> None:
        super().__init__(context)
        self._clock = clock

    def _handle_event(self, event: events.Event) -> Commands:  # the first one; the child gets all others
        error = yield commands.OpenConnection(self.context.server)
        if not error:
            self.child_layer = UpstreamClient(self.context, self._clock)
            self._handle_event = self.child_layer.handle_event  # type: ignore[method-assign]
            yield from self._handle_event(event)
        yield RegisterHttpConnection(self.context.server, error)

    @property
    def reusable(self) -> bool:
        """Whether one more request may be sent on it."""
        client = self.child_layer
        return client is not None and client.fresh and self.context.server.connected

    @property
    def over(self) -> bool:
        """Whether nothing more happens on it."""
        return self.child_layer.over if self.child_layer is not None else bool(self.context.server.error)


class UpstreamClient(Http1Client):
    """pict-rs's side of an open connection."""

    def __init__(self, context: Context, clock: Callable[[], float]) -> None:
        super().__init__(context)
        self._clock = clock
        self._idle_since = float("-inf")
        self.over = False

    @property
    def fresh(self) -> bool:
        """Whether it is idle, and cannot have been for long."""
        return self.stream_id is None and self._clock() - self._idle_since <= REUSE_SECONDS

    def _handle_event(self, event: events.Event) -> Commands:
        yield from super()._handle_event(event)
        if isinstance(event, events.ConnectionClosed):
            self.over = True

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        """Called with what comes before and in the head of an answer."""
        if self.stream_id is not None:
            # Not when the answer ends: pict-rs wrote it long before, where a client takes it slowly.
            self._idle_since = self._clock()
        yield from super().read_headers(event)
        if self.state == self.read_headers and self.stream_id is not None and len(self.buf) > MAX_HEAD_BYTES:
            number = self.stream_id
            self.buf.maybe_extract_at_most(len(self.buf))
            self.state = self.done
            yield commands.CloseConnection(self.conn)
            yield ReceiveHttp(ResponseProtocolError(number, "a head without end", BAD_GATEWAY))

    def read_body(self, event: events.Event) -> Commands:
        """Called with what comes in the body of an answer."""
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = StrictChunks()  # type: ignore[assignment]
        yield from super().read_body(event)

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """Called at the end of a request and at the end of its answer."""
        spent = self._is_spent()
        yield from super().mark_done(request=request, response=response)
        if spent and self.state == self.read_headers and self.stream_id is None:
            self.state = self.done
            yield commands.CloseConnection(self.conn)

    def _is_spent(self) -> bool:
        """Whether pict-rs may close its side after this answer: it sends errors without reading what it was sent."""
        had_body = self.request is not None and "content-length" in self.request.headers
        return had_body or (self.response is not None and self.response.status_code >= 400)
