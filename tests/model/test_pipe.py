"""Messages arrive as they were sent, and lengths are looked at before anything is read."""

from __future__ import annotations

import io

import pytest

from model.pipe import MAX_HEADER_BYTES, PREFIX, MessageError, head, lengths, parse, read, write


def test_a_message_there_and_back() -> None:
    stream = io.BytesIO()
    write(stream, {"name": "jpeg"}, [memoryview(b"abc"), memoryview(bytearray(b"de"))])
    write(stream, {"last": True})
    stream.seek(0)
    assert read(stream, 5) == ({"name": "jpeg"}, b"abcde")
    assert read(stream, 5) == ({"last": True}, b"")
    assert read(stream, 5) is None


def test_a_message_that_breaks_off_is_the_end() -> None:
    message = head({"name": "jpeg"}, 3) + b"abc"
    assert read(io.BytesIO(message), 3)
    for cut in range(len(message)):
        assert read(io.BytesIO(message[:cut]), 3) is None


def test_lengths_at_the_limit_and_beyond() -> None:
    assert lengths(PREFIX.pack(MAX_HEADER_BYTES, 7), 7) == (MAX_HEADER_BYTES, 7)
    for header, body in ((MAX_HEADER_BYTES + 1, 7), (1, 8), (2**32 - 1, 2**64 - 1)):
        with pytest.raises(MessageError, match=f"{header} and {body}"):
            lengths(PREFIX.pack(header, body), 7)


def test_nothing_is_read_of_a_message_that_is_too_long() -> None:
    stream = io.BytesIO(head({}, 8) + b"12345678")
    with pytest.raises(MessageError):
        read(stream, 7)
    assert stream.tell() == PREFIX.size


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'"ok"', b"\xff\xfe", b"[" * 60_000, b"9" * 5000],
    ids=["empty", "open", "list", "null", "text", "no-utf8", "deep", "long-number"],
)
def test_a_header_that_is_no_object(text: bytes) -> None:
    with pytest.raises(MessageError, match="a header that is not"):
        parse(text)
