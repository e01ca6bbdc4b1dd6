"""The mitmproxy addon: hands each request to a desk (gatekeeper.py, callback.py) and carries out what that says.

Fail closed by structure. mitmproxy forwards a flow when a hook raises, so a flow's destination is dead by default
(closed.py); a refusal is the first thing that is set and the last that is removed; and only `_send_on`, the last step
of an allowed flow, names pict-rs (upstream.py). `server_connect` refuses every other address. Here is the only broad
`except` of the program, which refuses. How the program begins and ends: life.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator

from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons import framing, transports
from addons.admission import Admission
from addons.callback import Callback, Reply
from addons.cases import Case, Cases
from addons.connections import Connections
from addons.desk import Desk
from addons.fetch.staging import Staging
from addons.gatekeeper import Forward, Gatekeeper
from addons.inbound import Inbound
from addons.life import Life
from addons.listener import CallbackListener
from addons.pictrs import answers, placeholder
from addons.pictrs.answers import Answer
from addons.transports import Sockets
from addons.upstream import Upstream

log = logging.getLogger("pictrs_filter")

TOO_LARGE = answers.bad_request("the body is larger than is allowed here")
"""A 400 and not a 413, of which Lemmy's client drops the body, and with it the reason."""


class Intercept:
    """One per process. `admission` has the places of clients' requests, `validating` those of pict-rs's."""

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        callback: Callback,
        life: Life,
        listener: CallbackListener,
        staging: Staging,
        admission: Admission,
        validating: Admission,
        *,
        upstream: tuple[str, int],
        max_requests: int,
        ended: Callable[[Case], None] = lambda _: None,
    ) -> None:
        self.addons = (life,)  # mitmproxy calls the hooks of these too
        self._life = life
        self._gatekeeper = gatekeeper
        self._callback = callback
        self._listener = listener
        self._staging = staging
        # An upload keeps its place while pict-rs has it validated: one room for both, full of uploads, would block.
        self._admissions: dict[Desk, Admission] = {gatekeeper: admission, callback: validating}
        self._upstream = Upstream(upstream)
        self._max_requests = max_requests
        self._cases = Cases(ended)
        self._connections = Connections(max_requests)
        self._sockets = Sockets()
        framing.answer_errors_in_json()
        framing.skip_type_checks()
        framing.ask_at_once()

    @property
    def alone(self) -> asyncio.Event:
        """Set while nobody is connected."""
        return self._connections.alone

    @property
    def idle(self) -> asyncio.Event:
        """Set while no request is in hand."""
        return self._cases.idle

    @property
    def in_hand(self) -> int:
        """How many requests have not ended; any thread may ask."""
        return len(self._cases)

    # Connections

    def client_connected(self, client: Client) -> None:
        """Bound the connections of clients."""
        self._sockets.client_opened(client)
        if not self._connections.admit(client.id, self._listener.owns(client)):
            client.error = "too many connections"

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Speak HTTP/1.1 and nothing else, whatever the first bytes look like."""
        nextlayer.layer = framing.http1_layer(nextlayer.context)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse every address but pict-rs's."""
        self._upstream.guard(data)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """Note a connection to pict-rs."""
        self._sockets.server_opened(data.client, data.server)

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """Free what pict-rs has not taken of it."""
        self._sockets.server_closed(data.client, data.server)

    def client_disconnected(self, client: Client) -> None:
        """Stop working for a client that has left; mitmproxy itself would let the hook run on."""
        self._cases.end_client(client.id)
        self._sockets.client_left(client, lambda: self._connections.leave(client.id))

    # Requests

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Decide on the head. What is answered here has its body drained, not kept."""
        with _refusing_on_fault():
            flow.response = framing.response(answers.UNDECIDED)
            desk: Desk = self._callback if self._listener.owns(flow.client_conn) else self._gatekeeper
            full = self._cases.count(desk) >= self._max_requests
            case = self._cases.begin(flow.id, flow.client_conn.id, desk)
            refused = answers.OVERLOADED if full else self._screen(flow, case)
            flow.response = framing.response(refused) if refused else None

    def _screen(self, flow: http.HTTPFlow, case: Case) -> Answer | None:
        head = flow.request.data
        case.old = head.http_version == b"HTTP/1.0"
        if head.http_version not in (b"HTTP/1.1", b"HTTP/1.0"):
            return answers.bad_request("only HTTP/1.1 is spoken here", 505)
        if head.authority:  # the target was in absolute form, and this is not a forward proxy
            return answers.no_route(404, "not a path in origin form")
        if self._life.stopping and case.desk is self._gatekeeper:  # what is in hand still needs pict-rs's calls
            return answers.STOPPING
        if any(coding.lower() != "chunked" for coding in head.headers.get_all("transfer-encoding")):
            return answers.bad_request("a transfer coding other than chunked")
        found = case.desk.screen(head.method, head.path, head.headers.fields)
        if isinstance(found, Answer):
            return found
        limit = case.desk.body_limit(found)
        if _length(head.headers) > limit:
            return TOO_LARGE
        share = case.desk.share(found)
        if share is not None and not self._admit(flow, case, share):
            return answers.OVERLOADED
        flow.metadata[framing.BODY_LIMIT] = limit
        case.found = found
        return None

    def _admit(self, flow: http.HTTPFlow, case: Case, share: float) -> bool:
        """Room for a body as it comes. The place is taken when it is there."""
        slot = self._admissions[case.desk].approach(share)
        if slot is None:
            return False
        case.slot = case.ends.enter_context(slot)
        flow.metadata[framing.HOLD] = slot.hold
        return True

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Decide on the whole request: refused first, sent on only as the very last step.

        Gives something to wait for where that takes time, and nothing for a view: a task for each would cost more.
        """
        if flow.response is not None:
            return None
        with _refusing_on_fault():
            flow.response = framing.response(answers.UNDECIDED)
            case = self._cases.get(flow.id)
            if framing.OVERLOADED in flow.metadata:
                flow.response = framing.response(answers.OVERLOADED)
            elif framing.OVERFLOWED in flow.metadata:
                flow.response = framing.response(TOO_LARGE)
            elif case is not None and case.slot is not None and not case.slot.take_place():
                flow.response = framing.response(answers.OVERLOADED)
            elif case is not None and case.found is not None:
                head = flow.request.data
                inbound = Inbound(head.method, head.path, head.headers.fields, flow.request.raw_content or b"")
                head.content = None  # the connection keeps this request for as long as it lives
                decision = case.desk.at_once(case.found, inbound)
                if decision is None:
                    return self._request(flow, case, inbound)
                self._carry_out(flow, case, decision)
        return None

    async def _request(self, flow: http.HTTPFlow, case: Case, inbound: Inbound) -> None:
        """The rest of `request`; a refusal stands already."""
        with _refusing_on_fault():
            self._carry_out(flow, case, await self._decide(case, inbound))

    def _carry_out(self, flow: http.HTTPFlow, case: Case, decision: Forward | Reply | Answer) -> None:
        if isinstance(decision, Answer):
            flow.response = framing.response(decision)
        elif isinstance(decision, Reply):
            flow.response = _reply(decision)
        else:
            self._send_on(flow, case, decision)

    async def _decide(self, case: Case, inbound: Inbound) -> Forward | Reply | Answer:
        """Run the decision in a task of its own, which ends when the client leaves."""
        hold = case.slot.hold if case.slot is not None else lambda _: False
        case.task = asyncio.create_task(case.desk.decide(case.found, inbound, hold))
        try:
            decision: Forward | Reply | Answer = await case.task
        finally:
            case.task = None  # which would hold the new body until the collector comes
        return decision

    def _send_on(self, flow: http.HTTPFlow, case: Case, forward: Forward) -> None:
        """Send it to pict-rs, if it is a client's and that one is still there."""
        if forward.ticket is not None:
            case.ticket = forward.ticket
            case.ends.callback(self._staging.close, forward.ticket)
        if case.desk is not self._gatekeeper or self._cases.get(flow.id) is not case:
            case.ends.close()
            return  # nothing that pict-rs asks is sent on, and nothing for a client that has left
        self._upstream.send(flow, case, forward)

    # Answers

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Let pict-rs's answer through, or put ours in its place."""
        case = self._cases.get(flow.id)
        if flow.response is None or case is None:
            flow.kill()  # its client has left
            return
        instead = self._instead(flow.response.status_code, case)
        if case.ticket is not None:
            self._staging.close(case.ticket)  # pict-rs has all that it will ask for; the client may take its time
        if instead is not None:
            flow.metadata[framing.REPLACED] = instead
            return
        self._upstream.pass_back(flow.response, case)

    def _instead(self, status: int, case: Case) -> Answer | None:
        """Our own refusal, where pict-rs's error only says that it got none of our bytes for a proxied address."""
        if status < 400 or case.ticket is None:
            return None
        refusal = self._staging.refusal(case.ticket, status)
        return placeholder.instead(refusal) if refusal is not None and case.ticket.as_picture else refusal

    def response(self, flow: http.HTTPFlow) -> None:
        """Note the end of a request."""
        instead = flow.metadata.get(framing.REPLACED)
        if isinstance(instead, Answer):
            flow.response = framing.response(instead)
        case = self._cases.get(flow.id)
        if case is not None and flow.response is not None:
            case.status = flow.response.status_code
        self._cases.end(flow.id)

    def error(self, flow: http.HTTPFlow) -> None:
        """Note the end of a request that failed; framing.py has the words for the client."""
        case = self._cases.get(flow.id)
        if case is not None and case.old and case.begun:
            transports.cut(case.client_id)  # half an answer, whose length it was not told
        self._cases.end(flow.id)


def _reply(reply: Reply) -> http.Response:
    made = http.Response.make(reply.status, b"", reply.headers)
    made.headers = http.Headers(reply.headers)  # `make` adds a length, which a 304 has not
    made.raw_content = reply.body
    return made


@contextlib.contextmanager
def _refusing_on_fault() -> Iterator[None]:
    """Whatever goes wrong inside ends here, and the refusal that was set first stands.

    A CancelledError that is not our own cancellation is a fault too: mitmproxy would leave the client hanging.
    """
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
    except Exception:
        log.exception("refused after an error of ours")


def _length(headers: http.Headers) -> int:
    """Content-Length in bytes, 0 where there is none (a chunked body is counted as it comes)."""
    value = headers.get("content-length", "0")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else sys.maxsize
