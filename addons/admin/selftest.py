"""`pictrs-filter selftest`: does a running filter refuse? Shown with a harmless card that every filter refuses by its hash.

The card goes first (it must be refused), then an ordinary drawn picture (it must pass, and is deleted by its token).
"""

from __future__ import annotations

import sys
from pathlib import Path

from addons.pictrs.answers import CODE_REFUSED
from addons.pictrs.client import ClientError, PictrsClient, Reply
from model.card import card, plain


def write(path: Path) -> int:
    """Write the card to `path`, to upload it by hand. Gives the exit code."""
    try:
        path.write_bytes(card())
    except OSError as error:
        print(f"pictrs-filter: cannot write {path}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"wrote {path}: upload it to your site; the filter must refuse it")
    return 0


async def selftest(url: str) -> int:
    """Upload both pictures through the filter at `url` and say what was seen. Gives the exit code: 0 all is well."""
    print(f"asking {url}")
    try:
        async with PictrsClient(url) as client:
            refused = await _card(client)
            passed = await _plain(client)
    except ClientError as error:
        print(f"  FAILED  {error}\n          is the filter running, and is this its address? (--url)")
        return 1
    if refused and passed:
        print("all is well: the filter refuses what it must refuse, and lets ordinary pictures through")
        return 0
    return 1


async def _card(client: PictrsClient) -> bool:
    reply = await client.upload(card(), "image/png")
    if reply.status == 400 and reply.code == CODE_REFUSED:
        print(f'  ok      the self-test card was refused: {reply.status} "{reply.msg}"')
        return True
    if reply.alias is not None:
        print("  FAILED  the self-test card was STORED: nothing is filtered at this address.")
        print("          is this pict-rs itself, or another program than the filter?")
        await _delete(client, reply)
        return False
    print(f"  FAILED  the self-test card was not refused as it must be: {_seen(reply)}")
    return False


async def _plain(client: PictrsClient) -> bool:
    reply = await client.upload(plain(), "image/jpeg")
    if reply.alias is None or reply.status != 201:
        print(f"  FAILED  an ordinary picture did not pass: {_seen(reply)}")
        return False
    print(f"  ok      an ordinary picture passed: {reply.status}, stored as {reply.alias}")
    return await _delete(client, reply)


async def _delete(client: PictrsClient, stored: Reply) -> bool:
    if stored.alias is None or stored.delete_token is None:
        print("  FAILED  no delete token came with it: please delete it by hand")
        return False
    reply = await client.delete(stored.alias, stored.delete_token)
    if reply.status not in (200, 204):
        print(f"  FAILED  it could not be deleted again: {_seen(reply)}")
        return False
    print("  ok      and was deleted again")
    return True


def _seen(reply: Reply) -> str:
    return f'{reply.status} "{reply.msg}"' if reply.msg else f"{reply.status}, and no message that pict-rs would give"
