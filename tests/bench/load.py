"""Load on a server, made by a process of its own: `run(spec)` starts it, waits for it and gives what it saw.

`Closed`: so many connections, each with one request at a time, the next one as soon as the answer is there: how much a
server can do. `Open`: requests at random moments (a Poisson process) that wait for no answer: what a server does when
more or less comes than it can do. A request of which nothing is heard has status 0.

As little Python as can be: what is measured is the server. A program of its own, `python -m tests.bench.load`: a spec
as JSON on standard input, a result as JSON on standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]  # tests.running knows it too, and takes seconds to be imported
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
WAIT_SECONDS = 30.0
"""For answers that are still to come when the last request of an open load is sent."""
SPARE_SECONDS = 120.0
"""For the program to start and end, beyond what the load takes."""
MARK = b"\xff\xfe\x00\x12"
"""A comment of 16 bytes in a JPEG (ITU T.81, B.2.4.5): it makes each upload another file of the same picture."""


@dataclass(frozen=True)
class Spec:
    """What is asked of `address` (host, port) for `seconds`.

    views     bytes of each view of tests.bench.upstream; 0: none
    uploads   path of a JPEG that is uploaded, each time as another file; empty: none
    numbers   of the first upload: no two loads may have the same, or the files are the same too
    connections   of a closed load; 0: an open one
    rate, views_rate   of an open load: uploads and views a second
    most      requests of a closed load after which it ends before its time; 0: none
    cpu       the core that it runs on; -1: any
    """

    address: tuple[str, int]
    seconds: float
    views: int = 0
    uploads: str = ""
    numbers: int = 0
    connections: int = 0
    rate: float = 0.0
    views_rate: float = 0.0
    most: int = 0
    cpu: int = -1


@dataclass
class Result:
    """`answers` has (upload, when sent, seconds to the end of the answer, status) of each request.

    When sent is the system's `time.monotonic()`, the same for all processes. `seconds` is how long it took in all.
    """

    seconds: float = 0.0
    answers: list[tuple[bool, float, float, int]] = field(default_factory=list)

    def statuses(self, upload: bool | None = None) -> dict[int, int]:
        """How many answers had which status; of uploads or of views alone, if that is said."""
        found: dict[int, int] = {}
        for is_upload, _, _, status in self.answers:
            if upload is None or upload is is_upload:
                found[status] = found.get(status, 0) + 1
        return dict(sorted(found.items()))

    def times(self, status: int, upload: bool | None = None) -> list[float]:
        """Seconds of the answers with this status."""
        return [
            seconds
            for is_upload, _, seconds, found in self.answers
            if found == status and (upload is None or upload is is_upload)
        ]


def run(spec: Spec) -> Result:
    """Make the load in a process of its own. Raises RuntimeError when that fails."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load"],
            cwd=REPOSITORY,
            input=json.dumps(asdict(spec)),
            capture_output=True,
            text=True,
            timeout=spec.seconds + WAIT_SECONDS + SPARE_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise RuntimeError(f"the load failed: {getattr(error, 'stderr', '') or error}") from error
    found = json.loads(done.stdout)
    return Result(found["seconds"], [(one[0], one[1], one[2], one[3]) for one in found["answers"]])


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = -1  # bytes of the body; -1: the head is not whole
        self._status = 0
        self.answered: asyncio.Future[int] | None = None
        self.usable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, *request: bytes) -> asyncio.Future[int]:
        """Send a request; the status comes when the answer has ended, 0 when it does not."""
        assert self._transport is not None
        self._head, self._left, self._status = b"", -1, 0
        self.answered = asyncio.get_running_loop().create_future()
        self._transport.writelines(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(HEAD_END)
            if end < 0:
                return
            head = self._head[:end].lower()
            self._status = int(head[9:12])
            start = head.find(LENGTH)
            self._left = int(head[start + len(LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            self.usable = b"connection: close" not in head
            data = self._head[end + len(HEAD_END) :]
        self._left -= len(data)
        if self._left <= 0:
            self._end(self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._end(0)

    def _end(self, status: int) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(status)

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()


class Load:
    """One load, while it is made."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        host, port = spec.address
        self._view = (f"GET /image/original/{spec.views}.jpeg HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode(),)
        self._numbers = spec.numbers
        self._idle: list[Connection] = []
        self._sent = 0
        self.result = Result()
        if spec.uploads:
            with open(spec.uploads, "rb") as file:
                self._picture = file.read()
            self._form = b'--bench\r\nContent-Disposition: form-data; name="images[]"; filename="a.jpeg"\r\n\r\n'
            size = len(self._form) + len(self._picture) + len(MARK) + 16 + len(b"\r\n--bench--\r\n")
            self._upload_head = (
                f"POST /image HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {size}\r\n"
                "Content-Type: multipart/form-data; boundary=bench\r\n\r\n"
            ).encode()

    def _upload(self) -> tuple[bytes, ...]:
        self._numbers += 1
        start = self._picture[:2] + MARK + b"%016d" % self._numbers
        return self._upload_head, self._form, start, self._picture[2:], b"\r\n--bench--\r\n"

    async def closed(self) -> None:
        """As much as the server can do."""
        end = time.monotonic() + self._spec.seconds
        await asyncio.gather(*(self._asking(end) for _ in range(self._spec.connections)))

    async def _asking(self, end: float) -> None:
        upload = bool(self._spec.uploads)
        while time.monotonic() < end and not (self._spec.most and self._sent >= self._spec.most):
            self._sent += 1
            await self._ask(upload)

    async def open(self) -> None:
        """At random moments, as often as said."""
        began, requests = time.monotonic(), []
        for at, upload in _moments(self._spec):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            requests.append(asyncio.create_task(self._ask(upload)))
        if requests:
            _, late = await asyncio.wait(requests, timeout=WAIT_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*requests, return_exceptions=True)

    async def _ask(self, upload: bool) -> None:
        sent, status = time.monotonic(), 0
        connection: Connection | None = None
        try:
            while self._idle and connection is None:
                found = self._idle.pop()
                connection = found if found.usable else None
            if connection is None:
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(Connection, *self._spec.address)
            status = await connection.ask(*(self._upload() if upload else self._view))
        except OSError:
            pass  # nothing was heard
        finally:
            self.result.answers.append((upload, sent, time.monotonic() - sent, status))
            if connection is not None and connection.usable and status:
                self._idle.append(connection)
            elif connection is not None:
                connection.close()


def _moments(spec: Spec) -> Iterator[tuple[float, bool]]:
    """Seconds from the start, in order, and whether it is an upload. The same ones for the same rates."""
    random.seed(f"{spec.rate} {spec.views_rate}")
    both = spec.rate + spec.views_rate
    at = random.expovariate(both) if both else spec.seconds
    while at < spec.seconds:
        yield at, random.random() * both < spec.rate
        at += random.expovariate(both)


async def make(spec: Spec) -> Result:
    """Make a load in this process."""
    if spec.cpu >= 0:
        os.sched_setaffinity(0, {spec.cpu})
    load = Load(spec)
    began = time.monotonic()
    await (load.closed() if spec.connections else load.open())
    load.result.seconds = time.monotonic() - began
    return load.result


if __name__ == "__main__":
    given = json.load(sys.stdin)
    given["address"] = tuple(given["address"])
    json.dump(asdict(asyncio.run(make(Spec(**given)))), sys.stdout)
