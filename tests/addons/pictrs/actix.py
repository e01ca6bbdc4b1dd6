"""A second reader of upload bodies, for tests: it reads them as pict-rs does, mistakes included, and refuses little.

    read    what pict-rs would ingest: actix-multipart, then actix-form-data with its one field `images[]`
    fields  what actix-multipart alone would hand over

Two releases differ: "0.6" (pict-rs 0.4; it needs no multipart type and takes odd first lines) and "0.8" (pict-rs
0.5.25). Written from their sources' behaviour and compared with the real crates 0.6.1 and 0.8.5, field by field, on
tens of thousands of mutated bodies that came in one chunk; how a body is cut into chunks is not modelled here.
Rule this file keeps: it shares nothing with the code under test.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Release = Literal["0.6", "0.8"]
RELEASES: tuple[Release, ...] = ("0.6", "0.8")

MAX_HEADERS = 32
MAX_U64 = 2**64 - 1
TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")


class UnreadableError(Exception):
    """actix answers with an error (or panics, or waits for ever) at this point of the body."""


@dataclass(frozen=True)
class Field:
    """One part as actix-multipart hands it over."""

    name: str | None
    filename: str | None
    data: bytes


@dataclass(frozen=True)
class Reading:
    """What was handed over, in order, and what ended it: None for the closing boundary."""

    fields: tuple[Field, ...]
    error: str | None

    @property
    def files(self) -> list[bytes]:
        """The data alone."""
        return [field.data for field in self.fields]


def read(content_types: Sequence[bytes], body: bytes, release: Release = "0.6") -> Reading:
    """What pict-rs ingests. Fields before an error count: pict-rs stores a file while it still reads the next one."""
    reading = fields(content_types, body, release)
    ingested: list[Field] = []
    for field in reading.fields:
        if not re.fullmatch(r"images\]*\[\]", field.name or "", re.DOTALL):
            return Reading(tuple(ingested), f"no such field: {field.name!r}")
        steps = [step for step in (field.filename or "").split("/") if step not in ("", ".")]
        if not steps or steps[-1] == "..":
            return Reading(tuple(ingested), "no file name")
        ingested.append(field)
    return Reading(tuple(ingested), reading.error)


def fields(content_types: Sequence[bytes], body: bytes, release: Release = "0.6") -> Reading:
    """What actix-multipart hands over, whatever the fields are called."""
    found: list[Field] = []
    try:
        kind, boundary = _boundary(content_types, release)
        at, last = _first_line(body, boundary, release)
        while not last:
            field, at = _field(body, at, boundary, named=release == "0.6" or kind == "form-data")
            found.append(field)
            at, last = _boundary_line(body, at, boundary)
    except UnreadableError as error:
        return Reading(tuple(found), str(error))
    return Reading(tuple(found), None)


def _boundary(content_types: Sequence[bytes], release: Release) -> tuple[str, bytes]:
    if not content_types:
        raise UnreadableError("no content type")
    value = _visible(content_types[0])  # the first of several
    if value is None:
        raise UnreadableError("content type: not ASCII")
    top, sub, params = _mime(value)
    if release == "0.8" and top != "multipart":
        raise UnreadableError("content type: not multipart")
    boundary = next((value for name, value in params if name == "boundary"), None)  # the first of several, again
    if boundary is None or (release == "0.8" and not boundary):
        raise UnreadableError("no boundary")
    return sub, boundary.encode()


def _visible(value: bytes) -> str | None:
    return value.decode() if all(byte == 9 or 32 <= byte < 127 for byte in value) else None


def _mime(text: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Type, subtype and parameters as the crate `mime` 0.3 takes them."""
    match = re.match(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)/([!#$%&'*+.^_`|~0-9A-Za-z-]*)", text)
    if not match:
        raise UnreadableError("content type: no type")
    params: list[tuple[str, str]] = []
    at = match.end()
    if at < len(text) and (text[at] != ";" or not match[2]):
        raise UnreadableError("content type: odd subtype")
    at += 1
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        name, equals, _ = text[at:].partition("=")
        if not name or not equals or not TOKEN.issuperset(name):
            raise UnreadableError("content type: odd parameter")
        at += len(name) + 1
        if text[at : at + 1] == '"':
            end = text.find('"', at + 2)  # a quote right after the opening one does not close it
            if end < 0 or any(char < " " for char in text[at:end]):
                raise UnreadableError("content type: odd quoted value")
            params.append((name.lower(), text[at + 1 : end]))
            rest = text[end + 1 :].lstrip(" ")
            if rest and rest[0] != ";":
                raise UnreadableError("content type: text after a quoted value")
            at = len(text) - len(rest) + 1
        else:
            value, semicolon, _ = text[at:].partition(";")
            if not TOKEN.issuperset(value) or (semicolon and not value):
                raise UnreadableError("content type: odd value")
            params.append((name.lower(), value))
            at += len(value) + 1
    return match[1].lower(), match[2].lower(), params


def _line(body: bytes, at: int) -> bytes:
    end = body.find(b"\n", at)
    if end < 0:
        raise UnreadableError("incomplete")
    return body[at : end + 1]


def _first_line(body: bytes, boundary: bytes, release: Release) -> tuple[int, bool]:
    """Skip to the first boundary line. 0.6 does not look at the last two bytes of that line, whatever they are."""
    at, size = 0, len(boundary)
    while True:
        line = _line(body, at)
        at += len(line)
        if release == "0.8":
            if line == b"--" + boundary + b"\r\n":
                return at, False
            if line == b"--" + boundary + b"--\r\n":
                return at, True
            continue
        if len(line) < size:
            continue
        if len(line) < 2 or line == b"--\n":
            raise UnreadableError("panic")
        if line.startswith(b"--") and line[2:-2] == boundary:
            return at, False
        if line.startswith(boundary + b"--"):
            return at, True


def _boundary_line(body: bytes, at: int, boundary: bytes) -> tuple[int, bool]:
    end = body.find(b"\n", at) + 1 or len(body)
    line = body[at:end]
    if line == b"--" + boundary + b"\r\n":
        return end, False
    if line in (b"--" + boundary + b"--", b"--" + boundary + b"--\r\n"):
        return end, True
    raise UnreadableError("not a boundary line")


def _field(body: bytes, at: int, boundary: bytes, *, named: bool) -> tuple[Field, int]:
    end = body.find(b"\r\n\r\n", at)
    if end < 0:
        raise UnreadableError("incomplete")
    headers = _headers(body[at : end + 4])
    disposition = _disposition(headers.get("content-disposition"))
    name = None if disposition is None else disposition.get("name")
    if named and name is None:
        raise UnreadableError("no content disposition, or no name in it")
    content_type = _visible(headers.get("content-type", b""))
    if content_type and _is_multipart(content_type):
        raise UnreadableError("nested")
    if "content-length" in headers:
        data, at = _by_length(body, end + 4, headers["content-length"])
    else:
        data, at = _by_boundary(body, end + 4, boundary)
    at += len(_line(body, at))  # whatever stands there, up to the line feed, is dropped
    return Field(name, None if disposition is None else disposition.get("filename"), data), at


def _is_multipart(content_type: str) -> bool:
    try:
        return _mime(content_type)[0] == "multipart"
    except UnreadableError:
        return False


def _headers(block: bytes) -> dict[str, bytes]:
    """Header lines as `httparse` takes them: LF will do, an empty line ends them early. The first of a name wins."""
    headers: dict[str, bytes] = {}
    seen = 0
    while True:
        if block.startswith((b"\r\n", b"\n")):
            return headers
        match = re.match(
            rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)\r?\n", block
        )  # no space before the colon, no folding
        if not match:
            raise UnreadableError("headers")
        seen += 1
        if seen > MAX_HEADERS:
            raise UnreadableError("too many headers")
        headers.setdefault(match[1].decode().lower(), match[2].rstrip(b" \t"))
        block = block[match.end() :]


def _disposition(value: bytes | None) -> dict[str, str] | None:
    """`name` and `filename`, the first of each; None for what actix-web cannot read or what is not form-data."""
    try:
        text = (value or b"").decode().strip()
    except UnicodeDecodeError:
        return None
    kind, left = _split(text, ";")
    found: dict[str, str] = {}
    while left:
        name, left = _split(left, "=")
        if not name or name == "*" or not left:
            return None
        if name.endswith("*"):
            extended, left = _split(left, ";")
            if not re.fullmatch(r"[^']*'(?:[A-Za-z]{2,8}(?:-[A-Za-z0-9]{2,8})*)?'.*", extended, re.DOTALL):
                return None
            continue
        if left.startswith('"'):
            match = re.match(r'"((?:\\.|[^\\"])*)"', left, re.DOTALL)
            if not match:
                return None
            content = re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)
            left = left[match.end() :].partition(";")[2].lstrip()  # text between the quote and the semicolon is dropped
        else:
            content, left = _split(left, ";")
            if not content:
                return None
        found.setdefault(name.lower(), content)
    return found if kind.lower() == "form-data" else None


def _split(text: str, at: str) -> tuple[str, str]:
    before, _, after = text.partition(at)
    return before.rstrip(), after.lstrip()


def _by_length(body: bytes, at: int, length: bytes) -> tuple[bytes, int]:
    """The number of bytes that the part declares, whatever is in them."""
    if not re.fullmatch(rb"\+?[0-9]+", length) or int(length) > MAX_U64:
        raise UnreadableError("content length")
    end = at + int(length)
    if end > len(body):
        raise UnreadableError("incomplete")
    return body[at:end], end


def _by_boundary(body: bytes, at: int, boundary: bytes) -> tuple[bytes, int]:
    """All up to CR LF -- boundary, or CR -- boundary without the LF."""
    match = re.compile(rb"\r\n?--" + re.escape(boundary)).search(body, at)
    if not match:
        raise UnreadableError("incomplete")
    return body[at : match.start()], match.start()
