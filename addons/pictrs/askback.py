"""Makes pict-rs ask for an address of the filter's: a view of proxied media that it cannot have yet."""

from __future__ import annotations

from urllib.parse import quote

from addons.pictrs.asking import Asking, Reply

ALLOW_LOCAL = "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true"
LOCAL_REFUSAL = "resolves to local address"
"""In pict-rs's message when it refuses to ask an address of its own network (0.5.21 and later; src/lib.rs)."""


async def ask_back(asking: Asking, url: str) -> Reply:
    """What pict-rs says when it is to show `url` (a whole address). Raises as Asking.get does."""
    return await asking.get(f"/image/original?proxy={quote(url, safe='')}")


def refuses_local(reply: Reply) -> bool:
    """Whether it did not even try, because the address is one of its own network."""
    return LOCAL_REFUSAL in reply.msg
