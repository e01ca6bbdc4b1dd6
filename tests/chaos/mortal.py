"""A real pict-rs that is killed and started again, with its store and at its address, and all that goes to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]

from tests.pictrs import GUARDIAN, PROGRAM_USER, START, START_SECONDS, RealPictrs, cache
from tests.recorder import Tap, hang_up

HOST = "127.0.0.3"


class MortalPictrs(RealPictrs):
    """Its first guardian keeps the store until the end; each later life has a guardian of its own."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._first = self._guardian
        return self

    def kill(self) -> None:
        """SIGKILL to pict-rs and all that it has started."""
        (program,) = psutil.Process(self._guardian.pid).children()
        os.killpg(program.pid, signal.SIGKILL)
        self._reader.join(START_SECONDS)
        if self._guardian is not self._first:
            self._end(self._guardian)

    def revive(self) -> None:
        """Start it again, and wait until it listens."""
        rootfs = cache() / "rootfs"
        inside = f"/{self.folder.relative_to(rootfs)}"
        arguments, environment = START[self.line](inside, *self.address)
        common = {"PATH": "/usr/bin:/bin", "HOME": inside, "TMPDIR": f"{inside}/tmp"}
        order = {
            "rootfs": str(rootfs),
            "folder": str(self.folder / "nothing"),  # for its guardian to remove
            "user": PROGRAM_USER,
            "command": [f"/pict-rs/{self.version}", *arguments],
            "environment": common | environment | self.environment,
        }
        self._spoke.clear()
        self.ended.clear()
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", str(GUARDIAN), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(self._guardian.stdout,), daemon=True)
        self._reader.start()
        if not self._spoke.wait(START_SECONDS) or self.ended.is_set():
            raise RuntimeError(f"pict-rs {self.version} did not start again:\n{self.log}")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guardian is not self._first:
            self._end(self._guardian)
            self._guardian = self._first
        super().__exit__(kind, value, trace)

    def _end(self, guardian: subprocess.Popen[str]) -> None:
        for stream in (guardian.stdin, guardian.stdout):
            if stream is not None:
                stream.close()
        guardian.wait(START_SECONDS)


class Heard(Tap):
    """A tap that keeps what the server says, too: `answers` has an item a connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 9))
        self.answers: dict[int, bytearray] = {}

    def handle(self, number: int, connection: socket.socket) -> None:
        """Pass on until both sides have ended."""
        server = socket.create_connection(self.target)
        self._adopt(server)
        heard = self.answers.setdefault(number, bytearray())

        def back() -> None:
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    heard.extend(data)
                    connection.sendall(data)
            hang_up(connection)

        thread = threading.Thread(target=back, daemon=True)
        thread.start()
        try:
            with contextlib.suppress(OSError):
                while data := connection.recv(65536):
                    self.note(number, data)
                    server.sendall(data)
            hang_up(server)
        finally:
            thread.join()
            self._release(server)


class RealUpstream:
    """See scene.Upstream. `calls` stands where pict-rs asks for staged addresses, and hands on to the filter."""

    def __init__(self, real: MortalPictrs) -> None:
        self.real = real
        self.tap = Tap(real.address)
        self.calls = Heard()

    @property
    def address(self) -> tuple[str, int]:
        """Where the filter connects to: the tap."""
        return self.tap.address

    @property
    def raw(self) -> list[bytes]:
        """All that came through the tap."""
        return self.tap.raw

    @property
    def taken(self) -> list[bytes]:
        """Every whole body that came for a staged address, and the beginnings of others."""
        bodies = []
        for heard in list(self.calls.answers.values()):
            bodies += bodies_of(bytes(heard))
        return bodies

    def kill(self) -> None:
        """SIGKILL."""
        self.real.kill()

    def revive(self) -> None:
        """Start it again."""
        self.real.revive()

    def hang_up(self) -> None:
        """End the calls that it keeps open for later, as it does in the end."""
        with self.calls._lock:
            ends = list(self.calls._open)
        for end in ends:
            hang_up(end)


def bodies_of(heard: bytes) -> list[bytes]:
    """The bodies of 200s in what a server said on one connection; each has a Content-Length."""
    found = []
    while heard:
        head, ended, rest = heard.partition(b"\r\n\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (f.partition(b":") for f in head.split(b"\r\n")[1:])
        }
        length = int(fields.get(b"content-length", b"0"))
        if not ended or len(rest) < length:
            break  # cut; the oracle's pieces are looked for in it all the same
        if head.startswith(b"HTTP/1.1 200 "):
            found.append(rest[:length])
        heard = rest[length:]
    return found
