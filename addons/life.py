"""The life of the program, as mitmproxy tells it: its options, the beginning, the model, the end.

It begins under options that keep the gate shut (closed.py) or not at all, listens for pict-rs, and only then loads the
model (warmup.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from mitmproxy import ctx, exceptions

from addons import closed
from addons.fetch.staging import Staging
from addons.listener import CallbackListener, ListenError
from addons.page.port import InternalPort
from addons.warmup import WarmUp

log = logging.getLogger("pictrs_filter")


class Life:
    """One per process. Its hooks are called by mitmproxy, which knows it from the interceptor's `addons`.

    `warm_up` loads the model, gives it to the desks and says how pictures are judged now. It runs at start, and may
    take seconds. `close` undoes it. `stopping` is the launcher's to set, and for the interceptor to heed.
    """

    def __init__(
        self,
        listener: CallbackListener,
        staging: Staging,
        warm_up: Callable[[], Coroutine[None, None, str]],
        close: Callable[[], Awaitable[None]],
        internal: InternalPort | None = None,
    ) -> None:
        self._listener = listener
        self._staging = staging
        self._warm_up = WarmUp(warm_up)
        self._close = close
        self._internal = internal
        self._checked = False
        self._deaf: ListenError | None = None
        self.stopping = False
        self.started = asyncio.Event()  # mitmproxy runs this addon; whether it listens is for the launcher to see
        self.callback = ("", 0)  # where pict-rs's calls come in, once that is known

    def configure(self, updated: set[str]) -> None:
        """Refuse a change of options that would open the gate (mitmproxy then keeps the old ones)."""
        if self._checked and (faults := closed.faults(ctx.options)):
            raise exceptions.OptionsError("; ".join(faults))

    async def running(self) -> None:
        """Check the options, then begin to load the model. An error logged here ends mitmdump with exit code 1."""
        try:
            closed.force(ctx.options)
            faults = closed.faults(ctx.options)
            for fault in faults:
                log.error("%s", fault)
            if not faults:
                await self._listen()
                self._checked = True
                self._warm_up.start()
        except ListenError as error:
            self._deaf = error
            log.error("%s", error)
        finally:
            self.started.set()
            if not self._checked:
                ctx.master.shutdown()

    async def _listen(self) -> None:
        self.callback = await self._listener.open()
        self._staging.base = self._listener.base
        if self._internal is not None:
            self._internal.open()

    async def warmed(self) -> None:
        """Wait until the model is loaded. Raises what kept it from being loaded."""
        await self.started.wait()
        await self._warm_up.wait()

    @property
    def failure(self) -> BaseException | None:
        """Why the model could not be loaded, or nothing be listened on."""
        return self._deaf or self._warm_up.failure

    async def done(self) -> None:
        """End the model's thread and the decoders."""
        await self._listener.close()
        await self._warm_up.cancel()
        await self._close()
        if self._internal is not None:
            await self._internal.close()
