"""Malformed files through the real pool: refused for what they are, in time, in little memory, and nothing is left.

The last lines of a test run tell the most that any bomb took; `pytest -s tests/model/test_malformed.py` what each did.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]
import pytest

from config.settings import Settings
from model.errors import JudgeError
from model.formats.sniff import sniff
from model.sandbox import DecoderPool
from model.verdict import Outcome
from tests.model.bombs import BOMBS, MIB
from tests.model.malformed import behind_magic, changed_headers, scripts, truncations
from tests.model.obedient import children, running, works
from tests.model.test_judge import FakeBackend, FakeDecoder, ask, judge

DEADLINE_SECONDS = Settings().deadline_seconds
"""Also the processor seconds that a decoder may spend on a bomb: with a core to itself it is done in time. By the clock
the tests allow ten times as much, since machines of tests are busy, and RLIMIT_CPU is set so high that it ends none."""
PATIENCE = 10
CHILD_BYTES = 640 * MIB
"""Resident memory of a decoder at most. Of 40 million pixels libjpeg keeps all coefficients of three components (2
bytes each, 240 MB) and Pillow the colours (4 bytes, 160 MB); with a file of 40 MiB and 55 MiB of the process itself
that is 475 MiB, and a quarter is left to the allocator. The largest ordinary pictures take more: a WebP with alpha of
as many pixels, which is looked at in three ways, 1154 MiB of the 2048 that it may address."""
PARENT_BYTES = 64 * MIB
"""By how much the parent may grow: one copy of a file of 40 MiB on its way, and some for the allocator."""
ACCEPTED = {
    "jpeg profile of 16 MB",  # a profile that nobody can read is ignored, as in browsers
    "webp profile of 30 MiB",
    "avif 1,024 tiles",
    "jpeg 100 scans of 40 million pixels",  # within the limits
    "jpeg 100 scans of 40 million pixels in colour",
}
"""Bombs that do no harm and are judged as the pictures that they are."""


class Taken(NamedTuple):
    """What became of a file, the processor seconds of its decoder, the most memory that was resident in it, in bytes,
    and by how many bytes that of the parent grew at most.
    """

    result: str
    ours: bool
    seconds: float
    peak: int
    grown: int


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _forget_peak(pid: int) -> int:
    """The peak begins anew, at the bytes that are resident and returned; proc(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _peak(pid)


async def _take(pool: DecoderPool, data: bytes) -> Taken:
    await works(pool)
    (pid,) = children()
    _forget_peak(pid)
    resident = _forget_peak(os.getpid())
    process = psutil.Process(pid)
    before = sum(process.cpu_times()[:2])
    result, ours = await _outcome(pool, data)
    grown = _peak(os.getpid()) - resident
    if children() != [pid]:
        return Taken(f"{result}, and its decoder ended", True, DEADLINE_SECONDS, CHILD_BYTES, grown)
    return Taken(result, ours, sum(process.cpu_times()[:2]) - before, _peak(pid), grown)


async def _outcome(pool: DecoderPool, data: bytes) -> tuple[str, bool]:
    """What became of a file, and whether that is our fault."""
    media = sniff(data)
    if media is None:
        return "unknown", False
    try:
        await pool.decode(data, media, time.monotonic() + PATIENCE * DEADLINE_SECONDS)
    except JudgeError as error:
        return f"{error.cause}: {error}", not error.sender_at_fault
    return "accepted", False


async def test_bombs(record_property: Callable[[str, object], None]) -> None:
    figures: dict[str, Taken] = {}
    wrong: list[str] = []
    async with running(real=True, cpu_seconds=round(PATIENCE * DEADLINE_SECONDS)) as pool:
        await works(pool)
        before = children()
        for name, make in BOMBS.items():
            data = make()
            taken = figures[name] = await _take(pool, data)
            line = (
                f"{name:46} {len(data) / MIB:6.2f} MiB {taken.seconds:6.2f} s {taken.peak // MIB:5} MiB "
                f"+{taken.grown // MIB:3} MiB  {taken.result[:80]}"
            )
            print(line)
            fine = (taken.result == "accepted") == (name in ACCEPTED) and not taken.ours
            little = taken.seconds <= DEADLINE_SECONDS and taken.peak <= CHILD_BYTES and taken.grown <= PARENT_BYTES
            if not fine or not little:
                wrong.append(line)
        await works(pool)
        assert children() == before
    most = Taken(*map(max, zip(*figures.values(), strict=True)))
    record_property(
        "figures",
        f"{len(figures)} bombs took at most {most.seconds:.1f} s of a processor and {most.peak // MIB} MiB in a "
        f"decoder, {most.grown // MIB} MiB more in its parent",
    )
    assert wrong == []
    small, large = figures["png 60,000 x 60,000"], figures["jpeg 100 scans of 40 million pixels"]
    assert small.peak < 100 * MIB < large.peak  # the figures do tell a bomb
    assert small.seconds < 0.5 < large.seconds


async def _all(files: Iterable[tuple[str, bytes]]) -> tuple[Counter[str], list[str]]:
    """How often each cause, and the names of files that were accepted or ended otherwise than by their own fault."""
    causes: Counter[str] = Counter()
    ours: list[str] = []
    async with running(2, real=True) as pool:
        before = sorted(children())
        for name, data in files:
            result, fault = await _outcome(pool, data)
            causes[result.partition(":")[0]] += 1
            if fault or result == "accepted":
                ours.append(f"{name}: {result}")
        await asyncio.gather(*(works(pool) for _ in range(4)))
        assert sorted(children()) == before
    return causes, ours


async def test_truncations() -> None:
    causes, wrong = await _all(truncations(25))
    assert wrong == []
    assert causes["undecodable"] > 200


async def test_changed_headers() -> None:
    """Many a byte is of metadata or of colours; tests/model/test_changed_headers.py looks at what is accepted."""
    causes, found = await _all(changed_headers(60))
    assert [each for each in found if not each.endswith(": accepted")] == []
    assert causes["undecodable"] > 200


async def test_scripts_behind_the_first_bytes_of_a_picture() -> None:
    causes, wrong = await _all(behind_magic())
    assert wrong == []
    assert causes["undecodable"] > 200


@pytest.mark.parametrize("name", scripts())
async def test_playlists_and_scripts_reach_no_decoder(name: str) -> None:
    data = scripts()[name]
    assert sniff(data) is None
    decoder, backend = FakeDecoder(), FakeBackend()
    verdict = await ask(judge(decoder, backend), data)
    assert (verdict.outcome, verdict.rule) == (Outcome.REJECT, "unsupported" if data else "undecodable")
    assert decoder.seen == backend.seen == 0
