"""The clock: against real files, the `Date` of a real answer, and the kernel's own word."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from addons.doctor import clock as room
from addons.doctor.clock import adjtimex, clock
from addons.doctor.finding import Finding, Severity
from tests.addons.doctor.patients import patient, worst
from tests.ports import free_port

DAY = 86_400.0
PICTRS = "upstream: 'http://127.0.0.1:{}'\n"


@asynccontextmanager
async def dated(date: str | None) -> AsyncIterator[int]:
    """Something that answers with this date, at the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        line = f"Date: {date}\r\n" if date is not None else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{line}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def looked(folder: Path, port: int | None = None, now: Callable[[], float] = time.time) -> list[Finding]:
    return await clock(patient(folder, PICTRS.format(port or free_port())), now)


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether anything keeps this machine's clock has a test of its own."""
    monkeypatch.setattr(room, "adjtimex", lambda: (0, int(time.time())))


async def test_a_sound_one(tmp_path: Path) -> None:
    async with dated(formatdate(usegmt=True)) as port:
        (found,) = await looked(tmp_path, port)
    assert found.severity is Severity.OK
    assert "pict-rs agree" in found.what


@pytest.mark.parametrize(("off", "words"), [(-300, "ahead of"), (300, "behind")])
async def test_another_time_than_that_of_pictrs(tmp_path: Path, off: int, words: str) -> None:
    async with dated(formatdate(time.time() + off, usegmt=True)) as port:
        found = await looked(tmp_path, port)
    assert worst(found) is Severity.WARNING
    assert f"{words} that of pict-rs" in found[0].what
    assert "timedatectl" in found[0].cure


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 01 Jan 99999 00:00:00 GMT"])
async def test_an_answer_without_a_time_says_nothing(tmp_path: Path, date: str | None) -> None:
    async with dated(date) as port:
        (found,) = await looked(tmp_path, port)
    assert found.severity is Severity.OK
    assert "files agree" in found.what


async def test_no_answer_says_nothing(tmp_path: Path) -> None:
    assert worst(await looked(tmp_path)) is Severity.OK


async def test_a_clock_that_is_behind_the_programs_own_files(tmp_path: Path) -> None:
    found = await looked(tmp_path, now=lambda: 1_000_000_000.0)
    assert worst(found) is Severity.WARNING
    assert "2001-09-09 01:46:40 UTC by this machine's clock" in found[0].what


async def test_a_clock_that_was_put_back(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    log = tmp_path / "state" / "log.db"
    log.touch()
    assert worst(await looked(tmp_path)) is Severity.OK
    os.utime(log, (time.time() + DAY, time.time() + DAY))
    found = await looked(tmp_path)
    assert worst(found) is Severity.WARNING
    assert str(log) in found[0].what


@pytest.mark.parametrize(("state", "severity"), [(5, Severity.NOTE), (0, Severity.OK), (None, Severity.OK)])
async def test_the_kernels_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: int | None, severity: Severity
) -> None:
    monkeypatch.setattr(room, "adjtimex", lambda: None if state is None else (state, 0))
    assert worst(await looked(tmp_path)) is severity


def test_the_kernel_is_understood() -> None:
    before = int(time.time())
    found = adjtimex()
    assert found is not None
    state, seconds = found
    assert state in range(6)
    assert before <= seconds <= time.time()
