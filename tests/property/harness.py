"""The running filter between raw clients and a raw recorder, and the property: what it lets through is what it may.

    Harness     everything at work; `send` is a batch of clients at a time, and raises Violation
    hunt        send batches until a number of requests is reached

What is asserted of every batch: each request at pict-rs's door matches the grammar, each file there and each staged
body was judged and passed (oracle.py), each client that waits is answered or hung up on, and what it hears is ours or
pict-rs's. And of every run: when all have gone, nothing is left in hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self
from unittest.mock import patch

from addons import waits
from addons.pictrs.table import INTERNAL_API
from tests.property import oracle, strict
from tests.property.judge import StillJudge
from tests.property.oracle import Rules
from tests.property.pictrs import PictRs
from tests.property.site import web
from tests.property.streams import LAST, End, Stream, stream
from tests.running import RunningFilter, config, until

HANG_SECONDS = 20.0
"""Without an end for so long, in seconds, a connection hangs. Far more than any answer takes, on a busy machine too."""
BATCH = 12
"""Clients at a time, at the most: less than the filter takes in hand, so that none is refused for that."""
PATIENCE = {"HEAD_SECONDS": 0.15, "BODY_SECONDS": 0.15, "IDLE_SECONDS": 0.15, "LINGER_SECONDS": 0.15}
"""The filter's own time limits for clients, shortened, so that those who never end what they began are waited for."""
BARRIER = b"GET /image/details/original/barrier.png HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
NOT_COUNTED = frozenset(request.split()[1].decode() for request in (LAST, BARRIER))


class Violation(Exception):
    """The property does not hold. `streams` is the batch that showed it."""

    def __init__(self, faults: Sequence[str], streams: Sequence[Stream]) -> None:
        super().__init__("\n".join(faults) + "".join(f"\n  {each.end}: {each.data[:3000]!r}" for each in streams))
        self.faults = tuple(faults)
        self.streams = tuple(streams)


@dataclass(frozen=True)
class Heard:
    """What one client heard, and whether it was hung up on in the end."""

    data: bytes
    ended: bool

    def statuses(self, stream: Stream) -> list[int]:
        """Those of the answers, the one to LAST left out when it was asked for and heard."""
        found = [int(answer.start[0]) for answer in strict.answers(self.data, b"HEAD" in stream.data)]
        return [status for status in found if status >= 200]


class _Complaints(logging.Handler):
    """What the filter, mitmproxy or asyncio logs as an error: nothing that a client sends may cause one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.said.append(f"{record.name} logs: {record.getMessage()} {trace}")

    def take(self) -> list[str]:
        """All since the last time."""
        said, self.said = self.said, []
        return said


class Harness:
    """`with Harness() as harness:` then `harness.send(streams)`.

    requests    sent so far, as they were written
    passed      seen at pict-rs's door; `routes` by method and path
    staged      bodies that pict-rs was given for staged addresses; `unchanged`: how often it was told to keep its own
    """

    def __init__(self, *, hang_seconds: float = HANG_SECONDS) -> None:
        self._hang_seconds = hang_seconds
        self.requests = self.passed = self.staged = self.unchanged = 0
        self.answers: Counter[int] = Counter()  # by status
        self.routes: Counter[str] = Counter()
        self.judge = StillJudge()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            stack.enter_context(web())
            self.pictrs = stack.enter_context(PictRs())
            settings = config(
                self.pictrs.address,
                internal_api=INTERNAL_API,
                fetch={"allow_networks": ("127.0.0.0/8",), "idle_seconds": 3.0},
                limits={"max_files": 3},
                cache={"refused_seconds": 1.0, "failed_seconds": 1.0},
                overload={"media_requests": 4 * BATCH},  # one host's share has room for a whole batch, and to spare
            )
            self.filter = stack.enter_context(RunningFilter(settings, self.judge))
            self.pictrs.callback = "http://{}:{}".format(*self.filter.callback)
            self._complaints = _Complaints()
            logging.getLogger().addHandler(self._complaints)
            stack.callback(logging.getLogger().removeHandler, self._complaints)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None:
                self.settle()

    def settle(self) -> None:
        """Wait until nothing is in hand, and see that nothing is left: no case, no place, no view, no flight."""
        parts = self.filter.filter._parts
        intercept, staging = parts.intercept, parts.staging
        try:
            until(lambda: len(intercept._cases) == 0 and intercept.alone.is_set(), self._hang_seconds)
        except AssertionError:
            raise Violation(["a request that stays in hand when its client has gone"], ()) from None
        left = {
            "requests in hand": len(intercept._cases),
            "clients": len(intercept._connections.clients) + len(intercept._connections.callers),
            "views": len(staging._tickets),
            "flights": len(staging._flights),
            "places": sum(admission.requests for admission in intercept._admissions.values()),
            "bytes": sum(admission.bytes for admission in intercept._admissions.values()),
        }
        if any(left.values()):
            raise Violation([f"left behind: {left}"], ())

    def send(self, streams: Sequence[Stream], *, patient: bool = False) -> list[Heard]:
        """Let these clients speak at the same time, and look at what came of it. Raises Violation.

        Who should have got an answer and did not is heard once more, patiently: the machine may just have been busy.
        """
        self.judge.passed.clear()
        self.judge.seen.clear()
        with contextlib.ExitStack() as stack:
            for name, seconds in () if patient else PATIENCE.items():
                stack.enter_context(patch.object(waits, name, seconds))
            heard = self._runner.run(self._talk(streams))
        try:
            self.settle()
        except Violation as error:
            raise Violation(error.faults, streams) from None
        records, calls = self.pictrs.take()
        secrets = {each.secrets for each in streams}
        rules = Rules(
            "{}:{}".format(*self.pictrs.address),
            f"{self.pictrs.callback}/v/",
            self.judge.passed,
            () if () in secrets else tuple(sorted(set().union(*secrets))),
        )
        faults = self._complaints.take()
        faults += [fault for record in records for fault in oracle.faults(record, rules)]
        for call in calls:
            turns = oracle.turns(call.url)
            found = oracle.staged(call.status, call.body, rules, call.had, turns=turns)
            faults += found if call.status else ["a call of pict-rs hangs"]
        for sent, got in zip(streams, heard, strict=True):
            faults += self._heard(sent, got, rules)
        unheard = [sent for sent, got in zip(streams, heard, strict=True) if _unheard(sent, got)]
        if unheard and patient:
            faults.append(f"whole requests without an answer; heard: {[got.data[-600:] for got in heard]}")
        if faults:
            raise Violation(faults, streams)
        self._count(streams, records, heard)
        self.staged += sum(call.status == 200 for call in calls)
        self.unchanged += sum(call.status == 304 for call in calls)
        if unheard:
            self.send(unheard, patient=True)
        return heard

    def _heard(self, sent: Stream, got: Heard, rules: Rules) -> Iterator[str]:
        if not got.ended:
            yield f"nobody hangs up on this client; heard so far: {got.data[-300:]!r}"
            return
        if sent.end is End.LEAVE:
            return
        yield from oracle.spoken(got.data, b"HEAD" in sent.data, rules, self.pictrs.answers)

    def _count(self, streams: Sequence[Stream], records: Sequence[bytes], heard: Sequence[Heard]) -> None:
        self.requests += sum(each.requests for each in streams)
        for record in records:
            for request in strict.requests(record):
                method, target = request.start
                if target not in NOT_COUNTED:
                    self.passed += 1
                    self.routes[f"{method} {target.partition('?')[0]}"] += 1
        for sent, got in zip(streams, heard, strict=True):
            if sent.end is not End.LEAVE:
                self.answers.update(got.statuses(sent))

    async def _talk(self, streams: Sequence[Stream]) -> list[Heard]:
        heard = await asyncio.gather(*(self._one(each) for each in streams))
        if any(each.end is End.LEAVE for each in streams):  # whoever left may not have been let in yet
            await self._one(Stream(BARRIER, End.WAIT))
        return heard

    async def _one(self, sent: Stream) -> Heard:
        got = bytearray()
        try:
            async with asyncio.timeout(self._hang_seconds):
                reader, writer = await asyncio.open_connection(*self.filter.address)
                try:
                    listening = asyncio.create_task(_listen(reader, got))
                    await _speak(writer, sent)
                    if sent.end is not End.LEAVE:
                        await listening
                    listening.cancel()
                finally:
                    writer.close()
        except TimeoutError:
            return Heard(bytes(got), ended=False)
        return Heard(bytes(got), ended=True)


def _unheard(sent: Stream, got: Heard) -> bool:
    """Whether a client that sent whole requests, and waited, heard too little."""
    expected = sent.requests + (sent.end is End.ASK)
    return sent.intact and sent.end in (End.ASK, End.WAIT) and got.data.count(b"HTTP/1.1 ") < expected


async def _listen(reader: asyncio.StreamReader, got: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            got += data


async def _speak(writer: asyncio.StreamWriter, sent: Stream) -> None:
    data = sent.data + (LAST if sent.end is End.ASK else b"")
    with contextlib.suppress(OSError):  # who was hung up on meanwhile has heard why
        for start, end in zip((0, *sent.cuts), (*sent.cuts, len(data)), strict=True):
            writer.write(data[start:end])
            await writer.drain()
            if end < len(data):
                await asyncio.sleep(0.001)  # so that the pieces are read one by one
        if sent.end is End.HALF:
            writer.write_eof()


def hunt(harness: Harness, random: Random, requests: int, kinds: Sequence[str] = ()) -> int:
    """Send batches until so many requests are sent; how many there were. Raises Violation."""
    began = harness.requests
    while harness.requests - began < requests:
        harness.send([stream(random, kinds) for _ in range(BATCH)])
    return harness.requests - began
