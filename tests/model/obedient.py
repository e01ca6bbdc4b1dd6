"""A pool whose children obey: real decoders, but for them a file that is no picture is Python code, which they run.

Free ones have the resource limits alone: the pool must bear what they do, whatever may get past the other barriers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil  # type: ignore[import-untyped]
import pytest

from config.media import Confinement, Decoder, Limits
from model.child import COMMAND
from model.errors import Undecodable
from model.formats.media import PNG
from model.preprocess import ViewSpec
from model.sandbox import DecoderPool
from tests.model.samples import STILLS

SPECS = [ViewSpec(16, 16, 1.0, "squash", "bilinear"), ViewSpec(8, 12, 0.9, "center", "bicubic")]
OBEDIENT = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import model.decoder as decoder
from model import pipe
honest, send = decoder.decode, pipe.write
def obey(data, media, limits, specs, plan):
    if data.startswith((b"\\x89PNG", b"\\xff\\xd8", b"GIF8", b"RIFF")):
        return honest(data, media, limits, specs, plan)
    exec(data)
def lie(header, body=b"", length=None):
    def write(stream, *_):
        stream.write(pipe.head(header, len(body) if length is None else length) + body)
        stream.flush()
    pipe.write = write
decoder.decode = obey
"""
FREE = """
import model.confine
def limit(memory_bytes):
    model.confine.limit(memory_bytes)
    return "rlimits", "no landlock", "no seccomp"
decoder.confine = limit
"""
PID = b"raise decoder.Undecodable(str(os.getpid()))"
GOOD: dict[str, object] = {"status": "ok", "width": 9, "height": 9, "frames": 1, "views": 1, "trailing": 0}
GOOD |= {"distinct": 1, "seen": 1, "parts": 0, "magnified": 0}
BODY_BYTES = 3 * (16 * 16 + 8 * 12)
SECONDS = 30.0


def obedient(*code: str) -> tuple[str, ...]:
    """The command of a child that runs this code before it starts."""
    return (*COMMAND[:3], "\n".join((OBEDIENT, *code, "decoder.main()")), COMMAND[4])


def soon(seconds: float = SECONDS) -> float:
    return time.monotonic() + seconds


def children() -> list[int]:
    return [process.pid for process in psutil.Process().children(recursive=True)]


@asynccontextmanager
async def running(
    processes: int = 1,
    *,
    limits: Limits | None = None,
    real: bool = False,
    free: bool = False,
    before: str = "",
    **decoder: int,
) -> AsyncIterator[DecoderPool]:
    """A pool of obedient children, and afterwards the proof that nothing is left of it.

    They run `before` before they start.
    """
    files = psutil.Process().num_fds()
    command = None if real else obedient(before, FREE if free else "")
    confinement = Confinement.BEST_EFFORT if free else Confinement.REQUIRED
    settings = Decoder(processes=processes, confinement=confinement, **decoder)
    pool = DecoderPool(settings, limits or Limits(), SPECS, command=command)
    await pool.start()
    assert len(children()) == processes
    try:
        yield pool
    finally:
        await pool.close()
    assert children() == []
    assert psutil.Process().num_fds() == files
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def works(pool: DecoderPool) -> None:
    views = await pool.decode(STILLS["png-RGB"](), PNG, soon())
    assert (views.width, views.height, views.frames) == (48, 40, 1)


async def pid(pool: DecoderPool) -> int:
    with pytest.raises(Undecodable) as caught:
        await pool.decode(PID, PNG, soon())
    return int(str(caught.value))
