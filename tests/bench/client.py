"""The client of the benchmark: one kept connection, requests one after another, each with the time that it took."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.http1 import form

READ_BYTES = 64 * 1024
REQUEST_SECONDS = 180.0


@dataclass(frozen=True)
class Timed:
    """An answer: its HTTP status, the bytes of its body, and seconds from the first byte sent to the last received."""

    status: int
    size: int
    seconds: float


class Client:
    """Use it in `with`. What cannot be asked raises OSError or http.client.HTTPException."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=REQUEST_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def upload(self, file: bytes) -> Timed:
        """POST one file to /image."""
        headers, body = form(file)
        return self._ask("POST", "/image", body, headers)

    def view(self, size: int, pause: float = 0.0) -> Timed:
        """GET `size` bytes of tests.bench.upstream; after the first piece stop reading for `pause` seconds."""
        return self._ask("GET", f"/image/original/{size}.jpeg", None, {}, pause)

    def _ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str], pause: float = 0.0) -> Timed:
        started = time.perf_counter()
        self._connection.request(method, target, body, headers)
        with self._connection.getresponse() as answer:
            size = 0
            while piece := answer.read(READ_BYTES):
                if pause and not size:
                    time.sleep(pause)
                size += len(piece)
            return Timed(answer.status, size, time.perf_counter() - started)
