"""The messages between the pool and a decoder: a JSON header and a block of bytes, each with its length in front.

Both ends use this file. Lengths are checked before anything is read, as the decoder's end is not to be trusted.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import BinaryIO

PREFIX = struct.Struct(">IQ")
"""Length of the header and length of the body, in bytes."""
MAX_HEADER_BYTES = 64 * 1024
"""The longest is the first one to a decoder, with about 120 bytes for each model's view."""


class MessageError(ValueError):
    """Bytes that are no message, or a longer one than was agreed."""


def head(header: dict[str, object], body_bytes: int) -> bytes:
    """What goes before a body of so many bytes."""
    text = json.dumps(header).encode()
    return PREFIX.pack(len(text), body_bytes) + text


def lengths(prefix: bytes, max_body: int) -> tuple[int, int]:
    """(bytes of the header, bytes of the body) that follow a prefix; MessageError if either is beyond its limit."""
    header_bytes, body_bytes = PREFIX.unpack(prefix)
    if header_bytes > MAX_HEADER_BYTES or body_bytes > max_body:
        raise MessageError(f"a message of {header_bytes} and {body_bytes} bytes")
    return header_bytes, body_bytes


def parse(text: bytes) -> dict[str, object]:
    """The header; MessageError if it is not a JSON object."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"a header that is not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise MessageError("a header that is not a JSON object")
    return header


def write(stream: BinaryIO, header: dict[str, object], parts: Iterable[memoryview] = ()) -> None:
    """Send one message, blocking; for the decoder's end."""
    blocks = [part.cast("B") for part in parts]
    stream.write(head(header, sum(map(len, blocks))))
    for block in blocks:
        stream.write(block)
    stream.flush()


def read(stream: BinaryIO, max_body: int) -> tuple[dict[str, object], bytes] | None:
    """Receive one message, blocking; None at the end of the stream. For the decoder's end. MessageError, as above."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header_bytes, body_bytes = lengths(prefix, max_body)
    text, body = stream.read(header_bytes), stream.read(body_bytes)
    return (parse(text), body) if (len(text), len(body)) == (header_bytes, body_bytes) else None
