"""Loopback servers that keep every byte they are sent: what "pict-rs saw nothing" is asserted on.

    Listener     accepts, records, closes all at the end
    |- Recorder  answers HTTP/1.1 requests in pict-rs's place
    |  `- Site   a web site with pages, for downloads
    `- Tap       forwards to a real server, both ways

Rules this file keeps: bytes are recorded as they come from the socket, before anything reads them, and what cannot be
understood is recorded all the same. Plain threads and sockets, so that sync and async tests can use them alike.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import BinaryIO, Self

from tests.http1 import NO_HEADERS, Request, read_request, write_answer
from tests.ports import site_socket

JOIN_SECONDS = 10.0  # a thread that has not ended by then hangs, and the test says so

Answerer = Callable[[Request], bytes | None]
"""What goes back for a request, raw; None closes the connection without an answer."""


def _say(reply: bytes, request: Request) -> bytes:
    return reply if request.method != "HEAD" else reply[: reply.index(b"\r\n\r\n") + 4]


def pictrs_answer(request: Request) -> bytes:
    """What pict-rs 0.5 would say, in shape: 201 for POST, 204 for DELETE, 200 and a few bytes for the rest."""
    if request.method == "POST":
        details = {"width": 1, "height": 1, "frames": None, "content_type": "image/png", "format": "Image"}
        details |= {"created_at": "2024-01-01T00:00:00Z", "blurhash": "000000"}
        file = {"file": "recorded.png", "delete_token": "recorded", "details": details}
        return write_answer(
            201, json.dumps({"msg": "ok", "files": [file]}).encode(), {"Content-Type": "application/json"}
        )
    if request.method == "DELETE":
        return write_answer(204)
    return _say(write_answer(200, b"recorded", {"Content-Type": "application/octet-stream"}), request)


class _Recording(io.RawIOBase):
    """Reads a socket, and notes each piece before anyone else sees it."""

    def __init__(self, connection: socket.socket, note: Callable[[bytes], None]) -> None:
        self._connection, self._note = connection, note

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: WriteableBuffer
        size = self._connection.recv_into(buffer)
        self._note(bytes(buffer[:size]))
        return size


class Listener:
    """A TCP server on a loopback port of its own, one thread a connection. Use it in `with`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = self.open(host)
        self.address: tuple[str, int] = (host, self._socket.getsockname()[1])
        self._lock = threading.Lock()
        self._records: dict[int, bytearray] = {}
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def raw(self) -> list[bytes]:
        """What clients sent, an item a connection, silent ones too. After reset, old ones come back when they speak."""
        with self._lock:
            return [bytes(record) for record in self._records.values()]

    @property
    def requests(self) -> list[Request]:
        """Every complete request that can be made out in the record."""
        found = []
        for record in self.raw:
            stream = io.BytesIO(record)
            with contextlib.suppress(ValueError):  # the rest is in `raw`
                while request := read_request(stream):
                    found.append(request)
        return found

    def reset(self) -> None:
        """Forget what was recorded."""
        with self._lock:
            self._records.clear()

    @staticmethod
    def open(host: str) -> socket.socket:
        """Listen at a free port of `host`."""
        return socket.create_server((host, 0))

    def handle(self, number: int, connection: socket.socket) -> None:
        """Serve one connection to its end."""
        raise NotImplementedError

    def note(self, number: int, data: bytes) -> None:
        """Record bytes of a connection."""
        with self._lock:
            self._records.setdefault(number, bytearray()).extend(data)

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closing = True
            ends = [self._socket, *self._open]
        for end in ends:
            hang_up(end)
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._socket.close()
        if stuck := [thread.name for thread in self._threads if thread.is_alive()]:
            raise RuntimeError(f"threads that did not end: {stuck}")

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _adopt(self, connection: socket.socket) -> None:
        """Close it with the rest; at once when that is over already."""
        with self._lock:
            self._open.add(connection)
            late = self._closing
        if late:
            hang_up(connection)

    def _release(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _accept(self) -> None:
        for number in itertools.count():
            try:
                connection, _ = self._socket.accept()
            except OSError:  # shut down by __exit__
                return
            self._adopt(connection)
            self.note(number, b"")
            self._spawn(partial(self._serve, number, connection))

    def _serve(self, number: int, connection: socket.socket) -> None:
        try:
            self.handle(number, connection)
        except OSError:
            pass  # the other side is gone; what it said is recorded
        finally:
            self._release(connection)


def hang_up(connection: socket.socket) -> None:
    """End both directions, which wakes whoever waits on it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Recorder(Listener):
    """Stands where pict-rs stands. `answer` may be set to say something else for each request."""

    def __init__(self, answer: Answerer = pictrs_answer, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.answer = answer

    def handle(self, number: int, connection: socket.socket) -> None:
        """Answer request after request; after the first that cannot be made out only record."""
        stream = io.BufferedReader(_Recording(connection, partial(self.note, number)))
        while request := self._next(stream, connection):
            reply = self.answer(request)
            if reply is None:
                return
            connection.sendall(reply)
            if request.version == "HTTP/1.0" or "close" in map(str.lower, request.header("connection")):
                connection.shutdown(socket.SHUT_WR)
                break
        while stream.read1():
            pass

    def _next(self, stream: BinaryIO, connection: socket.socket) -> Request | None:
        try:
            return read_request(stream)
        except ValueError:
            connection.sendall(write_answer(400, headers={"Connection": "close"}))
            connection.shutdown(socket.SHUT_WR)
            return None


class Site(Recorder):
    """A web site. `fetches` counts requests by target (path and query), known or not."""

    open = staticmethod(site_socket)

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(self._page, host)
        self.fetches: Counter[str] = Counter()
        self._pages: dict[str, tuple[Answerer, ...]] = {}

    def put(self, target: str, *bodies: bytes, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> str:
        """Serve bodies under a target, one after the other, the last one from then on. Returns the URL."""
        whole = [write_answer(status, body, {"Content-Type": "image/jpeg", **headers}) for body in bodies or (b"",)]
        return self.route(target, *(partial(_say, reply) for reply in whole))

    def route(self, target: str, *answerers: Answerer) -> str:
        """Like put, with functions that make the raw answer: for broken, slow or odd ones. Returns the URL."""
        self._pages[target] = answerers
        return self.url + target

    def _page(self, request: Request) -> bytes | None:
        with self._lock:
            turn = self.fetches[request.target]
            self.fetches[request.target] += 1
        pages = self._pages.get(request.target)
        return write_answer(404) if pages is None else pages[min(turn, len(pages) - 1)](request)


class Tap(Listener):
    """Stands before a real server, forwards bytes both ways, and keeps those that clients send."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__()
        self.target = target

    def handle(self, number: int, connection: socket.socket) -> None:
        """Pass on until both sides have ended."""
        server = socket.create_connection(self.target)
        self._adopt(server)
        back = threading.Thread(target=_pump, args=(server, connection, lambda data: None), daemon=True)
        back.start()
        try:
            _pump(connection, server, partial(self.note, number))
        finally:
            back.join()
            self._release(server)


def _pump(source: socket.socket, sink: socket.socket, note: Callable[[bytes], None]) -> None:
    """Copy until the source ends, then tell the sink so. A side that is gone ends the other one too."""
    try:
        while data := source.recv(65536):
            note(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        hang_up(source)
        hang_up(sink)
