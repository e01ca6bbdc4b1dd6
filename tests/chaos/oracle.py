"""What reached pict-rs, byte for byte, against what an undisturbed judge lets pass. Values in, values out."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Iterable, Mapping

from tests.chaos.pictures import Gallery
from tests.http1 import Request, read_request

_BOUNDARY = re.compile(r'multipart/form-data; boundary="?([0-9a-f]{48})"?')


def unjudged(raw: Iterable[bytes], staged: Iterable[bytes], gallery: Gallery) -> list[str]:
    """What came that may not have come, in words. `raw` has an item a connection, `staged` one a body for a callback.

    A connection may end anywhere: what there is must then be the beginning of something that may come.
    """
    wrong = [f"a staged body of {len(body)} bytes" for body in staged if not _judged(body, gallery.passed)]
    for record in raw:
        requests, rest = split(record)
        for request in requests:
            wrong += [f"{request.method} {request.target}: {why}" for why in _wrong(request, gallery.passed)]
        wrong += [f"at the end of a connection: {why}" for why in _wrong_rest(rest, gallery.passed)]
        wrong += ["a piece of a forbidden picture" for piece in gallery.traces if piece in record]
    return wrong


def split(record: bytes) -> tuple[list[Request], bytes]:
    """The whole requests of a connection, and what comes behind them."""
    stream, found = io.BytesIO(record), []
    at = 0
    with contextlib.suppress(ValueError):
        while request := read_request(stream):
            found.append(request)
            at = stream.tell()
    return found, record[at:]


def files(request: Request) -> list[bytes] | None:
    """The files of an upload as the filter writes it; None when it is not written like that."""
    named = _BOUNDARY.fullmatch("".join(request.header("content-type")))
    if named is None:
        return None
    mark = f"--{named[1]}".encode()
    first, *pieces = (b"\r\n" + request.body).split(b"\r\n" + mark)
    if first or not pieces or pieces[-1] != b"--\r\n":
        return None
    parts = [piece.partition(b"\r\n\r\n") for piece in pieces[:-1]]
    return [data for _, _, data in parts]


def _judged(data: bytes, passed: Mapping[str, bytes]) -> bool:
    return hashlib.sha256(data).hexdigest() in passed


def _wrong(request: Request, passed: Mapping[str, bytes]) -> list[str]:
    if not request.body:
        return []
    found = files(request)
    if request.method != "POST" or not found:
        return [f"a body of {len(request.body)} bytes that is no upload of the filter"]
    return [f"a file of {len(data)} bytes" for data in found if not _judged(data, passed)]


def _wrong_rest(rest: bytes, passed: Mapping[str, bytes]) -> list[str]:
    head, ended, body = rest.partition(b"\r\n\r\n")
    if not ended or not body:
        return []
    boundary = re.search(_BOUNDARY.pattern.encode(), head)
    if boundary is None:
        return ["a body that is no upload of the filter"]
    mark = b"--" + boundary[1]
    while body:
        start, ended, data = body.partition(b"\r\n\r\n")
        if not ended:  # within the head of a part, or the last mark
            return [] if mark.startswith(start) or _within(start.removeprefix(mark)) else ["something that is no part"]
        if any(allowed.startswith(data) for allowed in passed.values()):
            return []
        after = [data[len(allowed) :] for allowed in passed.values() if data.startswith(allowed)]
        going_on = [each for each in after if (b"\r\n" + mark).startswith(each) or each.startswith(b"\r\n" + mark)]
        if not going_on:
            return [f"{len(data)} bytes that begin no picture that passed"]
        body = going_on[0].removeprefix(b"\r\n") if len(going_on[0]) > 2 else b""
    return []


def _within(tail: bytes) -> bool:
    """Whether this, behind a mark, is the end of a form or the head of a part, or begins one."""
    return b"--\r\n".startswith(tail) or (len(tail) < 1024 and tail.startswith(b"\r") and tail.isascii())
