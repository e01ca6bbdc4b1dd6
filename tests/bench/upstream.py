"""Stands where pict-rs stands, and does as little as can be done: what is measured is the filter.

    POST /image                   the body is read and thrown away; 201 in the shape of pict-rs 0.5
    GET  /image/original/N.jpeg   N bytes, streamed
    GET  /stored                  a line for each file that came, with its SHA-256; `-` where the body was a large one

A program of its own: `python -m tests.bench.upstream`. No body is kept. It runs until it is ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys

from tests.http1 import Request
from tests.recorder import pictrs_answer

CHUNK = bytes(256 * 1024)
MAX_HASHED_BYTES = 256 * 1024
"""Largest body whose file is read out and hashed; larger ones are thrown away as they come."""
STORED = pictrs_answer(Request("POST", "/image", "HTTP/1.1", []))
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_VIEW = re.compile(rb"GET /image/original/([0-9]+)\.jpeg ")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: %d\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_END = b"\r\n\r\n"

stored: list[str] = []


class Serving(asyncio.Protocol):
    """One connection. Answers are written while the other side takes them, and no faster."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = -1  # bytes of the body that is read; -1: a head is read
        self._kept: bytearray | None = None
        self._head = b""
        self._view = 0  # bytes of the answer that are still to be written
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._write()

    def data_received(self, data: bytes) -> None:
        if self._left > 0 and len(data) <= self._left and not self._buffer:
            self._body(data)  # most of a large upload, without a copy
        else:
            self._buffer += data
            self._read()

    def _read(self) -> None:
        while self._buffer and not self._view:
            if self._left < 0:
                end = self._buffer.find(_END)
                if end < 0:
                    return
                self._head = bytes(self._buffer[: end + len(_END)])
                del self._buffer[: len(self._head)]
                length = _LENGTH.search(self._head)
                self._left = int(length[1]) if length else 0
                self._kept = bytearray() if 0 < self._left <= MAX_HASHED_BYTES else None
                self._body(b"")
            else:
                piece = bytes(self._buffer[: self._left])
                del self._buffer[: len(piece)]
                self._body(piece)

    def _body(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._kept is not None:
            self._kept += piece
        if not self._left:
            self._left = -1
            self._answer()

    def _answer(self) -> None:
        if view := _VIEW.match(self._head):
            self._view = int(view[1])
            self._transport.write(_HEAD % self._view)
            self._write()
        elif self._head.startswith(b"POST "):
            stored.append(_digest(self._kept))
            self._transport.write(STORED)
        elif self._head.startswith(b"GET /stored "):
            lines = "".join(f"{each}\n" for each in stored).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(lines), lines))
        else:
            self._transport.write(_NOT_FOUND)

    def _write(self) -> None:
        while self._view and not self._paused:
            piece = memoryview(CHUNK)[: min(self._view, len(CHUNK))]
            self._view -= len(piece)
            self._transport.write(piece)
        if not self._view:
            self._read()


def _digest(body: bytearray | None) -> str:
    """Of the one file in a form."""
    if body is None:
        return "-"
    delimiter = body[: body.index(b"\r\n")]
    file = body[body.index(_END) + len(_END) : body.rindex(b"\r\n" + delimiter)]
    return hashlib.sha256(file).hexdigest()


async def main(cpu: int | None) -> None:
    """Listen on a free loopback port and say on which. `cpu` is the core to run on."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    server = await asyncio.get_running_loop().create_server(Serving, "127.0.0.1", 0)
    print("ready: listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else None))
