"""The sockets that mitmproxy holds for a client. It has no calls for what is done here, so its own tables are used.

mitmproxy closes a socket politely: what is still to be sent stays in memory until the other side takes it, and a
pict-rs that has stopped may never. So every socket is noted as it opens, and ends for good when its work does.
These functions lean on mitmproxy's internals (seen with 11.0.2 and 12.2.3), as framing.py does.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from collections import defaultdict
from collections.abc import Callable

from mitmproxy import ctx
from mitmproxy.connection import Connection, Server
from mitmproxy.proxy.server import ConnectionIO

GRACE_SECONDS = 5.0
"""How long a client may take nothing of the last bytes for it, once its connection is closed; nginx's
lingering_timeout. Who takes them slowly gets them all."""


class Sockets:
    """Those that are open, by client."""

    def __init__(self) -> None:
        self._clients: dict[str, asyncio.StreamWriter] = {}
        self._servers: defaultdict[str, dict[str, asyncio.StreamWriter]] = defaultdict(dict)
        self._leaving: set[asyncio.Task[None]] = set()

    def client_opened(self, client: Connection) -> None:
        """Note a client's own connection."""
        writer = _writer(client.id, client)
        if writer is not None:
            self._clients[client.id] = writer

    def server_opened(self, client: Connection, server: Connection) -> None:
        """Note a connection to pict-rs that was made for a client."""
        writer = _writer(client.id, server)
        if writer is not None:
            self._servers[client.id][server.id] = writer

    def server_closed(self, client: Connection, server: Connection) -> None:
        """Drop what was still to be sent to pict-rs: whoever it was for has ended, or pict-rs does not take it."""
        writer = self._servers[client.id].pop(server.id, None)
        if writer is not None:
            _end(writer)
        if not self._servers[client.id]:
            del self._servers[client.id]

    def client_left(self, client: Connection, gone: Callable[[], None]) -> None:
        """Close every socket of a client that has left, its own when it has the last bytes; call `gone` then.

        mitmproxy forgets one when its own close finds the reader waiting for a lock (from 3.12 on).
        """
        for server in self._servers.pop(client.id, {}).values():
            _end(server)
        writer = self._clients.pop(client.id, None)
        if writer is not None:
            writer.close()
        if writer is None or not writer.transport.get_write_buffer_size():
            gone()
            return
        task = asyncio.create_task(_see_off(writer), name="see off")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        task.add_done_callback(lambda _: gone())


def close_client(client_id: str) -> None:
    """Close every socket of a client; what was written still leaves."""
    for _, io in _transports(client_id):
        if isinstance(io.writer, asyncio.StreamWriter):
            io.writer.close()


def hang_up(client_id: str) -> None:
    """Close every socket of a client and drop what was written, without waiting for anybody."""
    for _, io in _transports(client_id):
        if isinstance(io.writer, asyncio.StreamWriter):
            _end(io.writer)


def give_up_server(client_id: str, reason: str) -> None:
    """Close the connection to a pict-rs that does not answer; mitmproxy then tells the client in our words.

    Where there is none (mitmproxy's task can die as it makes one), the client is hung up on.
    """
    servers = [
        io.handler
        for connection, io in _transports(client_id)
        if isinstance(connection, Server) and io.handler is not None and not io.handler.done()
    ]
    for handler in servers:
        handler.cancel(reason)
    if not servers:
        hang_up(client_id)


def cut(client_id: str) -> None:
    """Let the client's connection end as a broken one (a reset), when it is closed; who has forgotten the length of an
    answer would else take its broken end for a whole one."""
    for connection, io in _transports(client_id):
        if not isinstance(connection, Server) and isinstance(io.writer, asyncio.StreamWriter):
            with contextlib.suppress(OSError):
                now = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds
                io.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)


def unread(client_id: str) -> int:
    """How many bytes for this client it has not taken; 0 if none of them is here, for then nobody waits for it."""
    return sum(
        _untaken(io.writer)
        for connection, io in _transports(client_id)
        if not isinstance(connection, Server) and isinstance(io.writer, asyncio.StreamWriter)
    )


def _untaken(writer: asyncio.StreamWriter) -> int:
    """Bytes for the other side, here and in the system's hands; 0 if none is here.

    Both count, because the system takes more from here only when it got rid of a good deal of what it has: a third of
    several megabytes (seen with Linux 6.18), which a slow reader takes minutes for.
    """
    here = writer.transport.get_write_buffer_size()
    if not here:
        return 0
    sending = bytearray(4)
    with contextlib.suppress(OSError, ValueError):  # a system that does not tell; a socket that is closed
        fcntl.ioctl(writer.get_extra_info("socket").fileno(), termios.TIOCOUTQ, sending)
    return here + int.from_bytes(sending, sys.byteorder)


async def _see_off(writer: asyncio.StreamWriter) -> None:
    """Wait until the last bytes have left; drop them if none did in GRACE_SECONDS."""
    closed = asyncio.ensure_future(writer.wait_closed())
    before, left = sys.maxsize, _untaken(writer)
    while 0 < left < before:
        await asyncio.wait([closed], timeout=GRACE_SECONDS)
        before, left = left, _untaken(writer)
    _end(writer)
    await asyncio.wait([closed])
    if not closed.cancelled():
        closed.exception()  # that of a client that hung up is nobody's news


def _end(writer: asyncio.StreamWriter) -> None:
    """Close it, and drop what was still to be sent. (`abort` fails on a transport that has sent all: 3.11, 3.13.)"""
    writer.close()
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()


def _writer(client_id: str, connection: Connection) -> asyncio.StreamWriter | None:
    return next(
        (
            io.writer
            for found, io in _transports(client_id)
            if found is connection and isinstance(io.writer, asyncio.StreamWriter)
        ),
        None,
    )


def _transports(client_id: str) -> list[tuple[Connection, ConnectionIO]]:
    handler = ctx.master.addons.get("proxyserver").connections.get(client_id)
    return list(handler.transports.items()) if handler else []
