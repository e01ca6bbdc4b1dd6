"""Runs the addon in mitmproxy's own master, with only the mitmproxy addons that it needs.

No script loader (which goes on without a script that fails), no reading of the user's mitmproxy configuration, no flow
dumps, no console. SIGTERM and SIGINT stop accepting, let the requests in hand finish, and then end the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
from collections.abc import Callable, Iterator

from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.options import Options

from addons import closed, readiness, transports, wiring
from addons.connections import PER_REQUEST
from addons.inspection import Decision
from addons.judges import StartJudge
from addons.lean import LeanMaster
from addons.listener import ListenError
from addons.reload import Reload
from addons.state import StateError
from config.load import Config

log = logging.getLogger("pictrs_filter")

FILES_PER_REQUEST = 3
"""Sockets beside the client's: to pict-rs, of pict-rs's own call, to a remote server."""
FILES_BESIDES = 256
"""Open files of everything else: libraries, weights, pipes to the decoders."""
FLUSH_SECONDS = 2.0
"""How long a stop waits for a slow reader to take the rest of its answer, once every request is answered."""


class Filter:
    """The running filter. `await start()`, then `address` is where it listens; `await stop()` ends it.

    `await warm()` waits for the model. When that cannot be loaded the filter ends by itself, and `failure` says why.
    """

    def __init__(
        self,
        config: Config,
        observe: Callable[[Decision], None] | None = None,
        start_judge: StartJudge | None = None,
        ask_upstream: bool = True,
        read: Callable[[], Config] | None = None,
    ) -> None:
        self._config = config
        self._observe = observe
        self._start_judge = start_judge
        self._ask_upstream = ask_upstream
        self._read = read
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and begin to load the model. Raises ListenError when an address is taken, StateError for the key.

        Cancelled, it undoes what was begun: the log's writer would go on in a folder that its owner takes away.
        """
        settings = self._config.settings
        host, port = settings.listen_address
        options = Options()
        self._master = LeanMaster(options)
        self._server = Proxyserver()
        self._parts = wiring.build(self._config, self._observe, self._start_judge, self._ask_upstream, self._read)
        self._master.addons.add(self._server, self._parts.intercept, NextLayer())
        options.update(mode=[closed.MODE], listen_host=host, listen_port=port)
        closed.force(options)
        self._run = asyncio.create_task(self._master.run(), name="mitmproxy")
        try:
            await self._parts.life.started.wait()
        except asyncio.CancelledError:
            await self.stop()
            raise
        if isinstance(self._parts.life.failure, ListenError):
            await self.stop()
            raise self._parts.life.failure
        if not self._server.listen_addrs():
            await self.stop()
            raise ListenError(f"cannot listen on {settings.listen}: is another program listening there?")

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) that it listens on; with port 0 in the settings, the one that the system chose."""
        host, port, *_ = self._server.listen_addrs()[0]
        return host, port

    @property
    def callback(self) -> tuple[str, int]:
        """(host, port) that it listens on for pict-rs."""
        return self._parts.life.callback

    @property
    def internal(self) -> tuple[str, int] | None:
        """(host, port) of the internal port; None where it is off."""
        return self._parts.internal.address

    @property
    def device(self) -> str:
        """Where the model runs; `-` until it is warm."""
        judge = self._parts.inspector.judge
        return judge.device if judge else "-"

    @property
    def failure(self) -> BaseException | None:
        """Why it ended by itself, or None."""
        return self._parts.life.failure

    @property
    def reload(self) -> Reload | None:
        """What takes up a configuration that has changed; None if nothing does."""
        return self._parts.reload

    async def warm(self) -> None:
        """Wait until pictures are judged. Raises what kept the model from loading."""
        await self._parts.life.warmed()

    async def wait(self) -> None:
        """Wait until it ends."""
        if self._run is not None:
            await asyncio.wait([self._run])
            self._run.result()

    async def stop(self) -> None:
        """Stop accepting, let the requests in hand finish (bounded by their deadline), and end."""
        self._parts.life.stopping = True
        await self._server.servers.update([])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.settings.deadline_seconds + FLUSH_SECONDS):
                await self._parts.intercept.idle.wait()
                await self._flush()
        await self._hang_up()
        self._master.shutdown()  # type: ignore[no-untyped-call]
        await self.wait()

    async def _hang_up(self) -> None:
        """Close what is still open, pict-rs's kept-alive connections too, and let mitmproxy notice."""
        for client in list(self._server.connections):
            transports.close_client(str(client))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._parts.intercept.alone.wait()

    async def _flush(self) -> None:
        """Wait until what is written has left: the last bytes of an answer would be lost with the loop."""
        for connection in list(self._server.connections.values()):
            for io in list(connection.transports.values()):
                if isinstance(io.writer, asyncio.StreamWriter):
                    io.writer.transport.set_write_buffer_limits(high=0)
                    with contextlib.suppress(OSError):
                        await io.writer.drain()


def raise_file_limit(requests: int) -> None:
    """Let this process have the sockets that `overload.requests` asks for; many systems give 1024 files at first."""
    wanted = requests * (PER_REQUEST + FILES_PER_REQUEST) + FILES_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log.warning(
            "this process may open %d files, %d may be needed: lower overload.requests, or raise it", most, wanted
        )


@contextlib.contextmanager
def sparing_the_collector(running: Filter) -> Iterator[None]:
    """Keep what is there once the model is loaded (470,000 objects, torch most of all) from being looked at again.

    The garbage collector stops the event loop for 0.4 s to find that nothing of it is garbage. For a process that
    runs one filter; inside a running event loop, once the filter has started.
    """

    def freeze(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:  # else it ends, and says why
            gc.freeze()

    warmed = asyncio.create_task(running.warm())
    warmed.add_done_callback(freeze)
    try:
        yield
    finally:
        warmed.cancel()
        gc.unfreeze()  # or libraries complain at the end of what they think was lost


async def run(config: Config, read: Callable[[], Config] | None = None) -> int:
    """Serve until a signal comes or the model fails to load. Gives the exit code.

    `read` reads the configuration anew, when its file has changed or SIGHUP comes.
    """
    raise_file_limit(config.settings.overload.requests)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = Filter(config, read=read)
    try:
        await running.start()
    except (ListenError, StateError) as error:
        log.error("%s", error)
        return 1
    if running.reload is not None:
        loop.add_signal_handler(signal.SIGHUP, running.reload.ask)
    stopping = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(running.wait())
    with sparing_the_collector(running):
        await asyncio.wait([stopping, ended], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            log.info("stopping: finishing the requests in hand")
            await asyncio.to_thread(readiness.tell, readiness.STOPPING)
            await running.stop()
        stopping.cancel()
        await ended
    return 1 if running.failure else 0
