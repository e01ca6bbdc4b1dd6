"""Whatever a decoder does, one file is not judged, and the next one is.

The children are real decoders that obey: the "file" says what they are to do (tests/model/obedient.py).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import psutil  # type: ignore[import-untyped]
import pytest

from config.media import Limits
from model.child import ENVIRONMENT, MAX_STDERR_BYTES
from model.errors import DeadlineExceeded, DecoderFailed, TooLarge, Undecodable
from model.formats.media import PNG
from tests.model.obedient import BODY_BYTES, GOOD, children, pid, running, soon, works
from tests.model.samples import STILLS, png_header


async def test_memory_is_limited() -> None:
    """200 MB of pixels, where the limits of pictures allow them and the process may not have them."""
    limits = Limits(max_side_pixels=65_535, max_area_pixels=10**9)
    async with running(limits=limits, memory_mib=256) as pool:
        before = await pid(pool)
        with pytest.raises(TooLarge, match="memory"):
            await pool.decode(png_header(20_000, 10_000), PNG, soon())
        assert await pid(pool) == before
        await works(pool)


async def test_processor_time_is_limited() -> None:
    async with running(cpu_seconds=1) as pool:
        with pytest.raises(DecoderFailed, match="ended before it answered"):
            await pool.decode(b"while True: pass", PNG, soon())
        await works(pool)


@pytest.mark.parametrize("real", [True, False], ids=["real", "obedient"])
async def test_the_limits_are_those_of_the_settings(real: bool) -> None:
    async with running(2, real=real, memory_mib=300) as pool:
        for child in children():
            process = psutil.Process(child)
            assert process.rlimit(psutil.RLIMIT_AS) == (300 * 2**20, 300 * 2**20)
            assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
            assert process.cwd() == "/"
            assert set(process.environ()) - {"LC_CTYPE"} == set(ENVIRONMENT)
            assert not any("PICTRS" in name or "PATH" in name or "HOME" in name for name in process.environ())
        await works(pool)


FAILURES = {
    "exits": "os._exit(3)",
    "raises": "raise AssertionError('a bug')",
    "is-killed": "os.kill(os.getpid(), 9)",
    "leaves-the-pipe": "os.closerange(0, 16); time.sleep(1000)",
    "sends-garbage": "pipe.write = lambda stream, *_: (stream.write(b'x' * 100), stream.flush())",
    "sends-no-json": "pipe.write = lambda stream, *_: (stream.write(pipe.PREFIX.pack(4, 0) + b'oops'), stream.flush())",
    "sends-a-list": "pipe.write = lambda stream, *_: (stream.write(pipe.PREFIX.pack(2, 0) + b'[]'), stream.flush())",
    "promises-too-much": f"lie({GOOD}, length=1 << 40)",
    "sends-too-much": f"lie({GOOD}, bytes({BODY_BYTES} * 101))",
    "sends-what-stands-in-a-window": f"lie({GOOD}, bytes({BODY_BYTES}))",
    "lies-about-the-number": f"lie({GOOD | {'views': 101}})",
    "lies-about-the-size": f"lie({GOOD | {'width': 10001}})",
    "another-status": "lie({'status': 'deadline', 'message': ''})",
    "ready-again": "lie({'status': 'ready'})",
}


@pytest.mark.parametrize("code", FAILURES.values(), ids=FAILURES.keys())
async def test_a_decoder_that_fails_is_replaced(code: str) -> None:
    async with running(free=True) as pool:
        before = await pid(pool)
        with pytest.raises(DecoderFailed):
            await pool.decode(f"{code}\nraise decoder.Undecodable('')".encode(), PNG, soon())
        assert await pid(pool) != before
        await works(pool)


HANGS = {
    "sleeps": "time.sleep(1000)",
    "half-an-answer": f"pipe.write = lambda stream, *_: (stream.write(pipe.head({GOOD}, 0)[:-1]), stream.flush())",
    "half-a-header": "pipe.write = lambda stream, *_: (stream.write(b'x'), stream.flush(), time.sleep(1000))",
    "ignores-signals": "import signal; signal.signal(15, signal.SIG_IGN); time.sleep(1000)",
    "errors-for-ever": "while True: os.write(2, b'x' * 4096)",
}


@pytest.mark.parametrize("code", HANGS.values(), ids=HANGS.keys())
async def test_a_decoder_that_hangs_is_killed_at_the_deadline(code: str) -> None:
    async with running(free=True) as pool:
        before = await pid(pool)
        with pytest.raises(DeadlineExceeded, match="too long"):
            await pool.decode(f"{code}\nraise decoder.Undecodable('')".encode(), PNG, soon(0.3))
        assert await pid(pool) != before
        assert before not in children()


async def test_a_decoder_that_does_not_read_is_killed_at_the_deadline() -> None:
    """It answers the first file and never reads the second, which is larger than a pipe."""
    async with running(free=True) as pool:
        with pytest.raises(Undecodable):
            await pool.decode(b"pipe.read = lambda *_: time.sleep(1000)\nraise decoder.Undecodable('')", PNG, soon())
        with pytest.raises(DeadlineExceeded):
            await pool.decode(b"#" * 5_000_000, PNG, soon(0.3))
        await works(pool)


async def test_what_it_starts_is_killed_with_it() -> None:
    async with running(free=True) as pool:
        with pytest.raises((DeadlineExceeded, DecoderFailed)):  # the latter where it may not start anything
            await pool.decode(b"os.fork(); time.sleep(1000)", PNG, soon(0.5))
        await works(pool)
        assert len(children()) == 1


FLOOD = b"""
def flood(stream, *message):
    send(stream, *message)
    os.set_blocking(stream.fileno(), False)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        try:
            os.write(stream.fileno(), b"x" * 4096)
            end = time.monotonic() + 0.3
        except BlockingIOError:
            pass
    os.write(2, b"full")
    time.sleep(1000)
pipe.write = flood
raise decoder.Undecodable("")
"""


@pytest.mark.parametrize("then", ["used", "killed", "closed"])
async def test_a_decoder_that_sends_more_than_its_answer(then: str) -> None:
    """Until both the pipe and the pool's buffer are full, so that nobody reads any more."""
    full = asyncio.Event()
    handler = logging.Handler()
    handler.emit = lambda record: full.set()  # type: ignore[method-assign]
    async with running(free=True) as pool:
        before = children()
        logging.getLogger("model.child").addHandler(handler)
        with pytest.raises(Undecodable):
            await pool.decode(FLOOD, PNG, soon())
        await full.wait()
        logging.getLogger("model.child").removeHandler(handler)
        if then == "closed":
            return
        if then == "killed":
            os.kill(before[0], signal.SIGKILL)
        with pytest.raises(DecoderFailed):
            await pool.decode(STILLS["png-RGB"](), PNG, soon())
        await works(pool)
        assert children() != before


async def test_what_it_says_is_logged_in_part_and_in_ascii(caplog: pytest.LogCaptureFixture) -> None:
    code = b"os.write(2, b'first \\x1b[31m line\\n')\nos.write(2, b'x' * 200_000)\nos._exit(1)"
    with caplog.at_level(logging.WARNING, "model.child"):
        async with running() as pool:
            with pytest.raises(DecoderFailed):
                await pool.decode(code, PNG, soon())
    said = [record.getMessage() for record in caplog.records if record.name == "model.child"]
    assert r"first \x1b[31m line\n" in said[0]
    assert MAX_STDERR_BYTES / 2 < sum(map(len, said)) < MAX_STDERR_BYTES + 100 * len(said)
    assert len(said) < 15
    assert all(text.isascii() and text.isprintable() for text in said)


CONFINED = {
    "reads-a-file": ("open('/etc/passwd')", "PermissionError"),
    "makes-a-file": ("open('/tmp/made-by-a-decoder', 'w')", "SIGSYS"),
    "asks-for-a-socket": ("socket.socket()", "SIGSYS"),
    "signals-the-pool": ("os.kill(parent, signal.SIGCONT)", "SIGSYS"),
}
"""A few of tests/model/attempts.py, in a decoder as the pool starts it: all that is real about it is."""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
@pytest.mark.parametrize(("code", "end"), CONFINED.values(), ids=CONFINED.keys())
async def test_a_decoder_that_tries_what_it_may_not(code: str, end: str, caplog: pytest.LogCaptureFixture) -> None:
    """It ends, the log says why, and the next file is decoded by another. Without barriers each of them works."""
    answer = f"import signal, socket\n{code}\nraise decoder.Undecodable('it went on')".encode()
    async with running(before="import signal, socket; parent = os.getppid()") as pool:
        before = await pid(pool)
        with pytest.raises(DecoderFailed, match="ended before it answered"):
            await pool.decode(answer, PNG, soon())
        assert await pid(pool) != before
    assert ("a system call that decoding does not take" if end == "SIGSYS" else end) in caplog.text
    async with running(free=True, before="import signal, socket; parent = os.getppid()") as pool:
        with pytest.raises(Undecodable, match="it went on"):
            await pool.decode(answer, PNG, soon())
