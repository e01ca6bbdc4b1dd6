"""Chunked bodies (RFC 9112, 7.1), read by h11 and held to more than that asks.

h11 waits for the end of a line as long as there is memory, hands on a piece for each chunk however small, and up to
0.14 takes any two bytes for the end of a chunk. And mitmproxy leaves the client hanging when trailers come.
"""

from __future__ import annotations

from typing import NoReturn

from h11 import Data, EndOfMessage, LocalProtocolError
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer

MAX_LINE_BYTES = 8 * 1024
"""Longest line with a chunk's size, and most bytes of trailers, that is waited for to end. Extensions are unused."""
FREE_BYTES, BODY_PER_FRAMING = 64 * 1024, 16
"""Bytes of framing that are free, and how many bytes of body each further one must come with: from there on chunks are
100 bytes or more. A body in chunks of one byte takes minutes of the one thread that serves everybody."""


class StrictChunks:
    """Reads one body. Put in the place of h11's ChunkedReader, which mitmproxy uses."""

    def __init__(self) -> None:
        self._reader = ChunkedReader()
        self._ended = False
        self._body = 0  # bytes so far
        self._framing = 0

    def __call__(self, buf: ReceiveBuffer) -> Data | EndOfMessage | None:
        """All of the body that can be read from `buf` in one piece, then its end; None: more is needed.

        Raises LocalProtocolError for what is not a chunked body, or one that is made to keep us busy.
        """
        before, body = len(buf), bytearray()
        found: Data | EndOfMessage | None = EndOfMessage() if self._ended else None
        while not self._ended:
            self._check_end(buf)
            found = self._reader(buf)
            if not isinstance(found, Data):
                break
            body += found.data
        if isinstance(found, EndOfMessage):
            if found.headers:
                raise LocalProtocolError("trailers after the body")
            self._ended = True
        elif len(buf) > MAX_LINE_BYTES:
            raise LocalProtocolError("a line without end")
        self._body += len(body)
        self._framing += before - len(buf) - len(body)
        if self._framing > FREE_BYTES + self._body / BODY_PER_FRAMING:
            raise LocalProtocolError("more framing than body")
        return Data(data=bytes(body)) if body else found

    def read_eof(self) -> NoReturn:
        """The connection has ended before the body. Raises RemoteProtocolError."""
        self._reader.read_eof()

    def _check_end(self, buf: ReceiveBuffer) -> None:
        """What stands at a chunk's end is CR LF; where a lenient reader differs from a front proxy's, requests hide."""
        left = self._reader._bytes_to_discard  # a number up to h11 0.14; the bytes themselves, and checked, after it
        if isinstance(left, int) and left > 0 and not b"\r\n"[-left:].startswith(bytes(buf._data[:left])):
            raise LocalProtocolError("a chunk without its end")
