"""Stands where pict-rs 0.6 stands, asks the filter for staged addresses as that does, and can be killed and started.

Its address stays; what it has stored stays too. It has a loopback address of its own, so that no connection to it is
made from its own port while nobody listens there.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import threading
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qs, urlsplit

from addons.pictrs import multipart
from tests.http1 import NO_HEADERS, Request, write_answer
from tests.recorder import Recorder, hang_up, pictrs_answer

HOST = "127.0.0.3"
CALL_SECONDS = 30.0
MOST = 1 << 24
VALIDATED = 3
"""Every so many-th upload is sent back to the filter, as pict-rs's external_validation does."""


class StandIn(Recorder):
    """A recorder with a store for `?proxy=`. `taken` has every body that it got for a staged address."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._uploads = itertools.count()
        self._stored: dict[str, tuple[str | None, bytes]] = {}
        self.taken: list[bytes] = []
        self.validator: tuple[str, int] | None = None
        self._deaf = threading.Event()
        super().__init__(self._respond, HOST)

    def kill(self) -> None:
        """End every connection, its own calls too, and listen no more."""
        hang_up(self._socket)
        self._deaf.wait()
        self._socket.close()
        with self._lock:
            ends = list(self._open)
        for end in ends:
            hang_up(end)

    def revive(self) -> None:
        """Listen again at the same address."""
        self._socket = socket.create_server(self.address)
        self._deaf.clear()
        self._spawn(self._accept)

    def hang_up(self) -> None:
        """It keeps nothing open."""

    def _accept(self) -> None:
        for number in self._numbers:  # which go on after a kill, as the records do
            try:
                connection, _ = self._socket.accept()
            except OSError:
                break
            self._adopt(connection)
            self.note(number, b"")
            self._spawn(partial(self._serve, number, connection))
        self._deaf.set()

    def _respond(self, request: Request) -> bytes:
        parts = urlsplit(request.target)
        staged = parse_qs(parts.query).get("proxy")
        if request.method == "GET" and staged:
            return self._view(staged[0])
        if request.method == "POST" and next(self._uploads) % VALIDATED == 0 and not self._valid(request):
            return write_answer(400, b'{"msg":"Failed external validation","code":"failed-external-validation"}')
        return pictrs_answer(request)

    def _view(self, staged: str) -> bytes:
        tag, data = self._stored.get(staged, (None, None))
        there = urlsplit(staged)
        try:
            answer, body = self._call(
                "GET",
                (there.hostname or "", there.port or 80),
                there.path,
                headers={"If-None-Match": tag} if tag else {},
            )
        except (OSError, http.client.HTTPException):
            answer, body = None, b""
        if answer is not None and answer.status == 200:
            self.taken.append(body)
            tag, data = answer.headers["ETag"], body
            self._stored[staged] = tag, body
        elif answer is None or answer.status != 304 or data is None:
            self._stored.pop(staged, None)
            error = json.dumps({"msg": "Unable to download image", "code": "download-file-error"}).encode()
            return write_answer(500, error, {"Content-Type": "application/json"})
        return write_answer(200, data, {"Content-Type": "image/png"})

    def _valid(self, request: Request) -> bool:
        if self.validator is None:
            return True
        types = [value.encode("latin-1") for value in request.header("content-type")]
        (part, *_) = multipart.parse(types, request.body, max_files=9, max_file_bytes=MOST)
        try:
            answer, _ = self._call("POST", self.validator, "/validate", part.data, {"Content-Type": "image/png"})
        except (OSError, http.client.HTTPException):
            return False
        return answer.status == 200

    def _call(
        self,
        method: str,
        address: tuple[str, int],
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """A request of its own; the connection goes with a kill."""
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=CALL_SECONDS)) as connection:
            connection.connect()
            mine: socket.socket = connection.sock
            self._adopt(mine)
            try:
                connection.request(method, target, body, dict(headers))
                answer = connection.getresponse()
                return answer, answer.read()
            finally:
                self._release(mine)
