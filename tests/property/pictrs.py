"""pict-rs's place: a recorder of raw bytes that asks the filter for what it is told to ask, as pict-rs does."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.parse import parse_qs, urlsplit

from tests.http1 import Request, ask, write_answer
from tests.recorder import Recorder, pictrs_answer
from tests.running import until

CALL_SECONDS = 20.0
"""How long a call of ours may take, in seconds, before it counts as hanging."""
NOT_PROXIED = b'{"code":"proxy-not-found","msg":"Media has not been proxied"}'
NOT_FETCHED = b'{"code":"download-file-error","msg":"Unable to download image"}'
OWN_FIELDS = b"\r\nServer: pict-rs\r\nSet-Cookie: a=b\r\nX-Upstream: secret"
_FETCHES = re.compile(r"/image/(?:original|blurhash|process\.[^/]+)")
"""The paths whose GET makes pict-rs fetch; all else with `proxy=` looks things up."""


@dataclass(frozen=True)
class Call:
    """What came of one call for a staged address; status 0: nothing. `had`: what pict-rs has had before, if it said so
    by an ETag."""

    url: str
    status: int
    body: bytes = field(repr=False)
    had: bytes | None = field(default=None, repr=False)


class PictRs(Recorder):
    """Keeps nothing, so it asks for every view; every second time with the ETag that it was given, as 0.6 does.

    `answers` are the bodies that it has answered with.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.callback = ""  # where it may call: http://HOST:PORT
        self.calls: list[Call] = []
        self.answers: set[bytes] = {NOT_PROXIED, NOT_FETCHED}
        self._met: set[tuple[str, int]] = set()  # who was let in
        self._given: dict[str, tuple[str, bytes]] = {}  # ETag and bytes of the last 200
        self._turn = 0

    def take(self) -> tuple[list[bytes], list[Call]]:
        """Everything since the last time, by connection. Every connection to it must have ended, or end now;
        fails when one does not."""
        with socket.create_connection(self.address) as last:  # those before it are let in when it is
            until(lambda: last.getsockname() in self._met, CALL_SECONDS)
        until(lambda: not self._open, CALL_SECONDS)
        with self._lock:
            spoken = [bytes(record) for record in self._records.values() if record]
            self._records.clear()
            self._met.clear()
            calls, self.calls = self.calls, []
            self._threads = [thread for thread in self._threads if thread.is_alive()]
        return spoken, calls

    def handle(self, number: int, connection: socket.socket) -> None:
        """As a recorder does."""
        with contextlib.suppress(OSError), self._lock:
            self._met.add(connection.getpeername())
        super().handle(number, connection)

    def _answer(self, request: Request) -> bytes:
        target = urlsplit(request.target)
        proxied = parse_qs(target.query).get("proxy")
        if proxied is None:
            return self._say(pictrs_answer(request))
        if request.method != "GET" or not _FETCHES.fullmatch(target.path):
            whole = write_answer(404, NOT_PROXIED, {"Content-Type": "application/json"})
            return self._say(whole if request.method != "HEAD" else whole[: -len(NOT_PROXIED)])
        call = self._call(proxied[0])
        if call.status == 200:
            return self._say(write_answer(200, call.body))
        if call.status == 304:
            return self._say(write_answer(200, b"recorded"))
        return self._say(write_answer(500, NOT_FETCHED, {"Content-Type": "application/json"}))

    def _say(self, reply: bytes) -> bytes:
        """An answer, with fields that are nobody's business but pict-rs's own."""
        head, end, body = reply.partition(b"\r\n\r\n")
        self.answers.add(body)
        return head + OWN_FIELDS + end + body

    def _call(self, url: str) -> Call:
        """Ask for a staged address; for another one nothing is asked, whoever looks at the record will see it."""
        if not url.startswith(f"{self.callback}/"):
            return Call(url, 0, b"")
        host, port = self.callback.removeprefix("http://").split(":")
        with self._lock:
            self._turn += 1
            etag, had = self._given.get(url, ("", None)) if self._turn % 2 else ("", None)
        headers = {"Accept": "*/*", "User-Agent": "pict-rs 0.5.25"} | ({"If-None-Match": etag} if etag else {})
        try:
            answer = ask((host, int(port)), "GET", urlsplit(url).path, None, headers, CALL_SECONDS)
        except (OSError, HTTPException):
            call = Call(url, 0, b"")
        else:
            call = Call(url, answer.status, answer.body, had if etag else None)
            if answer.status == 200:
                with self._lock:
                    self._given[url] = answer.headers.get("ETag", ""), answer.body
        with self._lock:
            self.calls.append(call)
        return call
