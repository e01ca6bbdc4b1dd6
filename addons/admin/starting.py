"""A judge for a command: the models of a configuration, and the lists that a filter with it would have."""

from __future__ import annotations

import asyncio
from typing import Any

from addons.lists.places import lists_folder
from addons.lists.shelf import Shelf
from config.load import Config


async def start_judge(config: Config) -> Any:
    """A model.judge.Judge. Raises ModelError and JudgeError as its start does, and ListError for a list."""
    shelf = Shelf(lists_folder(config.settings.state_folder), config.policy.lists, lambda lists: None)
    lists = await shelf.load()
    judge = await (await asyncio.to_thread(_start))(config)
    judge.lists = lists
    return judge


def _start() -> Any:
    from model.judge import Judge  # brings torch, which takes seconds: only once they are announced

    return Judge.start
