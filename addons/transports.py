"""The sockets that mitmproxy holds for a client. It has no calls for what is done here, so its own tables are used.

mitmproxy closes a socket politely: what is still to be sent stays in memory until the other side takes it, and a
pict-rs that has stopped may never. So every socket is noted as it opens, and ends for good when its work does.
These functions lean on mitmproxy's internals (seen with 11.0.2 and 12.2.3), as framing.py does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from mitmproxy import ctx
from mitmproxy.connection import Connection, Server
from mitmproxy.proxy.server import ConnectionIO

GRACE_SECONDS = 5.0
"""How long the last bytes for a client may take to leave once its connection is closed; nginx's lingering_timeout."""


class Sockets:
    """Those that are open, by client."""

    def __init__(self) -> None:
        self._clients: dict[str, asyncio.StreamWriter] = {}
        self._servers: defaultdict[str, dict[str, asyncio.StreamWriter]] = defaultdict(dict)

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

    def client_left(self, client: Connection) -> None:
        """Close every socket of a client that has left; its own within GRACE_SECONDS.

        mitmproxy forgets one when its own close finds the reader waiting for a lock (from 3.12 on).
        """
        for server in self._servers.pop(client.id, {}).values():
            _end(server)
        writer = self._clients.pop(client.id, None)
        if writer is not None:
            writer.close()
            if writer.transport.get_write_buffer_size():
                asyncio.get_running_loop().call_later(GRACE_SECONDS, _end, writer)


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


def unread(client_id: str) -> int:
    """How many bytes for this client lie here because it does not take them."""
    return sum(
        io.writer.transport.get_write_buffer_size()
        for connection, io in _transports(client_id)
        if not isinstance(connection, Server) and isinstance(io.writer, asyncio.StreamWriter)
    )


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
