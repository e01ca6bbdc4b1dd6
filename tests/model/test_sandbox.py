"""The pool: right answers for all, first come, first served; nobody waits for ever, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from config.media import Confinement, Decoder, Limits
from model import sandbox
from model.child import START_SECONDS, Child
from model.decode import decode
from model.errors import DeadlineExceeded, DecoderFailed, TooLarge, Undecodable, Unsupported
from model.formats.media import GIF, JPEG, MATROSKA, PNG
from model.job import Job
from model.photograph import drawn
from model.preprocess import ViewSpec
from model.sandbox import DecoderPool
from model.window import available
from tests.model.obedient import PID, SECONDS, SPECS, children, obedient, pid, running, soon, works
from tests.model.samples import ANIMATIONS, STILLS, encode, picture, png_header


@pytest.mark.parametrize("windows", [True, False], ids=["windows", "pipes"])
@pytest.mark.parametrize("name", ["jpeg", "gif-animated", "png-RGBA"])
async def test_the_views_are_those_of_the_decoder(name: str, windows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.child.available", lambda: windows and available())
    data = (STILLS | ANIMATIONS)[name]()
    media = {"jpeg": JPEG, "gif-animated": GIF, "png-RGBA": PNG}[name]
    async with running(real=True) as pool:
        got = await pool.decode(data, media, soon())
    expected = decode(data, media, Limits(), SPECS)
    assert (got.width, got.height, got.frames, got.trailing) == (48, 40, expected.frames, 0)
    for ours, theirs in zip(got.arrays, expected.arrays, strict=True):
        assert np.array_equal(ours, theirs)


async def test_fifty_at_once_through_two() -> None:
    colours = [(5 * n, 255 - 5 * n, n) for n in range(50)]
    files = [encode(Image.new("RGB", (30 + n, 20), colour), "PNG") for n, colour in enumerate(colours)]
    async with running(2, real=True) as pool:
        results = await asyncio.gather(*(pool.decode(data, PNG, soon(60)) for data in files))
    for n, views in enumerate(results):
        assert views.width == 30 + n
        for array in views.arrays:
            assert (array == np.array(colours[n], np.uint8)).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_memory_of_an_ordinary_photograph_serves_for_the_next_one() -> None:
    """A decoder that gives all of it back asks for it page by page."""

    def faults(pid: int) -> int:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])

    width, height = 1600, 1200
    photo = encode(drawn(width, height, 10, 1), "JPEG", quality=90)
    files = 4
    pool = DecoderPool(Decoder(processes=1), Limits(), [ViewSpec(224, 224, 0.9, "center", "bilinear")])
    await pool.start()
    try:
        (decoder,) = children()
        for _ in range(files):
            await pool.decode(photo, JPEG, soon(60))
        before = faults(decoder)
        for _ in range(files):
            views = await pool.decode(photo, JPEG, soon(60))
        pages = (faults(decoder) - before) / files
    finally:
        await pool.close()
    answer = views.arrays[0].nbytes + views.magnified[0].nbytes  # which is written to pages of the window
    assert pages * resource.getpagesize() < answer + width * height


async def test_first_come_first_served() -> None:
    order: list[int] = []

    async def call(pool: DecoderPool, number: int) -> None:
        await works(pool)
        order.append(number)

    async with running() as pool:
        await asyncio.gather(*(call(pool, number) for number in range(8)))
    assert order == list(range(8))


@pytest.mark.parametrize("windows", [True, False], ids=["windows", "pipes"])
async def test_a_large_file(windows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.child.available", lambda: windows and available())
    noise = Image.effect_noise((2500, 2500), 120)
    data = encode(noise, "PNG", compress_level=0)
    assert len(data) > 6_000_000
    async with running(real=True) as pool:
        views = await pool.decode(data, PNG, soon())
    assert views.width == 2500


async def test_sizes_of_files_at_the_limit_and_beyond() -> None:
    data = encode(picture(), "PNG")
    data += b"\x00" * (1024 * 1024 - len(data))
    async with running(limits=Limits(max_file_mib=1)) as pool:
        assert (await pool.decode(data, PNG, soon())).trailing > 1_000_000
        with pytest.raises(TooLarge):
            await pool.decode(data + b"\x00", PNG, soon())


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", Undecodable), (STILLS["png-RGB"]()[:-1], Undecodable), (png_header(60_000, 60_000), TooLarge)],
    ids=["empty", "cut", "bomb"],
)
async def test_what_is_the_files_fault(data: bytes, error: type[Exception]) -> None:
    async with running() as pool:
        before = await pid(pool)
        with pytest.raises(error):
            await pool.decode(data, PNG, soon())
        assert await pid(pool) == before
        with pytest.raises(Unsupported):
            await pool.decode(b"\x1a\x45\xdf\xa3", MATROSKA, soon())


async def test_a_cancelled_call_kills_its_decoder() -> None:
    async with running() as pool:
        before = await pid(pool)
        task = asyncio.create_task(pool.decode(b"time.sleep(1000)", PNG, soon()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pid(pool) != before


async def test_it_says_when_another_file_would_be_decoded() -> None:
    async with running(2) as pool:
        await works(pool)
        pool._seconds = 4.0
        assert pool.expects() == 0, "one is free"
        hanging = [asyncio.create_task(pool.decode(b"time.sleep(1000)", PNG, soon())) for _ in range(5)]
        await asyncio.sleep(0)
        assert pool.expects() == 4 * 4.0 / 2, "four are to be done before it has one of two"
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)


async def test_waiting_ends_at_the_deadline_and_harms_nobody() -> None:
    async with running() as pool:
        before = await pid(pool)
        busy = asyncio.create_task(pool.decode(b"time.sleep(1); raise decoder.Undecodable('')", PNG, soon()))
        await asyncio.sleep(0)
        cancelled = asyncio.create_task(pool.decode(PID, PNG, soon()))
        waiting = asyncio.create_task(works(pool))
        with pytest.raises(DeadlineExceeded, match="free"):
            await pool.decode(PID, PNG, soon(0.1))
        with pytest.raises(DeadlineExceeded, match="no time"):
            await pool.decode(PID, PNG, soon(-0.1))
        cancelled.cancel()
        with pytest.raises(Undecodable):
            await busy
        await waiting
        assert await pid(pool) == before


async def test_a_turn_that_comes_with_the_cancellation_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as pool:
        before = await pid(pool)
        first = asyncio.create_task(works(pool))
        await asyncio.sleep(0)
        second = asyncio.create_task(works(pool))
        await asyncio.sleep(0)

        def offer(child: Child) -> None:
            monkeypatch.undo()
            pool._offer(child)
            second.cancel()

        monkeypatch.setattr(pool, "_offer", offer)
        await first
        with pytest.raises(asyncio.CancelledError):
            await second
        assert await asyncio.wait_for(pid(pool), SECONDS) == before


def start_of_another(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """An event that comes when the next decoder is being started."""
    started = asyncio.Event()
    honest = Child.start

    def start(command: Sequence[str], job: Job) -> Coroutine[None, None, Child]:
        started.set()
        return honest(command, job)

    monkeypatch.setattr(Child, "start", start)
    return started


async def test_an_idle_decoder_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as pool:
        before = await pid(pool)
        replaced = start_of_another(monkeypatch)
        os.kill(before, signal.SIGKILL)
        await replaced.wait()
        assert await pid(pool) != before


def kill(pid: int) -> None:
    """It is dead afterwards, and the event loop has not heard of it."""
    os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):  # a thread of asyncio's has waited for it
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_one_that_has_just_died_is_given_to_nobody() -> None:
    async with running(2, real=True) as pool:
        for child in children():
            kill(child)
        await works(pool)


async def test_an_idle_decoder_that_closes_its_standard_error_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    code = b"def write(*message):\n    send(*message); os.close(1); os.close(2); time.sleep(1000)\npipe.write = write\n"
    async with running() as pool:
        before = await pid(pool)
        replaced = start_of_another(monkeypatch)
        with pytest.raises(Undecodable):
            await pool.decode(code + PID, PNG, soon())
        await replaced.wait()
        assert await pid(pool) != before


async def test_decoders_are_replaced_after_a_number_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "FILES_PER_CHILD", 3)
    async with running() as pool:
        pids = [await pid(pool) for _ in range(7)]
    assert pids[0] == pids[1] == pids[2] != pids[3]
    assert pids[3] == pids[4] == pids[5] != pids[6]


def starts(counter: Path, then: str) -> list[str]:
    """A command that counts how often it was started."""
    return [sys.executable, "-c", f"open({str(counter)!r}, 'a').write('x')\n{then}"]


@pytest.mark.parametrize(
    "then",
    ["raise SystemExit(3)", "import os; os.write(1, b'x' * 100)", "import os; os.closerange(0, 3); os.read(99, 1)"],
    ids=["exits", "garbage", "closes"],
)
async def test_a_decoder_that_cannot_start_is_not_started_for_ever(
    then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = tmp_path / "starts"
    pool = DecoderPool(Decoder(processes=2), Limits(), SPECS, command=starts(counter, then))
    with pytest.raises(DecoderFailed, match="can be started"):
        await pool.start()
    assert len(counter.read_text()) == 4
    for _ in range(20):
        with pytest.raises(DecoderFailed, match="is running"):
            await pool.decode(b"x", PNG, soon())
    assert len(counter.read_text()) == 4
    monkeypatch.setattr(pool, "_retry_at", 0.0)
    with pytest.raises(DecoderFailed, match="can be started"):
        await pool.decode(b"x", PNG, soon())
    assert len(counter.read_text()) == 6
    await pool.close()
    assert children() == []


async def test_a_decoder_that_can_start_again_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = tmp_path / "broken"
    switch.touch()
    command = obedient(f"if os.path.exists({str(switch)!r}): raise SystemExit(3)")
    pool = DecoderPool(Decoder(processes=1), Limits(), SPECS, command=command)
    with pytest.raises(DecoderFailed):
        await pool.start()
    switch.unlink()
    monkeypatch.setattr(pool, "_retry_at", 0.0)
    await asyncio.gather(*(works(pool) for _ in range(3)))
    await pool.close()


@pytest.mark.parametrize("command", [["/nowhere/to/be/found"], ["/"]], ids=["missing", "folder"])
async def test_a_program_that_is_not_there(command: list[str]) -> None:
    pool = DecoderPool(Decoder(processes=1), Limits(), SPECS, command=command)
    with pytest.raises(DecoderFailed):
        await pool.start()
    await pool.close()


async def test_a_decoder_that_never_becomes_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    assert START_SECONDS >= 10
    monkeypatch.setattr("model.child.START_SECONDS", 0.2)
    pool = DecoderPool(
        Decoder(processes=2), Limits(), SPECS, command=[sys.executable, "-c", "import time; time.sleep(99)"]
    )
    with pytest.raises(DecoderFailed):
        await pool.start()
    await pool.close()
    assert children() == []


async def test_start_can_be_cancelled() -> None:
    pool = DecoderPool(Decoder(processes=2), Limits(), SPECS)
    starting = asyncio.create_task(pool.start())
    for _ in range(5):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await pool.close()
    assert children() == []


async def test_closing_ends_who_decodes_and_who_waits() -> None:
    async with running() as pool:
        busy = asyncio.create_task(pool.decode(b"time.sleep(1000)", PNG, soon()))
        waiting = asyncio.create_task(pool.decode(b"time.sleep(1000)", PNG, soon()))
        await asyncio.sleep(0)
        await pool.close()
        for task in (busy, waiting):
            with pytest.raises(DecoderFailed):
                await task
        with pytest.raises(DecoderFailed):
            await pool.decode(PID, PNG, soon())
        await pool.close()


async def test_a_pool_that_was_not_started() -> None:
    with pytest.raises(DecoderFailed):
        await DecoderPool(Decoder(), Limits(), SPECS).decode(PID, PNG, soon())


LESS = """
import model.confine
decoder.confine = lambda memory: (model.confine.limit(memory), ("rlimits", "landlock off", "no libseccomp"))[1]
"""
"""As on a kernel and a system that lack both."""


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """(level, text) of what the pool has logged of confinement."""
    records = [record for record in caplog.records if "confine" in record.getMessage()]
    return [(record.levelname, record.getMessage()) for record in records]


async def test_what_confines_the_decoders_is_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level("INFO", "model.sandbox"):
        async with running(2, real=True) as pool:
            replaced = start_of_another(monkeypatch)
            os.kill(children()[0], signal.SIGKILL)
            await replaced.wait()
            await asyncio.gather(works(pool), works(pool))
    ((level, text),) = said(caplog)
    assert level == "INFO"
    assert re.fullmatch("decoders are confined by rlimits, landlock [1-7], seccomp", text)
    assert text.endswith(f" by {pool.confinement}")


async def test_no_pool_where_confinement_is_required_and_missing(caplog: pytest.LogCaptureFixture) -> None:
    pool = DecoderPool(Decoder(processes=2), Limits(), SPECS, command=obedient(LESS))
    with caplog.at_level("INFO", "model.sandbox"), pytest.raises(DecoderFailed) as caught:
        await pool.start()
    assert children() == []
    await pool.close()
    for word in ("no Landlock", "lsm=", "no seccomp", "apt-get install libseccomp2", "decoder.confinement"):
        assert word in str(caught.value)
    ((level, text),) = said(caplog)
    assert level == "ERROR"
    assert str(caught.value).removeprefix("no decoder process can be started: ") in text


async def test_best_effort_warns_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    settings = Decoder(processes=2, confinement=Confinement.BEST_EFFORT)
    pool = DecoderPool(settings, Limits(), SPECS, command=obedient(LESS))
    with caplog.at_level("INFO", "model.sandbox"):
        await pool.start()
        await works(pool)
        await pool.close()
    ((level, text),) = said(caplog)
    assert level == "WARNING"
    assert text.startswith("decoders are confined by rlimits alone; they have no Landlock")
    assert pool.confinement == "rlimits"


async def test_best_effort_takes_what_there_is(caplog: pytest.LogCaptureFixture) -> None:
    pool = DecoderPool(Decoder(processes=1, confinement=Confinement.BEST_EFFORT), Limits(), SPECS)
    with caplog.at_level("INFO", "model.sandbox"):
        await pool.start()
        await pool.close()
    assert [level for level, _ in said(caplog)] == ["INFO"]


@pytest.mark.parametrize(
    "lie", ["()", "('rlimits', 'landlock 7', 'everything')", "('rlimits', '\\x1b[31m', 'seccomp')"], ids=str
)
async def test_a_decoder_that_lies_about_its_barriers(lie: str) -> None:
    command = obedient(f"decoder.confine = lambda _: {lie}")
    pool = DecoderPool(Decoder(processes=1), Limits(), SPECS, command=command)
    with pytest.raises(DecoderFailed, match="nonsense of what confines it"):
        await pool.start()
    await pool.close()
