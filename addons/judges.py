"""Who judges, and by what: the judge in office, its successor when the configuration changes, and the lists.

A verdict depends on the bytes and on `judging`, which names policy, settings and lists. When one of these changes, the
memories of verdicts and of refused addresses are left behind with it; what is in hand is judged by what was in office
when it came.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, cast

from addons.inspection import Inspector, Judging
from config.load import Config
from model.cached import CachedJudge
from model.classifier import Load
from model.listed import Lists

StartJudge = Callable[[Config], Awaitable[Judging]]


class Renewable(Judging, Protocol):
    """What model.judge.Judge has beyond Judging."""

    lists: Lists

    def successor(self, config: Config) -> Judging | None:
        """A judge by another configuration with the same models; None where it takes others."""
        ...

    def bequeath(self, successor: Judging) -> None:
        """Let the successor close what both have."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A judge that is not in office yet; `inherits`: it has the models of the one that is."""

    config: Config
    judge: Judging
    inherits: bool


class Judges:
    """Gives `inspector` its judge. `start_judge` makes one (None: model.judge.Judge.start); `changed` is called with
    `judging` whenever that has changed.
    """

    def __init__(
        self, inspector: Inspector, start_judge: StartJudge | None = None, changed: Callable[[str], None] | None = None
    ) -> None:
        self._inspector = inspector
        self._start_judge = start_judge or _start_judge
        self._changed = changed or (lambda judging: None)
        self._judge: Judging | None = None
        self._cached: CachedJudge | None = None
        self._lists: Lists | None = None
        self._config: Config | None = None

    async def prepare(self, config: Config) -> Prepared:
        """Make a judge by this configuration: with the same models at once, else once they are loaded beside those that
        are there. Nothing changes before `take`.

        Raises what keeps a model from being loaded.
        """
        make = getattr(self._judge, "successor", None)
        heir = make(config) if make is not None else None
        return Prepared(config, await self._start_judge(config) if heir is None else heir, heir is not None)

    def take(self, prepared: Prepared, lists: Lists | None = None) -> Judging | None:
        """Have everything judged by what is prepared, and these lists, from now on. Gives the judge before."""
        before, config = self._inspector.judge, prepared.config
        if prepared.inherits:
            cast(Renewable, self._judge).bequeath(prepared.judge)
        self._judge, self._config = prepared.judge, config
        self._lists = lists or self._lists
        self._give_lists()
        self._cached = CachedJudge(
            prepared.judge,
            policy=self.judging,
            entries=config.settings.cache.verdicts,
            seconds=config.settings.cache.verdict_seconds,
            by_origin=config.policy.by_origin,
        )
        self._inspector.judge = self._cached
        self._changed(self.judging)
        return before

    async def leave(self, before: Judging | None) -> None:
        """Close a judge that is not in office any more, once the files that it has in hand are judged."""
        if before is not None:
            try:
                await self._inspector.done_with(before)
            finally:
                await before.close()

    def know(self, lists: Lists) -> None:
        """Have everything judged by these lists from now on."""
        if self._lists is not None and self._lists.version == lists.version:
            return
        self._lists = lists
        self._give_lists()
        if self._cached is not None:
            self._cached.forget(self.judging)
            self._changed(self.judging)

    async def close(self) -> None:
        """End the judge in office, and judge no more."""
        self._inspector.judge = None
        cached, self._cached, self._judge = self._cached, None, None
        if cached is not None:
            await cached.close()

    @property
    def device(self) -> str:
        """Where the models run, for people; `-` before there is a judge."""
        return "-" if self._cached is None else self._cached.device

    @property
    def load(self) -> Load:
        """What the models do now; may be asked from any thread."""
        return getattr(self._judge, "load", Load())

    @property
    def judging(self) -> str:
        """What a verdict depends on beside the bytes, as a name; empty before there is a judge."""
        if self._config is None:
            return ""
        return f"{self._config.judging}-{self._lists.version}" if self._lists is not None else self._config.judging

    def _give_lists(self) -> None:
        if self._lists is not None and hasattr(self._judge, "lists"):
            cast(Renewable, self._judge).lists = self._lists


async def _start_judge(config: Config) -> Judging:
    """Import torch only now, and in a thread: it takes seconds, in which views are served already."""
    module = await asyncio.to_thread(importlib.import_module, "model.judge")
    judge: Judging = await module.Judge.start(config)
    return judge
