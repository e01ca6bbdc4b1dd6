"""What is read of a chunked body does not depend on how it comes, and a body that only costs work is refused."""

from __future__ import annotations

import pytest
from h11 import Data, EndOfMessage, LocalProtocolError, RemoteProtocolError
from h11._receivebuffer import ReceiveBuffer

from addons import chunks
from addons.chunks import StrictChunks

PLAIN = b"5\r\nhello\r\n6;note=x\r\n world\r\n0\r\n\r\n"


def read(sent: bytes, piece: int, rest: bytes = b"") -> tuple[bytes, bool, bytes]:
    """(body, whether it ended, what is left over) of bytes that come in pieces."""
    reader, buf, body = StrictChunks(), ReceiveBuffer(), bytearray()
    sent += rest
    for start in range(0, len(sent), piece):
        buf += sent[start : start + piece]
        while (found := reader(buf)) is not None:
            if isinstance(found, EndOfMessage):
                return bytes(body), True, bytes(buf) + sent[start + piece :]
            body += found.data
    return bytes(body), False, bytes(buf)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_a_body_is_read_however_it_comes(piece: int) -> None:
    assert read(PLAIN, piece) == (b"hello world", True, b"")
    assert read(PLAIN, piece, b"GET / HTTP/1.1") == (b"hello world", True, b"GET / HTTP/1.1")
    assert read(PLAIN[:-1], piece)[:2] == (b"hello world", False)


def test_many_chunks_make_one_piece() -> None:
    reader, buf = StrictChunks(), ReceiveBuffer()
    buf += b"1\r\nx\r\n" * 1000
    found = reader(buf)
    assert isinstance(found, Data)
    assert found.data == b"x" * 1000
    assert reader(buf) is None


@pytest.mark.parametrize("piece", [1, 2, 1000])
@pytest.mark.parametrize(
    "sent",
    [
        b"x\r\nhello\r\n0\r\n\r\n",
        b"-1\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\r\nhello\rX0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello world\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"f" * 21 + b"\r\nhello\r\n0\r\n\r\n",
    ],
    ids=repr,
)
def test_what_is_not_a_chunked_body_is_refused(sent: bytes, piece: int) -> None:
    with pytest.raises(LocalProtocolError):
        read(sent, piece)


@pytest.mark.parametrize("start", [b"5;", b"5", b"0\r\nX: "], ids=["extension", "size", "trailer"])
def test_a_line_without_end_is_not_waited_for(start: bytes) -> None:
    under = start + b"0" * (chunks.MAX_LINE_BYTES - 100)
    assert read(under, 1000)[:2] == (b"", False)
    with pytest.raises(LocalProtocolError):
        read(start + b"0" * (chunks.MAX_LINE_BYTES + 1000), 1000)


@pytest.mark.parametrize(("size", "passes"), [(1, False), (64, False), (128, True)])
def test_chunks_that_are_mostly_framing_are_refused(size: int, passes: bool) -> None:
    count = 40_000  # 200 KB of framing
    sent = (b"%x\r\n" % size + b"x" * size + b"\r\n") * count
    if passes:
        assert read(sent, 65536)[0] == b"x" * size * count
    else:
        with pytest.raises(LocalProtocolError, match="framing"):
            read(sent, 65536)


def test_a_small_body_may_come_in_chunks_of_one_byte() -> None:
    assert read(b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n", 1000) == (b"x" * 10_000, True, b"")


def test_an_early_end_is_an_error() -> None:
    with pytest.raises(RemoteProtocolError):
        StrictChunks().read_eof()
