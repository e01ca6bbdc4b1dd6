"""The filter with a judge that passes everything at once: what is left is the proxy's own time.

A program of its own: `python -m tests.bench.stub http://127.0.0.1:8080`. It runs until it is ended.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from addons.inspection import Judging
from addons.launcher import Filter
from config.load import Config, load
from model.verdict import Outcome, Verdict
from tests.served import own_file


class PassAtOnce:
    """A judge that does not look."""

    device = "nothing"

    async def judge(self, data: bytes, deadline: float) -> Verdict:
        """Pass it."""
        return Verdict(
            outcome=Outcome.PASS,
            strict=Outcome.PASS,
            rule=None,
            cause=None,
            sha256="",
            size=len(data),
            mime="image/jpeg",
        )

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        """As it is."""
        return data

    async def close(self) -> None:
        """Nothing to free."""


async def _start_judge(_: Config) -> Judging:
    return PassAtOnce()


async def main(upstream: str) -> None:
    """Serve on a free port; the filter's own log says on which."""
    with tempfile.TemporaryDirectory() as folder:
        config = load(own_file(Path(folder)), {"PICTRS_FILTER_UPSTREAM": upstream})
        running = Filter(config, None, _start_judge)
        await running.start()
        await running.wait()


if __name__ == "__main__":
    logging.basicConfig(level="INFO", stream=sys.stderr)
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)  # as `pictrs-filter serve` does
    asyncio.run(main(sys.argv[1]))
