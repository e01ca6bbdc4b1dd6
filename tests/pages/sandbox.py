"""Where the commands of pages are run: a network of its own, with a pict-rs and a filter where the pages say they are.

    unshare --net python -m tests.pages.sandbox FOLDER < orders.json > results.json

A program of its own; an order is a page and a command. In a network namespace nothing listens but what is started here,
so that the ports of the pages are free, and nothing of the machine is reached. On 8080 stands the demo's pict-rs. The
first `serve` is left running; any further one is ended when it is ready. Below FOLDER are a home, and for each page a
folder to work in, as an admin has it: Lemmy's compose file, a checkout, pictures. `docker` there is a few lines of
shell: `docker compose config` is the real one, `docker compose exec pictrs-filter` runs what follows without a
container, and there is nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from addons.admin.standin import StandIn
from addons.audit.store import Store
from model.card import plain
from tests.addons.audit.rows import REJECT, row
from tests.docker import composed
from tests.imagenet import picture
from tests.running import repository

SECONDS: Final = 120.0
"""For one command, on a machine that is busy; most take one."""
LEMMY: Final = "0.19.20"
REF: Final = re.compile(r"\b[0-9a-f]{8}\b")
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40  # <linux/sockios.h>, <linux/if.h>


def loopback_up() -> None:
    """Bring up `lo` of this network namespace. Raises OSError where that is not allowed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))


DOCKER: Final = """#!/bin/sh
[ "$1" = compose ] || exit 97
case " $* " in
    *" config "*) shift; exec '{compose}' "$@";;
    " compose exec "* | " compose -p "*" exec "*)
        while [ "$1" != exec ]; do shift; done
        shift
        [ "$1" = -T ] && shift
        [ "$1 $2" = "pictrs-filter pictrs-filter" ] || exit 97
        shift
        for word do # ./filter is mounted there
            shift
            case "$word" in /etc/pictrs-filter/*) word="$PWD/filter/${{word#/etc/pictrs-filter/}}";; esac
            set -- "$@" "$word"
        done
        exec "$@";;
esac
exit 97
"""


class Sandbox:
    """The folders and the environment that commands run in."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        programs = folder / "bin"
        for made in (self.home, programs):
            made.mkdir(parents=True)
        ours = f"#!/bin/sh\nexec '{sys.executable}' -m addons.admin.cli \"$@\"\n"
        docker = DOCKER.format(compose=composed.program() or "docker-compose")
        for name, text in {"pictrs-filter": ours, "docker": docker}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(self.home),
            "PYTHONPATH": str(repository()),
            "OMP_NUM_THREADS": "1",
        }

    def log(self, commands: list[str]) -> None:
        """A log with a refused file for each ref that the commands name."""
        refs = sorted({ref for command in commands for ref in REF.findall(command)})
        state = self.home / ".local" / "state" / "pictrs-filter"
        state.mkdir(parents=True, mode=0o700)
        Store(state / "log.db").append(
            [row(int(ref, 16), at=time.time() - 60, outcome=REJECT, strict=REJECT, rule="explicit") for ref in refs]
        )

    def work(self, page: str) -> Path:
        """The folder of a page, furnished with what pages take for granted."""
        folder = self.folder / "pages" / page.replace("/", "-")
        if not folder.exists():
            composed.project(folder, LEMMY)
            (folder / "photos").mkdir()
            for name in ("photo.jpg", "photos/photo.jpg"):
                (folder / name).write_bytes(plain())
            (folder / "unwanted.jpg").write_bytes(picture("coffee.png").read_bytes())  # not what selftest uploads
            (folder / "filter.yaml").write_text("mode: enforce\nupstream: http://127.0.0.1:8080\n")
        return folder

    @contextlib.asynccontextmanager
    async def started(self, page: str, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A shell with this command, ended with all that it started."""
        process = await asyncio.create_subprocess_exec(
            "/bin/bash",
            "-o",
            "pipefail",
            "-c",
            command,
            cwd=self.work(page),
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def run(self, page: str, command: str) -> dict[str, Any]:
        """Its exit code and what it said."""
        async with self.started(page, command) as process:
            try:
                said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
            except TimeoutError:
                return {"code": 124, "said": f"it took more than {SECONDS:g} s"}
            return {"code": process.returncode, "said": said.decode(errors="replace")}

    @contextlib.asynccontextmanager
    async def serving(self, page: str, command: str) -> AsyncIterator[dict[str, Any]]:
        """A filter that runs, from its ready line on. What is given is its result, whole when it has ended."""
        result: dict[str, Any] = {"code": None, "said": ""}
        async with self.started(page, command) as process:
            assert process.stdout is not None
            while line := await asyncio.wait_for(process.stdout.readline(), SECONDS):
                result["said"] += line.decode(errors="replace")
                if b" ready: " in line:
                    break
            yield result
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            rest, _ = await asyncio.wait_for(process.communicate(), SECONDS)
            result["said"] += rest.decode(errors="replace")
            result["code"] = process.returncode


async def main(folder: Path, orders: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Run all commands in order; their results, in the same order."""
    loopback_up()
    sandbox = Sandbox(folder)
    sandbox.log([command for _, command in orders])
    results: list[dict[str, Any]] = []
    async with contextlib.AsyncExitStack() as stack:
        standin = StandIn(folder / "store")
        await standin.start(port=8080)
        stack.push_async_callback(standin.close)
        serving = False
        for page, command in orders:
            if not re.search(r"pictrs-filter serve\b", command):
                results.append(await sandbox.run(page, command))
            elif serving:
                async with sandbox.serving(page, command) as result:
                    results.append(result)
            else:
                serving = True
                results.append(await stack.enter_async_context(sandbox.serving(page, command)))
    return results


if __name__ == "__main__":
    done = asyncio.run(main(Path(sys.argv[1]), json.load(sys.stdin)))
    json.dump(done, sys.stdout)
