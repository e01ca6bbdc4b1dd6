"""mitmproxy as it comes, in the filter's place: `mitmdump -q` as a reverse proxy that streams.

A program of its own: `python -m tests.bench.plain http://127.0.0.1:8080`. It runs until it is ended.
"""

from __future__ import annotations

import sys
import tempfile

from mitmproxy.tools import dump, main

STREAMED = "1k"
"""Bodies larger than this are streamed; smaller than any picture."""


class Told(dump.DumpMaster):
    """Says where it listens once it does, and is as it comes otherwise."""

    async def running(self) -> None:
        await super().running()
        (address,) = self.addons.get("proxyserver").listen_addrs()
        print("ready: listening on {}:{}".format(*address), flush=True)


if __name__ == "__main__":
    dump.DumpMaster = Told  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        where = ["--mode", f"reverse:{sys.argv[1]}", "--listen-host", "127.0.0.1", "--listen-port", "0"]
        how = ["--set", f"stream_large_bodies={STREAMED}", "--set", f"confdir={folder}"]
        main.mitmdump(["-q", *where, *how])
