"""A connection as mitmproxy holds one, with its other end in the test's hands."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from mitmproxy.proxy.server import ConnectionIO

PIECE = bytes(1024 * 1024)


@dataclass
class Held:
    """`io` is what mitmproxy has of it, `other` the peer's socket, which does not block."""

    io: ConnectionIO
    writer: asyncio.StreamWriter
    other: socket.socket

    async def other_end_hears(self) -> bytes:
        """The next piece, or nothing when it was closed."""
        return await asyncio.get_running_loop().sock_recv(self.other, len(PIECE))

    async def other_end_takes(self, size: int) -> None:
        """It takes so many bytes, and no more."""
        while size:
            size -= len(await asyncio.get_running_loop().sock_recv(self.other, size))

    @property
    def unsent(self) -> int:
        """Bytes that lie in this process."""
        return self.writer.transport.get_write_buffer_size()

    def fill(self) -> int:
        """Write more than the system takes; how many bytes."""
        written = 0
        while not self.unsent:
            self.writer.write(PIECE)
            written += len(PIECE)
        return written

    async def drop(self) -> None:
        """Close both ends, whatever still lies there."""
        self.writer.close()
        if self.unsent:
            self.writer.transport.abort()
        self.other.close()
        await asyncio.sleep(0)


async def held() -> Held:
    """A new one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = socket.create_connection(listening.getsockname())
        mine, _ = listening.accept()
    other.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=mine)
    return Held(ConnectionIO(reader=reader, writer=writer), writer, other)
