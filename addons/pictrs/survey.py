"""What the pict-rs behind the filter can do: found out at start by requests that change nothing, and said in the log.

Which line of versions it is shows in which routes it has. And whether it asks the filter for proxied media is tried
with a staged address that leads to nothing: from 0.5.21 pict-rs refuses addresses of its own network unless it is told
to, and its callback address may be wrong. No request carries a key, and none brings media.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from yarl import URL

from addons.fetch.staging import Staging

log = logging.getLogger("pictrs_filter")

ASK_SECONDS = 10.0
"""Seconds for one answer of pict-rs: as long as Lemmy waits for a view."""
SILENT_SECONDS = 5.0
"""Seconds until pict-rs is asked again while it does not answer: it may be started after the filter."""
AGAIN_SECONDS = 60.0
"""Seconds until it is looked at again while it does not ask back, and at the soonest when that is in doubt: pict-rs may
be started anew with another setting, or another release."""
MAX_ANSWER_BYTES = 64 * 1024
ALLOW_LOCAL = "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true"
NOBODY = "pictrs-filter-asks.png"
"""An alias that nothing has: pict-rs makes its own ones, of random letters."""
LOCAL_REFUSAL = "resolves to local address"
"""In pict-rs's message when it refuses to ask an address of its own network (0.5.21 and later; src/lib.rs)."""

_LINES = {
    "0.3": "no backgrounded uploads, no proxied media",
    "0.4": "no proxied media",
    "0.5": "uploads, backgrounded uploads, proxied media",
    "0.6": "uploads, backgrounded uploads, proxied media that are asked for again after a while",
}


@dataclass(frozen=True)
class _Reply:
    status: int
    body: bytes

    @property
    def msg(self) -> str:
        """pict-rs's own words, empty where there are none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        said = found.get("msg") if isinstance(found, dict) else None
        return said if isinstance(said, str) else ""


class _StrangerError(Exception):
    """Something answers, but not as any pict-rs does."""


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
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        trouble: str | None = None
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())  # as the proxy finds it
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as self._session:
            while True:
                self._staging.doubted.clear()
                well, before, trouble = False, trouble, None
                try:
                    well = await self._look()
                except _StrangerError:
                    trouble = f"what answers at {self._upstream} is not pict-rs: does `upstream` name the right place?"
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    trouble = f"pict-rs at {self._upstream} does not answer yet ({type(error).__name__})"
                if trouble not in (None, before):
                    log.warning("%s", trouble)
                await asyncio.sleep(SILENT_SECONDS if trouble else AGAIN_SECONDS)
                if well:
                    await self._staging.doubted.wait()

    async def _look(self) -> bool:
        """Whether nothing is left to be found out."""
        line = await self._find_line()
        if line != self.line:
            self.line = line
            log.info("upstream is pict-rs %s: %s", line, _LINES[line])
        if line in ("0.3", "0.4"):
            self._staging.blocked = None
            return True
        blocked = self._staging.blocked = await self._ask_back()
        if blocked != self._said:
            self._said = blocked
            if blocked is None:
                log.info("proxied media: pict-rs asks the filter for them at %s", self._staging.base)
            else:
                log.warning("proxied media are refused for now: %s", blocked)
        return blocked is None

    async def _find_line(self) -> str:
        """The line of versions, by what each answers to requests for nothing (seen with all four)."""
        health = (await self._ask("/healthz")).status
        if health in (502, 503, 504):  # said by what stands in between: pict-rs is not there yet
            raise aiohttp.ClientConnectionError(f"status {health}")
        if not (await self._ask(f"/image/details/original/{NOBODY}")).msg:
            raise _StrangerError
        if health == 404:
            return "0.3"
        if (await self._ask("/image/original")).status == 404:
            return "0.4"
        missing = await self._ask(f"/image/original/{NOBODY}")
        return "0.6" if missing.msg else "0.5"

    async def _ask_back(self) -> str | None:
        """Make pict-rs ask for a staged address; None when it did, else what to do about it."""
        self._staging.probed.clear()
        reply = await self._ask(f"/image/original?proxy={quote(self._staging.probe, safe='')}")
        if self._staging.probed.is_set():
            return None
        if LOCAL_REFUSAL in reply.msg:
            return f"pict-rs refuses to ask the filter at {self._staging.base}: start pict-rs with {ALLOW_LOCAL}"
        return (
            f"pict-rs did not reach the filter at {self._staging.base} (it said: {reply.msg[:200] or reply.status}): "
            f"set callback.url to the address under which pict-rs reaches callback.listen"
        )

    async def _ask(self, target: str) -> _Reply:
        url = URL(self._upstream + target, encoded=True)
        async with self._session.get(url, allow_redirects=False) as answer:
            return _Reply(answer.status, await answer.content.read(MAX_ANSWER_BYTES))
