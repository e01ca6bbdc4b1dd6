"""The mitmproxy addon: hands each request to the gatekeeper and carries out what it says.

Fail closed by structure. mitmproxy forwards a flow when a hook raises, so a flow's destination is dead by default
(closed.py); a refusal is the first thing that is set and the last that is removed; and only `_send_on`, the last step
of an allowed flow, names pict-rs. `server_connect` refuses every other address. This is the one room that knows
mitmproxy's flows, and it holds the only broad `except` of the program, which refuses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator

from mitmproxy import ctx, exceptions, http
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.server import ConnectionIO
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons import closed, framing
from addons.gatekeeper import Forward, Gatekeeper, Inbound
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Match
from model.errors import JudgeError, ModelError

log = logging.getLogger("pictrs_filter")

_MATCH = "pictrs_filter_match"
UPSTREAM_SECONDS = 30.0
"""How long pict-rs may take, in seconds, until its answer begins: as long as Lemmy (from 0.19) waits for an upload."""
TOO_LARGE = answers.bad_request("the body is larger than is allowed here")
"""A 400 and not a 413, of which Lemmy's client drops the body, and with it the reason."""


class Intercept:
    """One per process.

    `warm_up` loads the model, gives it to the gatekeeper and says how pictures are judged now. It runs at start, and
    may take seconds.
    """

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        upstream: tuple[str, int],
        warm_up: Callable[[], Coroutine[None, None, str]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._gatekeeper = gatekeeper
        self._upstream = upstream
        self._warm_up = warm_up
        self._close = close
        self._warming: asyncio.Task[str] | None = None
        self._checked = False
        self._tasks: dict[str, set[asyncio.Task[Forward | Answer]]] = {}  # client -> what is being decided
        self._open: dict[str, set[str]] = {}  # client -> flows that are not answered yet
        self._timers: dict[str, asyncio.TimerHandle] = {}  # flow -> the end of our patience with pict-rs
        self.idle = asyncio.Event()
        self.idle.set()
        self.stopping = False
        self.started = asyncio.Event()  # mitmproxy runs this addon; whether it listens is for the launcher to see
        self.failure: BaseException | None = None  # why the model could not be loaded
        framing.answer_errors_in_json()
        framing.skip_type_checks()

    # Life

    def configure(self, updated: set[str]) -> None:
        """Refuse a change of options that would open the gate (mitmproxy then keeps the old ones)."""
        if self._checked and (faults := closed.faults(ctx.options)):
            raise exceptions.OptionsError("; ".join(faults))

    async def running(self) -> None:
        """Check the options, then begin to load the model. An error logged here ends mitmdump with exit code 1."""
        self.started.set()
        closed.force(ctx.options)
        faults = closed.faults(ctx.options)
        for fault in faults:
            log.error("%s", fault)
        if faults:
            ctx.master.shutdown()
            return
        self._checked = True
        self._warming = asyncio.create_task(self._warm_up(), name="warm up")
        self._warming.add_done_callback(self._warmed)

    async def warmed(self) -> None:
        """Wait until the model is loaded. Raises what kept it from being loaded."""
        await self.started.wait()
        if self._warming is not None:
            await asyncio.shield(self._warming)

    def _warmed(self, task: asyncio.Task[str]) -> None:
        """A filter that can never judge would refuse for ever without saying why: end it instead."""
        if task.cancelled():
            return
        if (error := task.exception()) is None:
            listening = ", ".join(
                f"{host}:{port}" for host, port, *_ in ctx.master.addons.get("proxyserver").listen_addrs()
            )
            log.info("ready: listening on %s, %s", listening, task.result())
        else:
            self.failure = error
            expected = isinstance(error, ModelError | JudgeError)
            what = (
                "the decoders could not be started"
                if isinstance(error, JudgeError)
                else "the model could not be loaded"
            )
            log.error("%s: %s", what, error, exc_info=None if expected else error)
            ctx.master.shutdown()

    async def done(self) -> None:
        """End the model's thread and the decoders."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        await self._close()

    # Connections

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Speak HTTP/1.1 and nothing else, whatever the first bytes look like."""
        nextlayer.layer = framing.http1_layer(nextlayer.context)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse every address but pict-rs's."""
        if data.server.address != self._upstream or data.server.via is not None or data.server.tls:
            data.server.error = "the filter connects to pict-rs only"

    def client_disconnected(self, client: Client) -> None:
        """Stop working for a client that has left; mitmproxy itself would let the hook run on."""
        for task in self._tasks.pop(client.id, set()):
            task.cancel()
        for flow_id in self._open.pop(client.id, set()):
            self._finished(client.id, flow_id)
        # mitmproxy forgets to close the socket when its own close finds the reader waiting for a lock (from 3.12 on).
        for _, io in self._transports(client.id):
            if isinstance(io.writer, asyncio.StreamWriter):
                io.writer.close()

    # Requests

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Decide on the head. What is answered here has its body drained, not kept."""
        with _refusing_on_fault():
            flow.response = framing.response(answers.unavailable("-"))
            self._open.setdefault(flow.client_conn.id, set()).add(flow.id)
            self.idle.clear()
            found = self._screen(flow)
            flow.response = framing.response(found) if isinstance(found, Answer) else None

    def _screen(self, flow: http.HTTPFlow) -> Match | Answer:
        head = flow.request.data
        if head.http_version not in (b"HTTP/1.1", b"HTTP/1.0"):
            return answers.bad_request("only HTTP/1.1 is spoken here", 505)
        if head.authority:  # the target was in absolute form, and this is not a forward proxy
            return answers.no_route(404, "not a path in origin form")
        if self.stopping:
            return answers.STOPPING
        found = self._gatekeeper.screen(head.method, head.path, head.headers.fields)
        if isinstance(found, Answer):
            return found
        limit = self._gatekeeper.body_limit(found)
        if _length(head.headers) > limit:
            return TOO_LARGE
        flow.metadata[framing.BODY_LIMIT] = limit
        flow.metadata[_MATCH] = found
        return found

    async def request(self, flow: http.HTTPFlow) -> None:
        """Decide on the whole request: refused first, sent on only as the very last step."""
        if flow.response is not None:
            return
        with _refusing_on_fault():
            flow.response = framing.response(answers.unavailable("-"))
            found = flow.metadata.get(_MATCH)
            if framing.OVERFLOWED in flow.metadata:
                flow.response = framing.response(TOO_LARGE)
                return
            if not isinstance(found, Match):
                return
            decision = await self._decide(flow, found)
            if isinstance(decision, Forward):
                self._send_on(flow, decision)
            else:
                flow.response = framing.response(decision)

    async def _decide(self, flow: http.HTTPFlow, found: Match) -> Forward | Answer:
        """Run the decision in a task of its own, which ends when the client leaves."""
        head = flow.request.data
        inbound = Inbound(head.method, head.path, head.headers.fields, flow.request.raw_content or b"")
        head.content = None  # the connection keeps this request for as long as it lives
        task = asyncio.create_task(self._gatekeeper.decide(found, inbound))
        tasks = self._tasks.setdefault(flow.client_conn.id, set())
        tasks.add(task)
        try:
            return await task
        finally:
            tasks.discard(task)

    def _send_on(self, flow: http.HTTPFlow, forward: Forward) -> None:
        """Build the request for pict-rs afresh, and open the gate for it."""
        host, port = self._upstream
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
        self._timers[flow.id] = asyncio.get_running_loop().call_later(
            UPSTREAM_SECONDS, self._give_up, flow.client_conn.id
        )

    def _give_up(self, client_id: str) -> None:
        """Close the connection to a pict-rs that does not answer; mitmproxy then answers 502 in our words."""
        for connection, io in self._transports(client_id):
            if isinstance(connection, Server) and io.handler is not None:
                io.handler.cancel("pict-rs did not answer in time")

    def _transports(self, client_id: str) -> list[tuple[Connection, ConnectionIO]]:
        handler = ctx.master.addons.get("proxyserver").connections.get(client_id)
        return list(handler.transports.items()) if handler else []

    # Answers

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Let pict-rs's answers stream through, so that a large video costs no memory."""
        self._stop_timer(flow.id)
        if flow.response is None or flow.response.status_code < 200:
            flow.kill()  # nothing that we send asks for a 1xx; a 101 would turn the connection into a raw pipe
        else:
            flow.response.stream = True

    def response(self, flow: http.HTTPFlow) -> None:
        """Note the end of a request."""
        self._finished(flow.client_conn.id, flow.id)

    def error(self, flow: http.HTTPFlow) -> None:
        """Note the end of a request that failed; framing.py has the words for the client."""
        self._finished(flow.client_conn.id, flow.id)

    def _stop_timer(self, flow_id: str) -> None:
        timer = self._timers.pop(flow_id, None)
        if timer is not None:
            timer.cancel()

    def _finished(self, client_id: str, flow_id: str) -> None:
        self._stop_timer(flow_id)
        open_flows = self._open.get(client_id, set())
        open_flows.discard(flow_id)
        if not open_flows:
            self._open.pop(client_id, None)
        if not self._open:
            self.idle.set()


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
