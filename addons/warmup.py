"""The time until pictures can be judged: the model is loaded while views are answered already.

A filter that can never judge would refuse for ever without saying why, so one whose model cannot be loaded ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping

from mitmproxy import ctx

from addons import readiness
from addons.lists.shelf import ListError
from model.errors import JudgeError, ModelError

log = logging.getLogger("pictrs_filter")

EXPECTED: Mapping[type[Exception], str] = {
    ModelError: "the model could not be loaded",
    JudgeError: "the decoders could not be started",
    ListError: "a list could not be read",
}
"""What the operator can put right, and how it is told: without a traceback, which is for faults of ours."""


class WarmUp:
    """`load` loads the model, may take seconds, and says how pictures are judged now. `failure`: what it raised."""

    def __init__(self, load: Callable[[], Coroutine[None, None, str]]) -> None:
        self._load = load
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._task = asyncio.create_task(self._run(), name="warm up")
        self._task.add_done_callback(self._ended)

    async def wait(self) -> None:
        """Wait until it has ended. Raises what kept the model from being loaded."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def cancel(self) -> None:
        """Give up, if it goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        judged = await self._load()
        addresses = ctx.master.addons.get("proxyserver").listen_addrs()
        status = f"listening on {', '.join(f'{host}:{port}' for host, port, *_ in addresses)}, {judged}"
        log.info("ready: %s", status)
        await asyncio.to_thread(readiness.tell, readiness.ready(status))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.failure = error
        what = next((said for kind, said in EXPECTED.items() if isinstance(error, kind)), None)
        log.error("%s: %s", what or "the model could not be loaded", error, exc_info=None if what else error)
        ctx.master.shutdown()
