"""The ordinary drawn picture, uploaded and deleted again: what selftest's way through is tried with.

It is our own and harmless (model/card.py), so it may go to pict-rs itself: the rule that pict-rs receives no media that
nobody has judged is kept. Each is another file, by a comment in it, so that neither the filter nor a validator can
answer from memory.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass

from addons.pictrs.client import ClientError, PictrsClient, Reply
from model.card import plain

MARK_BYTES = 16
_SOI, _COM = b"\xff\xd8", b"\xff\xfe"  # start of a JPEG, and its segment for comments (ITU-T T.81, B.1.1.3)


@dataclass(frozen=True)
class Upload:
    """The answer, after so many seconds; `left` is the alias of a picture that could not be deleted again."""

    reply: Reply
    seconds: float
    left: str | None


async def upload_drawn(base: str) -> Upload:
    """Upload it to what answers at `base`, and delete it. Raises client.ClientError.

    Cancelled, by Ctrl-C or for want of time, it is deleted first; cancelled a second time it stays where it is.
    """
    work = asyncio.create_task(_uploaded(base))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        work.exception()
        raise


async def _uploaded(base: str) -> Upload:
    async with PictrsClient(base) as client:
        began = time.monotonic()
        reply = await client.upload(_fresh(), "image/jpeg")
        seconds = time.monotonic() - began
        if reply.alias is None:
            return Upload(reply, seconds, None)
        if reply.delete_token is None:
            return Upload(reply, seconds, reply.alias)
        try:
            deleted = await client.delete(reply.alias, reply.delete_token)
        except ClientError:  # it is stored, and that has to be told
            return Upload(reply, seconds, reply.alias)
        return Upload(reply, seconds, None if deleted.status in (200, 204) else reply.alias)


def _fresh() -> bytes:
    mark = secrets.token_hex(MARK_BYTES).encode()
    return _SOI + _COM + (len(mark) + 2).to_bytes(2, "big") + mark + plain().removeprefix(_SOI)
