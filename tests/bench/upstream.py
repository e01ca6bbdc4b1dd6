"""Stands where pict-rs stands, and does as little as can be done: what is measured is the filter.

    POST /image                   the body is read and thrown away; 201 in the shape of pict-rs 0.5
    GET  /image/original/N.jpeg   N bytes, streamed

A program of its own: `python -m tests.bench.upstream`. Nothing is kept, whatever the size. It runs until it is ended.
"""

from __future__ import annotations

import asyncio
import re

from tests.http1 import Request
from tests.recorder import pictrs_answer

CHUNK = bytes(64 * 1024)
READ_BYTES = 1024 * 1024
STORED = pictrs_answer(Request("POST", "/image", "HTTP/1.1", []))
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_VIEW = re.compile(rb"GET /image/original/([0-9]+)\.jpeg ")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await _discard(reader, int(length[1]) if length else 0)
            view = _VIEW.match(head)
            if view:
                await _stream(writer, int(view[1]))
            else:
                writer.write(
                    STORED if head.startswith(b"POST ") else b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
                )
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the other side has left
    finally:
        writer.close()


async def _discard(reader: asyncio.StreamReader, left: int) -> None:
    while left:
        piece = await reader.read(min(left, READ_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)


async def _stream(writer: asyncio.StreamWriter, left: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: %d\r\n\r\n" % left)
    while left:
        piece = memoryview(CHUNK)[: min(left, len(CHUNK))]
        writer.write(piece)
        await writer.drain()
        left -= len(piece)


async def main() -> None:
    """Listen on a free loopback port and say on which."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=READ_BYTES)
    print("ready: listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
