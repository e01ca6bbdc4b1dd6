"""Which settings a running filter takes up when its file changes, and which wait for a restart. Pure."""

from __future__ import annotations

from dataclasses import replace

from config.load import Config
from config.settings import Settings

LIVE = frozenset({"mode", "normalise", "device", "backend", "log_level", "views", "decoder", "failure"})
"""Settings that concern how a file is judged; with the whole policy, they can be changed at any time. All others are
what sockets, limits and timers were made with."""


def taken_up(running: Config, new: Config) -> tuple[Config, list[str]]:
    """The configuration that a filter with `running` goes on with when it is given `new`, and the names of settings
    that it will only take up when it is started again.
    """
    before, after = running.settings, new.settings
    waiting = [
        name for name in Settings.model_fields if name not in LIVE and getattr(before, name) != getattr(after, name)
    ]
    settings = after.model_copy(update={name: getattr(before, name) for name in waiting})
    return replace(new, settings=settings), waiting
