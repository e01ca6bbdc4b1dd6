"""What the pict-rs behind the filter can do: found out at start by requests that change nothing, and said in the log.

Which line of versions it is shows in which routes it has (line.py). And whether it asks the filter for proxied media is
tried with a staged address that leads to nothing: from 0.5.21 pict-rs refuses addresses of its own network unless it is
told to, and its callback address may be wrong.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from addons.fetch.staging import Staging
from addons.pictrs.askback import ALLOW_LOCAL, ask_back, refuses_local
from addons.pictrs.asking import ASK_SECONDS, Asking
from addons.pictrs.line import LINES, WITHOUT_PROXY, StrangerError, find_line

log = logging.getLogger("pictrs_filter")

SILENT_SECONDS = 5.0
"""Seconds until pict-rs is asked again while it does not answer: it may be started after the filter."""
AGAIN_SECONDS = 60.0
"""Seconds until it is looked at again while it does not ask back, and at the soonest when that is in doubt: pict-rs may
be started anew with another setting, or another release."""


class Survey:
    """Asks pict-rs until it has answered, and says what was found. `upstream` is its `http://HOST:PORT`."""

    def __init__(self, upstream: str, staging: Staging) -> None:
        self._upstream = upstream
        self._staging = staging
        self._task: asyncio.Task[None] | None = None
        self._said: str | None = ""  # the last word about proxied media
        self.line: str | None = None  # 0.3, 0.4, 0.5 or 0.6, once it is known

    def start(self) -> None:
        """Begin to ask, in the background."""
        self._task = asyncio.create_task(self._run(), name="survey")

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Ask until all is well, and again when that is in doubt. Says each thing once, until it has changed."""
        trouble: str | None = None
        async with Asking(self._upstream, seconds=ASK_SECONDS) as asking:
            while True:
                self._staging.doubted.clear()
                well, before, trouble = False, trouble, None
                try:
                    well = await self._look(asking)
                except StrangerError:
                    trouble = f"what answers at {self._upstream} is not pict-rs: does `upstream` name the right place?"
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    trouble = f"pict-rs at {self._upstream} does not answer yet ({type(error).__name__})"
                if trouble not in (None, before):
                    log.warning("%s", trouble)
                await asyncio.sleep(SILENT_SECONDS if trouble else AGAIN_SECONDS)
                if well:
                    await self._staging.doubted.wait()

    async def _look(self, asking: Asking) -> bool:
        """Whether nothing is left to be found out."""
        line = await find_line(asking)
        if line != self.line:
            self.line = line
            log.info("upstream is pict-rs %s: %s", line, LINES[line])
        if line in WITHOUT_PROXY:
            self._staging.blocked = None
            return True
        blocked = self._staging.blocked = await self._ask_back(asking)
        if blocked != self._said:
            self._said = blocked
            if blocked is None:
                log.info("proxied media: pict-rs asks the filter for them at %s", self._staging.base)
            else:
                log.warning("proxied media are refused for now: %s", blocked)
        return blocked is None

    async def _ask_back(self, asking: Asking) -> str | None:
        """Make pict-rs ask for a staged address; None when it did, else what to do about it."""
        self._staging.probed.clear()
        reply = await ask_back(asking, self._staging.probe)
        if self._staging.probed.is_set():
            return None
        if refuses_local(reply):
            return f"pict-rs refuses to ask the filter at {self._staging.base}: start pict-rs with {ALLOW_LOCAL}"
        return (
            f"pict-rs did not reach the filter at {self._staging.base} (it said: {reply.msg[:200] or reply.status}): "
            f"set callback.url to the address under which pict-rs reaches callback.listen"
        )
