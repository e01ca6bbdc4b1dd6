"""`pictrs-filter demo`: the filter at work, on this machine, in one table.

The filter runs with the embedded model in front of an upstream. Without one a stand-in for pict-rs is started, which
stores into a temporary folder, so that "stored upstream" is looked up in the store itself and not believed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from addons.admin.standin import StandIn
from addons.inspection import Decision
from addons.launcher import Filter
from addons.listener import ListenError
from addons.pictrs.client import ClientError, PictrsClient, Reply
from config.admin import OFF, Admin
from config.load import Config, load
from config.settings import Callback, Fetch
from model.card import card, plain
from model.errors import JudgeError, ModelError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was asked, what came back, and whether that is what must come back."""

    request: str
    reply: Reply
    decision: Decision | None
    stored: str
    right: bool


async def demo(upstream: str | None, stay: bool) -> int:
    """Run the demo. Gives the exit code: 0 when every picture fared as it must."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pictrs-filter-demo-")))
        stand_in = None
        if upstream is None:
            stand_in = StandIn(folder / "store")
            await stand_in.start()
            stack.push_async_callback(stand_in.close)
            upstream = stand_in.url
            print(f"pict-rs stand-in on {upstream}, storing into {folder / 'store'} (--upstream URL for a real one)")
        try:
            behind = await stack.enter_async_context(PictrsClient(upstream))
            await behind.original("pictrs-filter-demo.png")  # any answer will do, 404 too
            site = await _site(stack)
            decisions: list[Decision] = []
            running = Filter(_config(upstream, site, folder), decisions.append, ask_upstream=False)
            print("loading the embedded model ...", file=sys.stderr, flush=True)
            await running.start()
            stack.push_async_callback(running.stop)
            await running.warm()
            url = "http://{}:{}".format(*running.address)
            print(f"filter on {url}: open-nsfw on {running.device}\n")
            client = await stack.enter_async_context(PictrsClient(url))
            rows = await _scenes(client, _looker(stand_in, behind), decisions, f"http://{LOOPBACK}:{site}")
        except (ClientError, ListenError, ModelError, JudgeError) as error:
            print(f"pictrs-filter: {error}", file=sys.stderr)
            return 1
        _print_table(rows)
        if stay:
            card_file = folder / "self-test-card.png"
            card_file.write_bytes(card())
            await _stay(url, card_file)
        else:
            print("\nto try it with your own pictures, keep it running (make demo STAY=1, pictrs-filter demo --stay):")
            print(f"  curl -F 'images[]=@photo.jpg' {url}/image     # with the address that it prints")
        return 0 if all(row.right for row in rows) else 1


async def _site(stack: AsyncExitStack) -> int:
    """A web site on loopback with two pictures, for the fetches. Gives its port."""
    pictures = {"/holiday.jpg": (plain(2), "image/jpeg"), "/card.png": (card(), "image/png")}

    async def serve(request: web.Request) -> web.Response:
        found = pictures.get(request.path)
        return web.Response(body=found[0], content_type=found[1]) if found else web.Response(status=404)

    application = web.Application()
    application.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, LOOPBACK, 0).start()
    port: int = runner.addresses[0][1]
    return port


def _config(upstream: str, site: int, folder: Path) -> Config:
    config = load(env={"PICTRS_FILTER_UPSTREAM": upstream, "PICTRS_FILTER_LISTEN": f"{LOOPBACK}:0"})
    # Only here: a site on this machine may be fetched from. A real filter refuses private addresses.
    fetch = Fetch(ports=(80, 443, site), allow_networks=(f"{LOOPBACK}/32",))
    update = {
        "fetch": fetch,
        "callback": Callback(listen=f"{LOOPBACK}:0"),
        "admin": Admin(listen=OFF),
        "state_dir": str(folder / "state"),
    }
    return replace(config, settings=config.settings.model_copy(update=update))


Look = Callable[[Reply], Awaitable[str]]


def _looker(stand_in: StandIn | None, behind: PictrsClient) -> Look:
    """How to find out whether an upload reached the store: by looking into the stand-in's, by asking a real pict-rs."""
    before = stand_in.stored() if stand_in else set()

    async def look(reply: Reply) -> str:
        if stand_in is not None:
            new = stand_in.stored() - before
            before.update(new)
            return "yes" if new else "no"
        if reply.alias is None:
            return "no alias"
        return "yes" if (await behind.original(reply.alias)).status == 200 else "no"

    return look


async def _scenes(client: PictrsClient, look: Look, decisions: list[Decision], site: str) -> list[Row]:
    rows: list[Row] = []

    async def scene(request: str, asked: Awaitable[Reply], passes: bool) -> None:
        seen = len(decisions)
        reply = await asked
        stored = await look(reply)
        right = (reply.status == 201 and stored == "yes") if passes else (400 <= reply.status < 500 and stored != "yes")
        if reply.alias is not None and reply.delete_token is not None:
            deleted = await client.delete(reply.alias, reply.delete_token)
            stored += "" if deleted.status in (200, 204) else f", and not deleted again: {reply.alias}"
        rows.append(Row(request, reply, decisions[-1] if len(decisions) > seen else None, stored, right))

    await scene("POST /image  an ordinary picture", client.upload(plain(1), "image/jpeg"), True)
    await scene("POST /image  the self-test card", client.upload(card(), "image/png"), False)
    await scene("POST /image  half a picture", client.upload(plain(3)[:5000], "image/jpeg"), False)
    await scene("GET  /image/download?url=.../holiday.jpg", client.download(f"{site}/holiday.jpg"), True)
    await scene("GET  /image/download?url=.../card.png", client.download(f"{site}/card.png"), False)
    await scene("GET  /image/download?url=http://10.0.0.1/", client.download("http://10.0.0.1/secret.png"), False)
    return rows


def _print_table(rows: list[Row]) -> None:
    print(f"{'request':<42} {'answer':<7} {'score':<12} {'rule':<15} {'ms':>6}  stored upstream")
    for row in rows:
        verdict = row.decision.verdict if row.decision else None
        score = ", ".join(f"{name} {value:.3f}" for name, value in verdict.scores.items()) if verdict else ""
        rule = (verdict.rule or "-") if verdict else "-"
        took = f"{row.decision.ms:.0f}" if row.decision else ""
        wrong = "" if row.right else "   <- this is WRONG"
        print(f"{row.request:<42} {row.reply.status:<7} {score or '-':<12} {rule:<15} {took:>6}  {row.stored}{wrong}")
        if row.reply.status >= 400:
            print(f'    "{row.reply.msg}"')


async def _stay(url: str, card_file: Path) -> None:
    """Tell how to try it by hand, and wait for Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print("\ntry it yourself:")
    print(f"  curl -F 'images[]=@photo.jpg' {url}/image          # any picture of yours")
    print(f"  curl -F 'images[]=@{card_file}' {url}/image")
    print(f"  curl {url}/healthz")
    print("\nrunning; Ctrl-C ends it", flush=True)
    await stop.wait()
