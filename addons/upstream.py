"""pict-rs, as the proxy meets it: what is sent there, how long is waited for it, and what of its answer goes back.

`send` is the last step of an allowed request, and the only place in the program that names pict-rs as a destination.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mitmproxy import http
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons import transports
from addons.cases import Case
from addons.gatekeeper import Forward

BEGIN_SECONDS = 30.0
"""How long pict-rs may take, in seconds, until its answer begins: as long as Lemmy (from 0.19) waits for an upload."""
IDLE_SECONDS = 30.0
"""How long pict-rs may fall silent, in seconds, in the middle of its answer (nginx's proxy_read_timeout is 60). A
client may take nothing for twice as long; one that stops reading would else keep its place for ever."""
PASSED_HEADERS = frozenset(
    {
        b"accept-ranges", b"allow", b"cache-control", b"connection", b"content-disposition", b"content-length",
        b"content-range", b"content-type", b"date", b"etag", b"expires", b"last-modified", b"location", b"retry-after",
        b"transfer-encoding", b"vary",
    }
)  # fmt: skip
"""Header fields of pict-rs's answers that go back to the client, lower case: all that it sends (0.3 to 0.6), and those
that frame the body. What a later version or somebody in between adds does not."""
_VALUE = frozenset(range(0x20, 0x100)) - {0x7F} | {0x09}
"""Bytes of a field's value (RFC 9110, 5.5): no line ends in it, which mitmproxy's reader lets through one by one."""


class Upstream:
    """Knows the one address, (host, port), that the proxy connects to."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def guard(self, data: ServerConnectionHookData) -> None:
        """Refuse every other address that a flow may name."""
        if data.server.address != self.address or data.server.via is not None or data.server.tls:
            data.server.error = "the filter connects to pict-rs only"

    def send(self, flow: http.HTTPFlow, case: Case, forward: Forward) -> None:
        """Build the request for pict-rs afresh, open the gate for it, and begin to wait."""
        host, port = self.address
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        flow.request = http.Request(
            host=host,
            port=port,
            method=forward.method.encode("ascii"),
            scheme=b"http",
            authority=b"",
            path=forward.target.encode("ascii"),
            http_version=b"HTTP/1.1",
            headers=http.Headers([(b"Host", authority.encode("ascii")), *forward.headers]),
            content=forward.body,
            trailers=None,
            timestamp_start=flow.request.timestamp_start,
            timestamp_end=flow.request.timestamp_end,
        )
        flow.response = None
        _wait(case, BEGIN_SECONDS)

    def pass_back(self, response: http.Response, case: Case) -> None:
        """Let an answer stream through, so that a large video costs no memory, with the headers that may go back."""
        fields = response.headers.fields
        response.headers = http.Headers(
            [(name, value) for name, value in fields if name.lower() in PASSED_HEADERS and _VALUE.issuperset(value)]
        )
        response.stream = _counting(case)
        case.begun = True


def _counting(case: Case) -> Callable[[bytes], bytes]:
    """Each piece begins the time for the next one."""
    _wait(case, IDLE_SECONDS)

    def pass_on(data: bytes) -> bytes:
        if case.open:
            case.unread = 0
            _wait(case, IDLE_SECONDS)
        return data

    return pass_on


def _wait(case: Case, seconds: float) -> None:
    """From now on. A timer that rings too early is set again: many small pieces make one, and not one each."""
    loop = asyncio.get_running_loop()
    case.due = loop.time() + seconds
    if case.timer is None or case.timer.when() > case.due:
        case.stop_timer()
        case.timer = loop.call_at(case.due, _ring, case)


def _ring(case: Case) -> None:
    loop = asyncio.get_running_loop()
    case.timer = loop.call_at(case.due, _ring, case) if loop.time() < case.due else None
    if case.timer is None:
        _run_out(case)


def _run_out(case: Case) -> None:
    """It is pict-rs that is slow, or else the client, who then has once more as long to take anything at all."""
    unread = transports.unread(case.client_id)
    if not unread:
        transports.give_up_server(case.client_id, "pict-rs did not answer in time")
    elif not case.unread or unread < case.unread:
        case.unread = unread
        _wait(case, IDLE_SECONDS)
    else:
        transports.hang_up(case.client_id)
