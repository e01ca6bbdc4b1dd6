"""The sockets that mitmproxy holds for a client. It has no calls for what is done here, so its own tables are used.

These functions lean on mitmproxy's internals (seen with 11.0.2 and 12.2.3), as framing.py does.
"""

from __future__ import annotations

import asyncio

from mitmproxy import ctx
from mitmproxy.connection import Connection, Server
from mitmproxy.proxy.server import ConnectionIO


def close_client(client_id: str) -> None:
    """Close every socket of a client that has left.

    mitmproxy forgets one when its own close finds the reader waiting for a lock (from 3.12 on).
    """
    for _, io in _transports(client_id):
        if isinstance(io.writer, asyncio.StreamWriter):
            io.writer.close()


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
        close_client(client_id)


def unread(client_id: str) -> int:
    """How many bytes for this client lie here because it does not take them."""
    return sum(
        io.writer.transport.get_write_buffer_size()
        for connection, io in _transports(client_id)
        if not isinstance(connection, Server) and isinstance(io.writer, asyncio.StreamWriter)
    )


def _transports(client_id: str) -> list[tuple[Connection, ConnectionIO]]:
    handler = ctx.master.addons.get("proxyserver").connections.get(client_id)
    return list(handler.transports.items()) if handler else []
