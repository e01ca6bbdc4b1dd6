"""The only place where the parts meet: from a configuration to the addon that mitmproxy runs."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from addons.fetch.remote import RemoteFetcher
from addons.gatekeeper import Decision, Gatekeeper, Judging
from addons.intercept import Intercept
from config.load import Config

log = logging.getLogger("pictrs_filter")


@dataclass(frozen=True)
class Parts:
    """What runs: the addon, and the gatekeeper behind it."""

    intercept: Intercept
    gatekeeper: Gatekeeper


StartJudge = Callable[[Config], Awaitable[Judging]]


def build(
    config: Config, observe: Callable[[Decision], None] | None = None, start_judge: StartJudge | None = None
) -> Parts:
    """Connect the parts. Nothing is loaded or opened yet: the addon does that when mitmproxy runs it.

    `observe` is called with every decision, on the event loop. Inside a running event loop only.
    """
    fetcher = RemoteFetcher(config.settings.fetch, config.settings.limits.max_file_bytes)
    gatekeeper = Gatekeeper(config.settings, fetcher, observe)

    async def warm_up() -> str:
        log.info("loading %s", ", ".join(f"{name} ({spec.timm})" for name, spec in config.policy.models.items()))
        gatekeeper.judge = await (start_judge or _start_judge)(config)
        return described(config, gatekeeper.judge.device)

    async def close() -> None:
        judge, gatekeeper.judge = gatekeeper.judge, None
        if judge is not None:
            await judge.close()
        await fetcher.close()
        if gatekeeper.unscanned:
            log.warning("%d files passed without a verdict in this run", gatekeeper.unscanned)

    return Parts(Intercept(gatekeeper, config.settings.upstream_address, warm_up, close), gatekeeper)


async def _start_judge(config: Config) -> Judging:
    """Import torch only now, and in a thread: it takes seconds, in which views are served already."""
    module = await asyncio.to_thread(importlib.import_module, "model.judge")
    judge: Judging = await module.Judge.start(config)
    return judge


def described(config: Config, device: str) -> str:
    """How pictures are judged, in one line: the end of the line that says that the filter is ready."""
    settings, policy = config.settings, config.policy
    models = ", ".join(spec.timm for spec in policy.models.values())
    return (
        f"upstream {settings.upstream}, model {models} on {device}, mode {settings.mode}, "
        f"{len(policy.rules)} rules, policy {config.hash[:8]}"
    )
