"""The lists of a running filter: read at start, watched, followed, and exchanged for others when the policy changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from addons.lists.places import lists_folder
from addons.lists.shelf import Shelf, Standing
from addons.lists.subscriptions import Subscriptions, list_fetcher
from config.listing import ListSpec
from config.settings import Settings
from model.lists import Lists


class Library:
    """`changed` is called with the lists whenever one of them has changed. One asyncio loop."""

    def __init__(self, settings: Settings, changed: Callable[[Lists], None]) -> None:
        self._folder = lists_folder(settings.state_folder)
        self._settings = settings
        self._changed = changed
        self._shelf = Shelf(self._folder, {}, self._told)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def standing(self) -> dict[str, Standing]:
        """How each list stands, by name."""
        return self._shelf.standing

    async def read(self, specs: Mapping[str, ListSpec]) -> Shelf:
        """The lists of a policy, for `take`. What is there already is not read again. Raises ListError."""
        shelf = Shelf(self._folder, specs, self._told, like=self._shelf)
        await shelf.load()
        return shelf

    def take(self, shelf: Shelf, specs: Mapping[str, ListSpec]) -> None:
        """Go by these lists from now on: watch their files, and ask for those of others."""
        self._stop()
        self._shelf = shelf
        if not self._closed:
            self._begin(shelf.watch(), "lists")
            if any(spec.url is not None for spec in specs.values()):
                self._begin(self._follow(specs), "subscriptions")

    def _told(self, lists: Lists) -> None:
        """Hear of a change, but not from a shelf that is not in office: it knows other lists."""
        if lists is self._shelf.lists:
            self._changed(lists)

    async def close(self) -> None:
        """Watch and follow no more."""
        self._closed = True
        stopped = self._stop()
        if stopped:
            await asyncio.wait(stopped)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _follow(self, specs: Mapping[str, ListSpec]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            fetcher = list_fetcher(self._settings)
            stack.push_async_callback(fetcher.close)
            await Subscriptions(self._folder, specs, fetcher).follow()

    def _stop(self) -> list[asyncio.Task[None]]:
        stopped, self._tasks = self._tasks, []
        for task in stopped:
            task.cancel()
        return stopped
