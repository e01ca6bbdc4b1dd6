"""HTTP/1.1 for tests, both sides: what a client asks and hears, what a server reads and says.

Rules this file keeps: lenient and literal. Nothing is normalised on the way out, nothing unescaped, folded or merged on
the way in; so a test sees what was on the wire and not what a library made of it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, BinaryIO

MOST_BYTES = 1 << 30  # of a body that is read; beyond, a length is taken for nonsense
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    address: tuple[str, int],
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
    timeout: float = 30.0,
) -> Answer:
    """One request on a connection of its own. The target goes out exactly as given."""
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=timeout)) as connection:
        connection.request(method, target, body, dict(headers))
        with connection.getresponse() as response:
            return Answer(response.status, response.headers, response.read())


def form(*files: bytes, name: str = "images[]", filename: str = "picture") -> tuple[dict[str, str], bytes]:
    """(headers, body) of a multipart upload, written as a browser writes it."""
    boundary = secrets.token_hex(16)
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    head = f"--{boundary}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
    body = b"".join(head + data + b"\r\n" for data in files) + f"--{boundary}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def upload(address: tuple[str, int], *files: bytes, target: str = "/image") -> Answer:
    """Upload files in one request, as `images[]`."""
    headers, body = form(*files)
    return ask(address, "POST", target, body, headers)


@dataclass(frozen=True)
class Request:
    """One request as it came, read leniently: nothing is unescaped, folded or merged."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def write_answer(status: int, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> bytes:
    """A whole HTTP/1.1 answer. Content-Length is set, unless framing is given or the status has no body (204, 304)."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    framed = {name.lower() for name in headers} & {"content-length", "transfer-encoding"}
    if not framed and status not in (204, 304):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def read_request(stream: BinaryIO) -> Request | None:
    """The next request of a stream, or None at its end. Raises ValueError where no request can be made out."""
    line = stream.readline()
    if not line:
        return None
    method, target, version = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (each.partition(":") for each in _lines(stream))]
    request = Request(method, target, version, headers)
    if "chunked" not in "".join(request.header("transfer-encoding")).lower():
        return replace(request, body=_exactly(stream, int((request.header("content-length") or ["0"])[0])))
    body = bytearray()
    while size := int(stream.readline().split(b";")[0], 16):
        body += _exactly(stream, size)
        stream.readline()
    for _ in _lines(stream):
        pass  # trailers; they are in the record
    return replace(request, body=bytes(body))


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Lines up to an empty one."""
    while line := stream.readline().decode("latin-1"):
        if line in ("\r\n", "\n"):
            return
        yield line.rstrip("\r\n")
    raise ValueError("the head has no end")


def _exactly(stream: BinaryIO, size: int) -> bytes:
    if not 0 <= size <= MOST_BYTES:
        raise ValueError(f"a length of {size}")
    data = stream.read(size)
    if len(data) < size:
        raise ValueError(f"the body ends {size - len(data)} bytes early")
    return data
