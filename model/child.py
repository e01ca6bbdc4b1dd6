"""One decoder process as seen from the parent: start it, give it a file, take its answer, make sure that it is gone.

The end of its standard error is taken as its end: a process that is there still is killed then, whatever it closed the
pipe for. Everything is read to the end before it is reaped, or the event loop would never see its pipes close.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from model import memfd, pipe
from model.barriers import read_ready
from model.errors import DecoderFailed
from model.formats.media import MediaType, written_as
from model.job import Job, body_bytes, printable, read_answer, read_new_file, read_numbers, read_views
from model.preprocess import Views
from model.window import Window, available

COMMAND = (
    sys.executable,
    "-IB",  # no PYTHON* variables, no current folder, no user's packages; writes no bytecode
    "-c",
    "import sys; sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); from model.decoder import main; main()",
    str(Path(__file__).resolve().parent.parent),
)
"""The real decoder. It gets the folder that holds `model`, and so does not import what the parent has as __main__."""
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(16 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(32 * 1024 * 1024),
}
"""All that a decoder inherits. numpy's library would reserve memory for a thread per processor. And glibc would give
the memory of each file's pictures back at once, to ask for it again page by page at the next: of a photograph of 2
megapixels a quarter of the time. So it may keep 32 MiB (mallopt(3)); what is larger than 16, a picture of 4 megapixels,
is given back always."""
START_SECONDS = 30.0
"""Time for a decoder's imports, which take half a second on an idle machine."""
CHUNK_BYTES = 256 * 1024
"""Bytes given to the event loop at a time, so that a large file is not copied into its buffer whole."""
MAX_STDERR_BYTES = 8 * 1024
"""Bytes of one process's standard error that are logged: a few tracebacks. The rest is read and dropped."""

log = logging.getLogger(__name__)


class Child:
    """A decoder that is ready for files, one at a time.

    `files` counts those that it was given; `barriers` are the words of model.barriers that it said.
    """

    def __init__(self, process: asyncio.subprocess.Process, job: Job, windows: tuple[Window, ...]) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("a decoder needs three pipes")
        self._process = process
        self._job = job
        self._windows = windows
        self._stdin, self._stdout = process.stdin, process.stdout
        self._talking = asyncio.Lock()
        self._errors = asyncio.create_task(self._log_errors(process.stderr))
        self.files = 0
        self.barriers: tuple[str, ...] = ()

    @classmethod
    async def start(cls, command: Sequence[str], job: Job) -> Self:
        """Start a process and wait until it is ready; DecoderFailed if it is not in time."""
        windows = (Window(job.max_file_bytes), Window(job.max_body_bytes)) if available() else ()
        shared = (memfd.read_only(windows[0].fd), windows[1].fd) if windows else ()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                pass_fds=shared,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal is for the parent
                limit=CHUNK_BYTES,
            )
        except BaseException as error:
            for window in windows:
                await window.close()
            if isinstance(error, OSError):
                raise DecoderFailed(f"no decoder process can be started: {error.strerror}") from error
            raise
        finally:
            if shared:
                os.close(shared[0])
        child = cls(process, job, windows)
        try:
            async with asyncio.timeout(START_SECONDS):
                header, _ = await child._exchange(job.pack() | {"windows": shared}, b"", 0)
            child.barriers = read_ready(header)
        except TimeoutError:
            raise DecoderFailed(f"a decoder process was not ready after {START_SECONDS:g} s") from None
        finally:
            if not child.barriers:
                child.kill()
                await child.gone()
        return child

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs. Asks the system: the event loop may not have heard of its end yet."""
        if self._errors.done() or self._process.returncode is not None:
            return False
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return True
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    async def decode(self, data: bytes, media: MediaType) -> Views:
        """The views of one file. Raises Undecodable, Unsupported, TooLarge, and DecoderFailed: kill it then."""
        self.files += 1
        if not self._windows:
            header, body = await self._exchange({"media": media.name}, data, self._job.max_body_bytes)
            return read_answer(header, body, self._job, len(data))
        files, views = self._windows
        await files.put(data)
        header, _ = await self._exchange({"media": media.name, "bytes": len(data)}, b"", 0)
        await files.clear()
        numbers = read_numbers(header, self._job, len(data))
        copy = await views.take(body_bytes(numbers, self._job))
        await views.clear()
        return read_views(numbers, copy, self._job)

    async def normalise(self, data: bytes, media: MediaType) -> bytes | None:
        """A still encoded anew, or None if the file is none. It comes through the pipe. Raises what `decode` raises."""
        self.files += 1
        header: dict[str, object] = {"media": media.name, "normalise": True}
        if self._windows:
            await self._windows[0].put(data)
            header["bytes"], data = len(data), b""
        header, body = await self._exchange(header, data, self._job.max_file_bytes)
        if self._windows:
            await self._windows[0].clear()
        return read_new_file(header, body, self._job, written_as(media))

    def kill(self) -> None:
        """End it and whatever it started, now. `gone` waits for it. May be called at any time, more than once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until the process has ended, of itself or killed, and leave nothing of it behind."""
        await asyncio.shield(self._errors)
        self.kill()
        self._stdin.close()
        async with self._talking:
            while await self._stdout.read(CHUNK_BYTES):
                pass
        status = await self._process.wait()
        for window in self._windows:
            await window.close()
        with suppress(OSError):
            await self._stdin.wait_closed()
        if status == -signal.SIGSYS:
            log.error("decoder %d was ended at a system call that decoding does not take", self.pid)
        log.debug("decoder %d ended with %d after %d files", self.pid, status, self.files)

    async def _exchange(self, header: dict[str, object], data: bytes, max_body: int) -> tuple[dict[str, object], bytes]:
        view = memoryview(data)
        async with self._talking:
            try:
                self._stdin.write(pipe.head(header, len(data)))
                for at in range(0, len(data), CHUNK_BYTES):
                    self._stdin.write(view[at : at + CHUNK_BYTES])
                    await self._stdin.drain()
                header_bytes, body_bytes = pipe.lengths(await self._stdout.readexactly(pipe.PREFIX.size), max_body)
                text = await self._stdout.readexactly(header_bytes)
                return pipe.parse(text), await self._stdout.readexactly(body_bytes)
            except (OSError, asyncio.IncompleteReadError) as error:
                raise DecoderFailed("the decoder process ended before it answered") from error
            except pipe.MessageError as error:
                raise DecoderFailed(f"the decoder sent {error}") from error

    async def _log_errors(self, stderr: asyncio.StreamReader) -> None:
        left = MAX_STDERR_BYTES
        while data := await stderr.read(MAX_STDERR_BYTES):
            if left > 0:
                log.warning(
                    "decoder %d: %s", self.pid, printable(data[:left].decode("ascii", "backslashreplace"), left)
                )
            left -= len(data)
