"""Changes of plain bytes, for what is spoilt without knowing what it is."""

from __future__ import annotations

from random import Random

from tests.property.drafts import SMUGGLED

MOST_BYTES = 100_000
"""What is longer is cut: splicing would else grow it without end."""

PIECES = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\x00", b"\x80", b"\xff", b"\t", b" ", b":", b": ", b";", b","),
    *(b"#", b"?", b"&", b"=", b"%", b"%00", b"%0d%0a", b"%2f", b"%252f", b"/", b"//", b"..", b"\\", b'"', b"'"),
    *(b"0\r\n\r\n", b"1\r\nx\r\n", b"--b1", b"--b1--\r\n", b"images[]", b"forbidden", b"proxy=", b"alias="),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n", b"Content-Length: 9\r\n", b"Host: x\r\n"),
    *(b"Connection: close\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"X-Api-Token: x\r\n"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"GET ", b"POST ", b"HEAD ", b"/image", b"/internal/import", b"/image/process.webp"),
    *(b"http://pictures.test/forbidden/1.png", b"multipart/form-data; boundary=b1", SMUGGLED),
)
"""What means something to some reader."""


def mangle(data: bytes, random: Random, others: tuple[bytes, ...] = ()) -> bytes:
    """The bytes with one to four changes; `others` are there to be spliced in."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        data = _once(data, random, others)[:MOST_BYTES]
    return data


def _once(data: bytes, random: Random, others: tuple[bytes, ...]) -> bytes:
    start, end = _span(data, random)
    match random.randrange(8 if others else 7):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:end] + data[start:end] + data[end:]
        case 2 | 3:
            return data[:start] + random.choice(PIECES) + data[start:]
        case 4:
            return data[:start] + random.choice(PIECES) + data[end:]
        case 5:
            return data[:start] + bytes([random.randrange(256)]) + data[start + 1 :]
        case 6:
            other, until = _span(data, random)
            return data[:start] + data[other:until] + data[start:]
        case _:
            source = random.choice(others)
            first, last = _span(source, random)
            return data[:start] + source[first:last] + data[end:]


def _span(data: bytes, random: Random) -> tuple[int, int]:
    """A stretch of bytes: whole lines, one time in two."""
    if random.randrange(2):
        lines = data.split(b"\n")
        first = random.randrange(len(lines))
        start = sum(len(line) + 1 for line in lines[:first])
        return min(start, len(data)), min(start + len(lines[first]) + 1, len(data))
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((1, 1, 2, 4, 16, 64)))
