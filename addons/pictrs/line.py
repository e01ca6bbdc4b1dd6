"""Which line of versions a pict-rs is of: told by which routes it has, for it says it nowhere."""

from __future__ import annotations

import aiohttp

from addons.pictrs.asking import Asking

NOBODY = "pictrs-filter-asks.png"
"""An alias that nothing has: pict-rs makes its own ones, of random letters."""

LINES = {
    "0.3": "no backgrounded uploads, no proxied media",
    "0.4": "no proxied media",
    "0.5": "uploads, backgrounded uploads, proxied media",
    "0.6": "uploads, backgrounded uploads, proxied media that are asked for again after a while",
}
"""Line -> what it can do, in the words of the log."""
WITHOUT_PROXY = ("0.3", "0.4")
"""Lines that know no `?proxy=`, and so never ask the filter for anything."""


class StrangerError(Exception):
    """Something answers, but not as any pict-rs does."""


async def find_line(asking: Asking) -> str:
    """The line of versions, by what each answers to requests for nothing (seen with all four).

    Raises StrangerError; and aiohttp.ClientError, TimeoutError and OSError where nothing answers.
    """
    health = (await asking.get("/healthz")).status
    if health in (502, 503, 504):  # said by what stands in between: pict-rs is not there yet
        raise aiohttp.ClientConnectionError(f"status {health}")
    if not (await asking.get(f"/image/details/original/{NOBODY}")).msg:
        raise StrangerError
    if health == 404:
        return "0.3"
    if (await asking.get("/image/original")).status == 404:
        return "0.4"
    missing = await asking.get(f"/image/original/{NOBODY}")
    return "0.6" if missing.msg else "0.5"
