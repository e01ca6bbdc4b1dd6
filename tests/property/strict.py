"""A strict reader of HTTP/1.1, both ways: what stands on the wire can be read in one way only, or is refused.

Rules this file keeps: it shares nothing with the code under test, it is no library of which another version might
forgive more, and nothing is left over. A request has its length in Content-Length or has no body at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, 5.6.2
_LINE = re.compile(rb"([A-Z]+) (/[\x21-\x22\x24-\x7e]*) HTTP/1\.1")  # origin form, without a '#'
_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\x20-\x7e]*")
_FIELD = re.compile(rb"(%s): ((?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?)" % _TOKEN)
_LENGTH = re.compile(r"0|[1-9][0-9]{0,12}")
_END = b"\r\n\r\n"

Headers = tuple[tuple[str, str], ...]


class NotStrict(Exception):
    """Here the bytes can be read in more than one way, or in none; the message says why."""


@dataclass(frozen=True)
class Message:
    """A request or an answer. `start` is (method, target) or (status,); names of header fields are lower case."""

    start: tuple[str, ...]
    headers: Headers
    body: bytes = field(default=b"", repr=False)

    def all(self, name: str) -> list[str]:
        """Every value of a header field, in order."""
        return [value for key, value in self.headers if key == name]


def requests(record: bytes) -> list[Message]:
    """Every request of a connection. Raises NotStrict."""
    found = []
    at = 0
    while at < len(record):
        start, headers, at = _head(record, at, _LINE)
        message = Message(start, headers)
        if message.all("transfer-encoding"):
            raise NotStrict("a request with Transfer-Encoding")
        body, at = _body(record, at, message)
        found.append(Message(start, headers, body))
    return found


def answers(heard: bytes, head_asked: bool) -> list[Message]:
    """Every answer that a client got. Raises NotStrict.

    `head_asked`: some requests may have been HEAD, whose answers have a length and no body. Bodies here never begin
    like an answer, so that the two can be told apart.
    """
    found = []
    at = 0
    while at < len(heard):
        start, headers, at = _head(heard, at, _STATUS)
        message = Message(start, headers)
        if message.all("transfer-encoding"):
            raise NotStrict("an answer with Transfer-Encoding")
        body = b""
        bare = start[0] in ("204", "304") or start[0][0] == "1"
        if not bare and not (head_asked and (at == len(heard) or heard.startswith(b"HTTP/1.1 ", at))):
            if not message.all("content-length"):
                raise NotStrict("an answer without Content-Length")
            body, at = _body(heard, at, message)
        found.append(Message(start, headers, body))
    return found


def _head(data: bytes, at: int, line: re.Pattern[bytes]) -> tuple[tuple[str, ...], Headers, int]:
    end = data.find(_END, at)
    if end < 0:
        raise NotStrict(f"no end of a head: {data[at : at + 200]!r}")
    first, *rest = data[at:end].split(b"\r\n")
    match = line.fullmatch(first)
    if not match:
        raise NotStrict(f"first line {first[:200]!r}")
    headers = []
    for each in rest:
        field_ = _FIELD.fullmatch(each)
        if not field_:
            raise NotStrict(f"header line {each[:200]!r}")
        headers.append((field_[1].decode().lower(), field_[2].decode()))
    return tuple(group.decode() for group in match.groups()), tuple(headers), end + len(_END)


def _body(data: bytes, at: int, message: Message) -> tuple[bytes, int]:
    lengths = message.all("content-length")
    if len(lengths) > 1:
        raise NotStrict("two lengths")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise NotStrict(f"a length of {lengths[0][:40]!r}")
    end = at + int(lengths[0] if lengths else "0")
    if end > len(data):
        raise NotStrict(f"a body that ends {end - len(data)} bytes early")
    return data[at:end], end
