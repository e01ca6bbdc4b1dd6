"""The filter that is measured: a whole one, with these settings, in a process of its own on a free port of loopback.

Of the settings four are not the administrator's: where pict-rs is, where to listen, a folder for a key that is thrown
away, and that no verdict is remembered, or the same file would be judged once. So it disturbs no filter that runs here,
and touches nothing of it. The process ends when its standard input does, however its parent ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import tempfile
from collections import deque
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from addons.launcher import Filter, raise_file_limit
from addons.listener import ListenError
from addons.state import StateError
from config.admin import OFF, Admin
from config.load import PREFIX, Config, load
from config.settings import Callback
from model.errors import JudgeError, ModelError

START_SECONDS = 180.0
"""For imports and the models, which take 5 s for the embedded one on an idle machine."""
STOP_SECONDS = 5.0
"""For the filter to end its decoders and go; then it is killed, and they go with it."""
KEPT_LINES = 20
"""Last lines of its log, of which the last is told when it does not start."""
LOOPBACK = "127.0.0.1"

_ROOT = str(Path(__file__).resolve().parents[3])
_COMMAND = (
    sys.executable,
    "-c",
    "import sys; sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); "
    "from addons.admin.bench.subject import main; main(sys.argv[2])",
    _ROOT,
)


class SubjectError(Exception):
    """The filter could not be started; the message says why, for the administrator."""


def settings_for(config: Config, upstream: str, folder: Path) -> Config:
    """`config` as it is measured, before `upstream`, with its key in `folder`."""
    update = {
        "upstream": upstream,
        "listen": f"{LOOPBACK}:0",
        "callback": Callback(listen=f"{LOOPBACK}:0"),
        "admin": Admin(listen=OFF),
        "state_dir": str(folder / "state"),
        "cache": config.settings.cache.model_copy(update={"verdicts": 0}),
        "log_level": "error",
    }
    return replace(config, settings=config.settings.model_copy(update=update))


def write(config: Config, path: Path) -> None:
    """Write a configuration so that `config.load.load` reads the same settings and policy: JSON, which is YAML too."""
    settings = config.settings.model_dump(mode="json")
    policy = config.policy.model_dump(mode="json", exclude_none=True)
    path.write_text(json.dumps(settings | policy), encoding="utf-8")


class Subject:
    """Use as `async with Subject(config, upstream) as subject`; then `subject.url` is where it answers.

    Raises SubjectError when it does not become ready.
    """

    url = ""
    device = ""

    def __init__(self, config: Config, upstream: str) -> None:
        self._config = config
        self._upstream = upstream
        self._said: deque[str] = deque(maxlen=KEPT_LINES)

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="pictrs-filter-bench-")
        try:
            folder = Path(self._folder.name)
            file = folder / "filter.yaml"
            write(settings_for(self._config, self._upstream, folder), file)
            self._process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                str(file),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
                start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then ends it
            )
        except BaseException:
            self._folder.cleanup()
            raise
        self._listening = asyncio.create_task(self._listen())
        try:
            await self._ready()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ended(self) -> None:
        """Wait until it has ended, by itself or otherwise."""
        await asyncio.wait([self._listening])

    def check(self) -> None:
        """Raises SubjectError if it has ended, with its last word."""
        if self._listening.done():
            raise SubjectError(f"the filter has ended: {self._last()}")

    def _last(self) -> str:
        return self._said[-1] if self._said else "it said nothing"

    async def _ready(self) -> None:
        if self._process.stdout is None:
            raise ValueError("the filter needs three pipes")
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise SubjectError(f"the filter was not ready after {START_SECONDS:g} s") from None
        if not line:
            await self._listening
            raise SubjectError(f"the filter could not be started: {self._last()}")
        told: dict[str, Any] = json.loads(line)
        self.url, self.device = told["url"], told["device"]

    async def _listen(self) -> None:
        """Keep the end of its log; nobody else empties the pipe."""
        while self._process.stderr is not None and (line := await self._process.stderr.readline()):
            self._said.append(line.decode(errors="replace").rstrip())

    async def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
            self._listening.cancel()
            self._folder.cleanup()


def main(file: str) -> None:
    """The child: the filter of a configuration file. Says in a line of JSON where it listens, and ends with stdin."""
    logging.basicConfig(format="%(message)s", level="ERROR", stream=sys.stderr)
    code = asyncio.run(_serve(Path(file)))
    sys.stderr.flush()
    os._exit(code)  # Python would first take torch apart, which takes seconds and is of no use


async def _serve(file: Path) -> int:
    config = load(file, env={})
    raise_file_limit(config.settings.overload.requests)
    running = Filter(config, ask_upstream=False)
    try:
        await running.start()
        await running.warm()
    except (ListenError, StateError, ModelError, JudgeError) as error:
        print(error, file=sys.stderr)
        return 1
    url = "http://{}:{}".format(*running.address)
    print(json.dumps({"url": url, "device": running.device}), flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)
    await running.stop()
    return 0
