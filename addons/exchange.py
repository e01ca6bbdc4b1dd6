"""One request and its answer: mitmproxy's HttpStream, narrowed in what it holds of bodies.

- A request's body is kept up to the limit that the interceptor sets, and as long as the budget for all has room. What
  is not kept is drained, so that the client gets to read the answer (mitmproxy itself would hold all of it).
- The body of an answer that is going to be replaced is thrown away as it comes.
- An interim answer (1xx) of pict-rs ends in a 502: nothing that we send asks for one, and after a 101 the connection
  would be a raw pipe.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpStream
from mitmproxy.proxy.layers.http._events import (
    RequestEndOfMessage,
    RequestProtocolError,
    ResponseHeaders,
    ResponseProtocolError,
)

MAX_DRAIN_BYTES = 256 * 1024 * 1024
"""How many bytes of a body are read and thrown away after an answer stands, so that the client gets to read it; beyond
that it is answered with 400 and the connection is closed."""
MAX_REPLACED_BYTES = 1024 * 1024
"""How many bytes of an answer that is to be replaced are read and thrown away; beyond that the client gets a 502. An
error of pict-rs has a few hundred."""

BODY_LIMIT = "pictrs_filter_body_limit"
"""Key in a flow's metadata: the number of body bytes that are kept. Without it, none."""
OVERFLOWED = "pictrs_filter_overflowed"
"""Key in a flow's metadata, set here: the body was larger than that, and is not kept."""
HOLD = "pictrs_filter_hold"
"""Key in a flow's metadata: a function that is asked, whenever the body has grown, whether that many bytes in all may
be held (int -> bool). It is told 0 as soon as the body is not kept any more, and not asked again."""
OVERLOADED = "pictrs_filter_overloaded"
"""Key in a flow's metadata, set here: that function said no, and the body is not kept."""
REPLACED = "pictrs_filter_replaced"
"""Key in a flow's metadata, set at the head of pict-rs's answer: its body is thrown away, for the interceptor's
`response` hook puts another answer in its place. Such an answer must not be streamed."""

BAD_REQUEST: Any = RequestProtocolError.code  # numbers in mitmproxy 11, an enumeration in 12
BAD_GATEWAY: Any = ResponseProtocolError.code
Commands = Generator[commands.Command, Any, None]


class Exchange(HttpStream):
    """Made by framing.py in the place of mitmproxy's."""

    def __init__(self, context: Context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        # mitmproxy keeps a list of pieces, which costs 20 times the body when these are two bytes long.
        self.request_body_buf = bytearray()  # type: ignore[assignment]
        self._drained = 0
        self._thrown_away = 0

    def check_body_size(self, request: bool) -> Generator[commands.Command, Any, bool]:
        """Called before the body of a request or an answer, and at each piece. False: go on."""
        if request:
            yield from self._keep_or_drain(len(self.request_body_buf))
        elif REPLACED in self.flow.metadata:
            self._thrown_away += len(self.response_body_buf)
            self.response_body_buf.clear()
            if self._thrown_away > MAX_REPLACED_BYTES:
                yield from self._drop_upstream("an answer that is to be replaced does not end")
        return False

    def _keep_or_drain(self, size: int) -> Commands:
        marks = self.flow.metadata
        kept = self.flow.response is None and OVERFLOWED not in marks and OVERLOADED not in marks
        if size > marks.get(BODY_LIMIT, 0):
            marks[OVERFLOWED] = True
        elif kept and size and HOLD in marks and not marks[HOLD](size):
            marks[OVERLOADED] = True
        if not size or (kept and OVERFLOWED not in marks and OVERLOADED not in marks):
            return
        self._drained += size
        self.request_body_buf.clear()
        if kept and HOLD in marks:
            marks[HOLD](0)
        if self._drained > MAX_DRAIN_BYTES:
            yield from self.handle_protocol_error(
                ResponseProtocolError(self.stream_id, "more than can be drained", BAD_REQUEST)
            )
            self.client_state = self.state_errored

    def state_consume_request_body(self, event: events.Event) -> Commands:
        """Called with each piece of a request, and with its end."""
        yield from super().state_consume_request_body(event)
        if isinstance(event, RequestEndOfMessage):
            self._forget_body()

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        """Called with the head of pict-rs's answer."""
        if event.response.status_code < 200:
            yield from self._drop_upstream("an interim answer")
        else:
            yield from super().state_wait_for_response_headers(event)

    def send_response(self, already_streamed: bool = False) -> Commands:
        """Called when an answer is whole: ours, or the end of a streamed one."""
        yield from super().send_response(already_streamed)
        if self.flow.response is not None:
            self.flow.response.data.content = None  # it is in the socket's buffer now; media for pict-rs may be large

    def _drop_upstream(self, reason: str) -> Commands:
        """Answer 502, and hear no more of what pict-rs says on this connection."""
        yield commands.CloseConnection(self.context.server)
        yield from self.handle_protocol_error(ResponseProtocolError(self.stream_id, reason, BAD_GATEWAY))

    def handle_protocol_error(self, event: Any) -> Commands:
        """Called where either side breaks off."""
        yield from super().handle_protocol_error(event)
        self._forget_body()

    def _forget_body(self) -> None:
        """Free the body. A stream refers to itself, so what it holds lives until the garbage collector comes.

        That counts objects and not bytes: seen were 1.1 GiB after 288 uploads of 10 MB.
        """
        self.request_body_buf.clear()
        if hasattr(self, "flow"):
            self.flow.request.data.content = None
