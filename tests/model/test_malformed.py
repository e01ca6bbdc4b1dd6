"""Malformed files through the real pool: refused for what they are, in time, in little memory, and nothing is left.

`pytest -s tests/model/test_malformed.py` prints what each bomb took.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]
import pytest

from model.errors import JudgeError
from model.formats.sniff import sniff
from model.sandbox import DecoderPool
from model.verdict import Outcome
from tests.model.bombs import BOMBS, MIB
from tests.model.malformed import behind_magic, changed_headers, scripts, truncations
from tests.model.obedient import children, running, works
from tests.model.test_judge import FakeBackend, FakeDecoder, ask, judge

DEADLINE_SECONDS = 8.0
"""That of the settings. Tests allow ten times as much, of processor time too: machines of tests are busy."""
CPU_SECONDS = 80
CHILD_BYTES = 1536 * MIB
"""Resident memory of a decoder at most, three quarters of what it may address: a frame of 40 million pixels with alpha
is three pictures of 160 MB, and as much again while they are made."""
PARENT_BYTES = 256 * MIB
"""By how much the parent may grow: a few copies of a file of 40 MiB on its way."""
ACCEPTED = {
    "jpeg profile of 16 MB",  # a profile that nobody can read is ignored, as in browsers
    "webp profile of 30 MiB",
    "avif 1,024 tiles",
    "jpeg 100 scans of 40 million pixels",  # within the limits
    "jpeg 100 scans of 40 million pixels in colour",
}
"""Bombs that do no harm and are judged as the pictures that they are."""


class Taken(NamedTuple):
    """What became of a file, the processor seconds of its decoder, and the most memory that was resident, in bytes."""

    result: str
    ours: bool
    seconds: float
    peak: int


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _forget_peak(pid: int) -> None:
    """The peak begins anew; proc(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def _take(pool: DecoderPool, data: bytes) -> Taken:
    await works(pool)
    (pid,) = children()
    _forget_peak(pid)
    process = psutil.Process(pid)
    before = sum(process.cpu_times()[:2])
    result, ours = await _outcome(pool, data)
    if children() != [pid]:
        return Taken(f"{result}, and its decoder ended", True, DEADLINE_SECONDS, CHILD_BYTES)
    return Taken(result, ours, sum(process.cpu_times()[:2]) - before, _peak(pid))


async def _outcome(pool: DecoderPool, data: bytes) -> tuple[str, bool]:
    """What became of a file, and whether that is our fault."""
    media = sniff(data)
    if media is None:
        return "unknown", False
    try:
        await pool.decode(data, media, time.monotonic() + 10 * DEADLINE_SECONDS)
    except JudgeError as error:
        return f"{error.cause}: {error}", not error.sender_at_fault
    return "accepted", False


async def test_bombs() -> None:
    wrong: list[str] = []
    table: list[str] = []
    async with running(real=True, cpu_seconds=CPU_SECONDS) as pool:
        await works(pool)
        parent = psutil.Process()
        for name, make in BOMBS.items():
            data = make()
            resident = parent.memory_info().rss
            taken = await _take(pool, data)
            grown = max(0, parent.memory_info().rss - resident)
            table.append(
                f"{name:46} {len(data) / MIB:6.2f} MiB {taken.seconds:6.2f} s {taken.peak // MIB:5} MiB "
                f"+{grown // MIB:3} MiB  {taken.result[:80]}"
            )
            fine = (taken.result == "accepted") == (name in ACCEPTED) and not taken.ours
            if not fine or taken.peak > CHILD_BYTES or grown > PARENT_BYTES:
                wrong.append(table[-1])
        await works(pool)
    print("\n" + "\n".join(table))
    assert wrong == []


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
    causes, found = await _all(changed_headers(60))
    assert [each for each in found if not each.endswith(": accepted")] == []
    assert causes["undecodable"] > 200
    assert causes["accepted"] < sum(causes.values()) / 2  # many a byte is of metadata, or of colours


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


async def test_the_figures_tell_a_bomb() -> None:
    async with running(real=True) as pool:
        await works(pool)
        small = await _take(pool, BOMBS["png 60,000 x 60,000"]())
        large = await _take(pool, BOMBS["jpeg 100 scans of 40 million pixels"]())
    assert small.peak < 100 * MIB < large.peak
    assert small.seconds < large.seconds
