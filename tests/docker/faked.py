"""A filter of a configuration file with a judge that lets everything pass, for a box.

`python -m tests.docker.faked FILE`.
It prints `ready`, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from addons.launcher import Filter
from config.load import load
from tests.running import FakeJudge


async def serve(path: Path) -> None:
    """Serve until standard input ends."""

    async def judge(*_: object) -> FakeJudge:
        return FakeJudge()

    running = Filter(load(path, env={}), start_judge=judge, ask_upstream=False)
    await running.start()
    await running.warm()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await running.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
