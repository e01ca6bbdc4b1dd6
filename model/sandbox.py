"""The pool of decoder processes. Untrusted bytes are decoded there and nowhere else; the parent trusts no answer.

Every file gets one process to itself until it is answered. A process that is late, that dies or that answers nonsense
is killed and replaced, and its file is not judged. Callers wait their turn, first come, first served, up to their own
deadlines. Nothing polls and nothing sleeps: a process that cannot be started twice in a row is tried again when
somebody needs it and RETRY_SECONDS have passed, and whoever comes before is told at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from config.media import Confinement, Decoder, Limits, Looking, OverBudget
from model.barriers import in_force, missing
from model.child import COMMAND, Child
from model.errors import DeadlineExceeded, DecoderFailed, TooLarge, Undecodable, Unsupported
from model.formats.media import MediaType
from model.job import Job, PictureLimits
from model.plan import Plan
from model.preprocess import Views, ViewSpec

__all__ = ["DecoderPool", "Views"]

FILES_PER_CHILD = 500
"""Files after which a process is replaced, so that leaks and whatever one file left behind end."""
STARTS_IN_A_ROW = 2
"""Failed starts after which the pool stops trying by itself."""
RETRY_SECONDS = 1.0
"""Time after a failed start in which no other is made for a caller."""

NEWEST = 0.1
"""Weight of the newest file in the moving average of seconds that decoding takes."""

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class DecoderPool:
    """`decoder.processes` children that make the views of all `specs` of each file.

    `command` is the argv of a child where it is not to be the real one.
    """

    def __init__(
        self,
        decoder: Decoder,
        limits: Limits,
        specs: Sequence[ViewSpec],
        looking: Looking | None = None,
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        picture = PictureLimits(*(getattr(limits, name) for name in PictureLimits._fields))
        looking = looking or Looking()
        plan = Plan(looking.budget, looking.video_budget, looking.over_budget is OverBudget.SAMPLE, looking.tiles)
        self._job = Job(picture, tuple(specs), limits.max_file_bytes, decoder.memory_mib, decoder.cpu_seconds, plan)
        self._command = tuple(command or COMMAND)
        self._size = decoder.processes
        self._required = decoder.confinement is Confinement.REQUIRED
        self._barriers: tuple[str, ...] = ()
        self._failure = ""
        self._asked = 0
        self._seconds = 0.0
        self._keepers: list[asyncio.Task[None]] = []
        self._idle: deque[Child] = deque()
        self._waiting: deque[asyncio.Future[Child]] = deque()
        self._down = 0
        self._retry_at = 0.0
        self._wanted = asyncio.Event()
        self._closed = False

    @property
    def confinement(self) -> str:
        """What confines the children, for people: `rlimits, landlock 7, seccomp`; empty before the first one runs."""
        return in_force(self._barriers)

    async def start(self) -> None:
        """Start all children at once and wait for them. DecoderFailed if not one can be started; then close it."""
        loop = asyncio.get_running_loop()
        settled: list[asyncio.Future[None]] = [loop.create_future() for _ in range(self._size)]
        self._keepers = [asyncio.create_task(self._keep(future)) for future in settled]
        await asyncio.gather(*settled)
        if self._down == self._size:
            raise DecoderFailed(f"no decoder process can be started: {self._failure}")

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        """The views of a file, when a child is free; `deadline` is an absolute `time.monotonic()` second.

        Raises Undecodable, Unsupported, TooLarge, DecoderFailed and DeadlineExceeded.
        """
        return await self._ask(lambda child: child.decode(data, media), data, media, deadline)

    def expects(self) -> float:
        """In how many seconds another file would have a decoder, if those in hand are like those before them."""
        return max(0, self._asked + 1 - self._size) * self._seconds / self._size

    async def normalise(self, data: bytes, media: MediaType, deadline: float) -> bytes | None:
        """A still encoded anew (model/encoding.py), or None for what is none. Raises what `decode` raises."""
        return await self._ask(lambda child: child.normalise(data, media), data, media, deadline)

    async def _ask(
        self, ask: Callable[[Child], Awaitable[Answer]], data: bytes, media: MediaType, deadline: float
    ) -> Answer:
        if not data:
            raise Undecodable("an empty file")
        if len(data) > self._job.max_file_bytes:
            raise TooLarge(f"{len(data)} bytes")
        if not media.judged:
            raise Unsupported(f"{media.name} is not judged")
        if asyncio.get_running_loop().time() >= deadline:
            raise DeadlineExceeded("no time is left to decode it")
        self._asked += 1
        try:
            return await self._ask_one(ask, deadline)
        finally:
            self._asked -= 1

    async def _ask_one(self, ask: Callable[[Child], Awaitable[Answer]], deadline: float) -> Answer:
        child = await self._lease(deadline)
        answered = False
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                answer = await ask(child)
            answered = True
        except (Undecodable, Unsupported, TooLarge):
            answered = True
            raise
        except TimeoutError:
            raise DeadlineExceeded("the decoder took too long") from None
        finally:
            took = asyncio.get_running_loop().time() - began
            self._seconds = (1 - NEWEST) * self._seconds + NEWEST * took if self._seconds else took
            if answered and child.files < FILES_PER_CHILD:
                self._offer(child)
            else:
                child.kill()
        return answer

    async def close(self) -> None:
        """Kill all children and wait until they are gone. Who waits or decodes gets DecoderFailed."""
        self._closed = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._fail_waiting("the decoders are being closed")

    async def _lease(self, deadline: float) -> Child:
        self._try_again()  # while another is idle too: who comes next may need both
        while self._idle:
            child = self._idle.popleft()
            if child.alive:
                return child
            child.kill()  # its keeper starts another one
        if self._closed or self._down == self._size or not self._keepers:
            raise DecoderFailed("no decoder process is running")
        turn: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        taken = False
        try:
            async with asyncio.timeout_at(deadline):
                child = await turn
            taken = True
        except TimeoutError:
            raise DeadlineExceeded("no decoder was free in time") from None
        finally:
            if not taken and turn.done() and not turn.cancelled() and turn.exception() is None:
                self._offer(turn.result())
        return child

    def _offer(self, child: Child) -> None:
        """Give a child to who has waited longest."""
        if not child.alive or self._closed:
            child.kill()
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(child)
                return
        self._idle.append(child)

    def _try_again(self) -> None:
        """Wake the keepers that have given up, if it is time; their places are up again while they try."""
        now = asyncio.get_running_loop().time()
        if self._down and now >= self._retry_at:
            self._retry_at = now + RETRY_SECONDS
            self._down = 0
            self._wanted.set()
            self._wanted = asyncio.Event()

    async def _keep(self, settled: asyncio.Future[None]) -> None:
        """Keep one place of the pool filled, for ever."""
        failures = 0
        while True:
            if failures >= STARTS_IN_A_ROW:
                self._give_up()
                if not settled.done():
                    settled.set_result(None)
                await self._wanted.wait()
            try:
                child = await Child.start(self._command, self._job)
            except DecoderFailed as error:
                failures += 1
                self._failure = str(error)
                log.error("%s (%d in a row)", error, failures)
                continue
            if not self._is_confined(child):
                child.kill()
                await child.gone()
                failures = STARTS_IN_A_ROW
                continue
            self._offer(child)
            if not settled.done():
                settled.set_result(None)
            try:
                await child.gone()
            finally:
                if child in self._idle:
                    self._idle.remove(child)
                child.kill()
                await child.gone()
            failures = 0 if child.files else failures + 1

    def _is_confined(self, child: Child) -> bool:
        """Whether a child is confined as the settings want it; says how it is when that is news."""
        lack = missing(child.barriers)
        refused = bool(lack) and self._required
        if refused:
            self._failure = f"a decoder would have {lack}; or set decoder.confinement to best_effort"
        if child.barriers != self._barriers:
            self._barriers = child.barriers
            if refused:
                log.error("decoders are not started: %s", self._failure)
            elif lack:
                log.warning("decoders are confined by %s alone; they have %s", in_force(child.barriers), lack)
            else:
                log.info("decoders are confined by %s", in_force(child.barriers))
        return not refused

    def _give_up(self) -> None:
        self._down += 1
        self._retry_at = asyncio.get_running_loop().time() + RETRY_SECONDS
        if self._down == self._size:
            self._fail_waiting("no decoder process can be started")

    def _fail_waiting(self, why: str) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(DecoderFailed(why))
        self._waiting.clear()
