"""`pictrs-filter selftest`: does a running filter refuse? Shown with a harmless card, which it must refuse by its hash.

The card goes first. Then an ordinary drawn picture, which must pass and is deleted by its token.
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
    print(f"wrote {path}: upload it to your site; it must be refused")
    return 0


async def selftest(url: str) -> int:
    """Upload both pictures to what answers at `url` and say what was seen. Gives the exit code: 0 all is well."""
    print(f"asking {url}", flush=True)
    try:
        async with PictrsClient(url) as client:
            well = await _card(client) and await _plain(client)
    except ClientError as error:
        _failed(str(error), "is the filter running, and is this its address? (--url)")
        return 1
    if well:
        print("all is well: the filter refuses the card, and lets an ordinary picture through to pict-rs")
        print("(the mode cannot be told from here: the card is refused in shadow mode, too)")
    return 0 if well else 1


async def _card(client: PictrsClient) -> bool:
    reply = await client.upload(card(), "image/png")
    if reply.status == 400 and reply.code == CODE_REFUSED:
        _ok(f"the self-test card was refused: {_seen(reply)}")
        return True
    if reply.alias is not None:
        _failed(
            "the self-test card was STORED: no filter is at work at this address",
            "is this pict-rs itself? Lemmy's pictrs.url must name the filter, and only the filter may reach pict-rs",
        )
        await _delete(client, reply)
    elif reply.status == 503:
        _failed(f"the filter is not ready: {_seen(reply)}", "wait until its log says ready, and ask again")
    else:
        _failed(
            f"the self-test card was not refused as a filter refuses it: {_seen(reply)}",
            "does another server answer at this address? (--url)",
        )
    return False


_WHY = {
    400: "did a rule refuse it? then its threshold is too low: look for the ref in the filter's log",
    502: "is pict-rs running, at the address that the filter has as `upstream`?",
    503: "the filter is there but could not judge it: its log has the reason",
}


async def _plain(client: PictrsClient) -> bool:
    reply = await client.upload(plain(), "image/jpeg")
    if reply.alias is None or reply.status != 201:
        _failed(
            f"an ordinary picture did not pass: {_seen(reply)}", _WHY.get(reply.status, "the log of pict-rs may tell")
        )
        return False
    _ok(f"an ordinary picture passed: {reply.status}, stored as {reply.alias}")
    return await _delete(client, reply)


async def _delete(client: PictrsClient, stored: Reply) -> bool:
    if stored.alias is None or stored.delete_token is None:
        _failed("it cannot be deleted again: no delete token came with it", f"delete it by hand: {stored.alias}")
        return False
    reply = await client.delete(stored.alias, stored.delete_token)
    if reply.status not in (200, 204):
        _failed(f"it could not be deleted again: {_seen(reply)}", f"delete it by hand: {stored.alias}")
        return False
    _ok("and was deleted again")
    return True


def _ok(what: str) -> None:
    print(f"  ok      {what}", flush=True)


def _failed(what: str, then: str) -> None:
    print(f"  FAILED  {what}\n          {then}", flush=True)


def _seen(reply: Reply) -> str:
    return f'{reply.status} "{reply.msg}"' if reply.msg else f"{reply.status}, without a message as pict-rs has it"
