"""Clients that upload, download and view without a pause, and what became of each request."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self

from tests.chaos.pictures import Gallery
from tests.http1 import form
from tests.recorder import Site

JOIN_SECONDS = 10.0
CUT = "cut"
"""The connection ended before the answer did."""
OURS = ("image-check-unavailable", "upstream-unavailable", "failed-external-validation", "download-file-error")
EXPECTED = frozenset({200, 201, 400, 404, 500, 502, 503})


@dataclass(frozen=True)
class Ask:
    """A request: `name` for people; `barred` when no answer to it may be a success."""

    name: str
    method: str
    target: str
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    barred: bool = False


class Asks:
    """What clients ask for: by turns drawn from `random`. `escape` makes an address of the site part of a target."""

    def __init__(self, gallery: Gallery, site: Site, escape: Callable[[str], str]) -> None:
        self._gallery = gallery
        self._escape = escape
        self._allowed = [site.put(f"/allowed/{number}", data) for number, data in enumerate(gallery.ordinary)]
        self._barred = [site.put(f"/barred/{number}", data) for number, data in enumerate(gallery.forbidden)]

    def draw(self, random: Random) -> Ask:
        """The next one."""
        barred = random.random() < 0.4
        match random.choices(("upload", "download", "proxied", "view"), (4, 2, 4, 1))[0]:
            case "upload":
                chosen = [random.choice(self._gallery.ordinary)]
                if barred:
                    chosen.insert(random.randrange(2), random.choice(self._gallery.forbidden))
                return self.upload(*chosen, barred=barred)
            case "download":
                return self.download(random.choice(self._barred if barred else self._allowed), barred=barred)
            case "proxied":
                return self.proxied(random.choice(self._barred if barred else self._allowed), barred=barred)
            case _:
                return Ask("view", "GET", "/image/original/recorded.png")

    def upload(self, *files: bytes, barred: bool = False) -> Ask:
        """An upload of files."""
        headers, body = form(*files)
        return Ask("upload", "POST", "/image", body, tuple(headers.items()), barred)

    def download(self, url: str, *, barred: bool = False) -> Ask:
        """A download of an address."""
        return Ask("download", "GET", f"/image/download?url={self._escape(url)}", barred=barred)

    def proxied(self, url: str, *, barred: bool = False) -> Ask:
        """A view of a remote picture."""
        return Ask("proxied", "GET", f"/image/original?proxy={self._escape(url)}", barred=barred)

    def largest(self) -> Ask:
        """An upload of the picture that takes longest."""
        return self.upload(max(self._gallery.ordinary, key=len))

    def each(self) -> list[tuple[Ask, bool]]:
        """One of each kind, and whether it is to succeed."""
        good, bad = self._gallery.ordinary[0], self._gallery.forbidden[0]
        return [
            (self.upload(good), True),
            (self.upload(bad, barred=True), False),
            (self.download(self._allowed[0]), True),
            (self.download(self._barred[0], barred=True), False),
            (self.proxied(self._allowed[0]), True),
            (self.proxied(self._barred[0], barred=True), False),
        ]


def converse(connection: http.client.HTTPConnection, ask: Ask) -> tuple[int, bytes]:
    """One request and its answer on a connection that may be open already."""
    connection.request(ask.method, ask.target, ask.body or None, dict(ask.headers))
    with connection.getresponse() as answer:
        return answer.status, answer.read()


class Load:
    """`with Load(...)`: `clients` of them at work. `wrong` has what may not be, in words; `ends` counts the rest.

    `bound`: seconds within which each request must have ended, with an answer or with the connection.
    """

    def __init__(self, address: tuple[str, int], asks: Asks, *, seed: int, clients: int, bound: float) -> None:
        self._address = address
        self._asks = asks
        self._bound = bound
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [
            threading.Thread(target=self._run, args=(Random(f"{seed}-{number}"),), daemon=True)
            for number in range(clients)
        ]
        self.ends: Counter[tuple[str, int | str]] = Counter()
        self.wrong: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(self._bound + JOIN_SECONDS)
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError("clients that do not end")

    @property
    def served(self) -> int:
        """How many requests that bring a picture have succeeded."""
        with self._lock:
            return sum(n for (name, end), n in self.ends.items() if name != "view" and end in (200, 201))

    def cut(self, random: Random) -> bool:
        """End one client's connection, with FIN or RST; False when there is none."""
        with self._lock:
            if not self._open:
                return False
            connection = random.choice(self._open)
        with contextlib.suppress(OSError):
            if random.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RDWR)
        return True

    def _run(self, random: Random) -> None:
        while not self._stop.is_set():
            with contextlib.closing(http.client.HTTPConnection(*self._address, timeout=self._bound)) as connection:
                try:
                    connection.connect()
                except OSError as error:
                    self.wrong.append(f"nobody listens: {error}")
                    return
                mine: socket.socket = connection.sock
                with self._lock:
                    self._open.append(mine)
                try:
                    while self._one(connection, random) and connection.sock is mine and random.random() < 0.7:
                        pass
                finally:
                    with self._lock:
                        self._open.remove(mine)

    def _one(self, connection: http.client.HTTPConnection, random: Random) -> bool:
        """Ask once; whether the connection can be used for more."""
        if self._stop.is_set():
            return False
        ask = self._asks.draw(random)
        began = time.monotonic()
        end: int | str
        try:
            end, body = converse(connection, ask)
        except TimeoutError:
            end, body = "hung", b""
        except (OSError, http.client.HTTPException):
            end, body = CUT, b""
        self._judge(ask, end, body, time.monotonic() - began)
        return end not in (CUT, "hung")

    def _judge(self, ask: Ask, end: int | str, body: bytes, seconds: float) -> None:
        with self._lock:
            self.ends[ask.name, end] += 1
            if end == "hung" or seconds > self._bound:
                self.wrong.append(f"{ask.name} took {seconds:.1f} seconds: {end}")
            elif end != CUT and end not in EXPECTED:
                self.wrong.append(f"{ask.name}: {end} {body[:200]!r}")
            elif ask.barred and isinstance(end, int) and end < 300:
                self.wrong.append(f"{ask.name} of a forbidden picture: {end}")
            elif (
                isinstance(end, int) and end >= 400 and not _is_json(body) and (end, body) != (404, b"")
            ):  # pict-rs's own
                self.wrong.append(f"{ask.name}: {end} with {body[:200]!r}")


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
