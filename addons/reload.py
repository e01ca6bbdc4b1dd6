"""Takes up a configuration file that has changed, or goes on with what there was, and says why.

The file is looked at every few seconds, and when SIGHUP comes. Looked at and not listened for: Docker mounts a single
file by its inode, editors put a new file in its place, and network file systems tell nothing. A file that is being
written is not read: it must have stayed the same from one look to the next.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from addons.lists.shelf import ListError
from config.document import read
from config.live import taken_up
from config.load import Config, ConfigError
from config.problems import Loc, dotted
from model.errors import JudgeError, ModelError

log = logging.getLogger("pictrs_filter")

LOOK_SECONDS = 2.0
"""How often the file is looked at, in seconds: an edit counts within two looks, and a look costs microseconds."""

Signature = tuple[int, int, int] | None
"""(inode, size in bytes, time of the last change in ns) of a file; None where there is none."""


@dataclass(frozen=True)
class State:
    """How the last reload went. `at`: seconds since 1970; `problems`: one line each; `waiting`: names of settings.

    `first`: there was none yet, and `config` is what was read at the start.
    """

    config: Config
    at: float
    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    first: bool = False

    @property
    def success(self) -> bool:
        """Whether what the file says is in force, except for what waits for a restart."""
        return not self.problems


class Reload:
    """`read` reads the configuration anew, `apply` puts one in force (it may take as long as loading a model).

    `state` tells how that went. What `read` raises as ConfigError, and `apply` as ModelError, JudgeError or ListError,
    leaves everything as it was. `told` is called with each new state; it is quick, and does not raise.
    """

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        apply: Callable[[Config], Awaitable[None]],
        *,
        seconds: float = LOOK_SECONDS,
        told: Callable[[State], None] | None = None,
    ) -> None:
        self._told = told
        self.state = State(config, time.time(), first=True)
        self._read = read
        self._apply = apply
        self._seconds = seconds
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen = signature(config.path)

    def start(self) -> None:
        """Begin to look at the file."""
        self._task = asyncio.create_task(self._watch(), name="reload")

    def ask(self) -> None:
        """Read the file now, changed or not (SIGHUP)."""
        self._asked.set()

    async def close(self) -> None:
        """Look no more; what is being loaded is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _watch(self) -> None:
        before = self._seen
        while True:
            asked = await self._wait()
            now = signature(self.state.config.path)
            changed = now != self._seen and now == before
            before = now
            if asked or changed:
                self._seen = now
                await self.reload()

    async def _wait(self) -> bool:
        """Until the next look. Whether that was asked for."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def reload(self) -> None:
        """Read the file and put it in force, or say why not. Never raises."""
        running = config = self.state.config
        try:
            config, waiting = taken_up(running, await asyncio.to_thread(self._read))
            if config != running:
                await self._apply(config)
        except ConfigError as error:
            self._failed([str(problem) for problem in error.problems])
        except (ModelError, JudgeError, ListError) as error:
            self._failed([f"{place(config, str(error))}{error}"])
        except Exception as error:
            log.debug("reload", exc_info=True)
            self._failed([f"{type(error).__name__}: {error}"])
        else:
            self._ended(State(config, time.time(), (), tuple(waiting)))
            self._tell(running, config, waiting)

    def _ended(self, state: State) -> None:
        self.state = state
        if self._told is not None:
            self._told(state)

    def _failed(self, problems: list[str]) -> None:
        config = self.state.config
        self._ended(State(config, time.time(), tuple(problems)))
        for problem in problems:
            log.error("configuration not taken up: %s", problem)
        log.error("still in force: policy %s, mode %s", config.hash[:8], config.settings.mode)

    @staticmethod
    def _tell(running: Config, config: Config, waiting: list[str]) -> None:
        if config == running:
            log.info("configuration read again: nothing has changed for a running filter")
        else:
            rules = len(config.policy.rules)
            log.info(
                "configuration in force: policy %s, mode %s, %d rules", config.hash[:8], config.settings.mode, rules
            )
        if waiting:
            log.warning("not taken up before the next start: %s", ", ".join(waiting))


def place(config: Config, words: str) -> str:
    """Where in the file stands what a model or a list could not be had by, as `file:line: key: `, if it can be told."""
    policy, path = config.policy, config.path
    named: list[tuple[Loc, str]] = [(("models", name), spec.timm) for name, spec in policy.models.items()]
    named += [(("models", name), spec.timm.partition(":")[2]) for name, spec in policy.models.items()]
    named += [(("lists", name), spec.file or spec.url or "") for name, spec in policy.lists.items()]
    named += [(("signals", name), f"signal '{name}'") for name in policy.signals]
    loc = next((loc for loc, text in named if text and text in words), None)
    try:
        line = read(path.read_bytes()).line(loc) if loc is not None else None
    except OSError:
        line = None
    if loc is None or line is None:
        return f"{path}: "
    return f"{path}:{line}: {dotted(loc)}: "


def signature(path: Path) -> Signature:
    """By what a change of a file is seen."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a path with a NUL
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
