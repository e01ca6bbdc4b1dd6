"""Upload bodies: read strictly, written afresh.

Rules this file keeps. A body is read only if every reader would find the same files in it; any other is refused, never
repaired and never trimmed: pict-rs's own reader (actix-multipart) obeys a part's Content-Length, takes the first of two
headers, ends a file at a bare CR, and much more that others read otherwise. The grammar below holds what ordinary
clients send, and nothing else. What is written holds the data of the given parts and not one byte of their headers.
Values in, values out. Time is linear in the body; memory is the body and one copy of its files, both ways.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import multipart

CRLF = b"\r\n"
FIELD_NAME = b"images[]"
"""The only form field that pict-rs has, for `/image` and `/internal/import` alike."""
SAFE_FILENAME = "upload"
"""pict-rs wants a file name with every file and, but for `/internal/import`, does not look at it."""
PLAIN_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,128}")
"""File names that are written: for `/internal/import` the name becomes the alias, so it is what a path may hold."""

MAX_HEAD_BYTES = 4096
"""Headers of one part, the empty line left out: a file name of 255 bytes that is all escaped is 765."""
MAX_FINAL_BREAKS = 2
"""CRLFs after the closing boundary: most clients send one, Go and curl too; axios up to 1.7 sent two."""
BOUNDARY_BYTES = 24
"""Random bytes in a boundary that is written, as 48 hex digits: a file cannot be made to hold it."""
MAX_DRAWS = 8
"""Boundaries tried before giving up: not even the second is ever needed, unless the source of randomness is broken."""

# RFC 2046 5.1.1 has the characters; unquoted, only those that may stand in a token (RFC 2045 5.1). Nobody sends spaces.
_CHARSET = rb"; ?charset=(?i:utf-8|iso-8859-1|us-ascii)"
_REQUEST_TYPE = re.compile(
    rb"multipart/form-data(?P<before>" + _CHARSET + rb")?"
    rb"; ?boundary=(?:(?P<token>[0-9A-Za-z'+_.-]{1,70})|\"(?P<quoted>[0-9A-Za-z'()+_,./:=?-]{1,70})\")"
    rb"(?(before)|(?:" + _CHARSET + rb")?)"
)
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_DISPOSITION = re.compile(
    rb'form-data; name="(?P<name>[^"\\\x00-\x1f\x7f]*)"; filename="(?P<filename>[^"\\\x00-\x1f\x7f]+)"'
)
# A part that is itself multipart, or a message, has parts of its own to some readers.
_PART_TYPE = re.compile(
    rb'(?!(?i:multipart|message)/)%(t)s/%(t)s(?:; ?%(t)s=(?:%(t)s|"[ !#-\[\]-~]*"))*' % {b"t": _TOKEN},
)
# Whether it is true is checked by the library.
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,18}")
# base64 and quoted-printable would be decoded by a mail reader and are not by actix-multipart.
_ENCODING = re.compile(rb"binary")
_PART_HEADERS = {
    b"content-disposition": _DISPOSITION,
    b"content-type": _PART_TYPE,
    b"content-length": _LENGTH,
    b"content-transfer-encoding": _ENCODING,
}
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")  # RFC 6838 4.2


class MultipartError(Exception):
    """The body was refused. `message` is fit for the client and the log: it escapes what it quotes of the body.

    415: the request's Content-Type cannot be read. 400: all else, sizes too, because Lemmy drops the body of a 413.
    """

    def __init__(self, status: Literal[400, 415], message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Part:
    """One file of an upload.

    filename: the name as it was sent, percent escapes and all. What is to be written has a plain one: SAFE_FILENAME, or
    the alias of an import.
    content_type: None as read, since what a client says is worth nothing; whoever looked at the data sets it.
    """

    filename: str
    content_type: str | None
    data: bytes = field(repr=False)


def parse(content_type: Sequence[bytes], body: bytes, *, max_files: int, max_file_bytes: int) -> list[Part]:
    """The files of an upload, in order, at least one. Raises MultipartError.

    content_type: every Content-Type header value of the request, raw. max_file_bytes: the largest file, in bytes.
    """
    boundary = _boundary(content_type)
    delimiter = b"--" + boundary
    delimiters = _check_frame(body, delimiter, max_files)
    parts: list[Part] = []
    filename, cursor = _read_head(body, len(delimiter) + len(CRLF))
    data = b""
    try:
        with multipart.PushMultipartParser(
            boundary,
            strict=True,
            max_header_size=MAX_HEAD_BYTES,
            max_header_count=len(_PART_HEADERS),
            max_segment_count=max_files,
        ) as parser:
            for event in parser.parse(body):
                if isinstance(event, bytes):
                    data += event  # whole files come in one piece, so this copies nothing
                    if len(data) > max_file_bytes:
                        _refuse(f"a file of more than {max_file_bytes} bytes")
                elif event is None:
                    parts.append(Part(filename, None, data))
                    # The next headers are checked here, before the library goes on and reads them its own way.
                    cursor += len(data) + len(CRLF) + len(delimiter)
                    if body.startswith(CRLF, cursor):
                        filename, cursor = _read_head(body, cursor + len(CRLF))
                    data = b""
    except multipart.MultipartError as error:
        raise MultipartError(400, f"not a form: {error.args[0]}") from error
    if len(parts) != delimiters - 1:
        _refuse("the boundary occurs where no part begins or ends")
    return parts


def serialise(
    parts: Sequence[Part], token: Callable[[], str] = lambda: secrets.token_hex(BOUNDARY_BYTES)
) -> tuple[str, bytes]:
    """A new body with these parts, as (Content-Type value, body). `token` draws a boundary.

    Each part says its length. actix-multipart before 0.8 (pict-rs up to 0.4) looks for a delimiter in what one read of
    the network gave, and misses one that a read cut behind its two hyphens: two files became one that nobody judged.
    It obeys a part's length instead where there is one, and the versions after it take it too.

    Raises ValueError for no parts at all, for a content_type that is not a plain type/subtype, None included, and for a
    file name with anything but letters, digits, `.`, `_` and `-`.
    """
    if not parts:
        raise ValueError("an upload without a file")
    for part in parts:
        if part.content_type is None or not _MEDIA_TYPE.fullmatch(part.content_type):
            raise ValueError(f"{part.content_type!r} is not a media type; set the one that the data was found to have")
        if not PLAIN_NAME.fullmatch(part.filename):
            raise ValueError(f"{part.filename!r} is not a plain file name")
    for _ in range(MAX_DRAWS):
        boundary = token()
        if not any(boundary.encode() in part.data for part in parts):
            break
    else:
        raise ValueError("every boundary drawn occurs in the data")
    pieces: list[bytes] = []
    for part in parts:
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{FIELD_NAME.decode()}"; filename="{part.filename}"\r\n'
            f"Content-Type: {part.content_type}\r\n"
            f"Content-Length: {len(part.data)}\r\n\r\n"
        )
        pieces += [head.encode(), part.data, CRLF]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def _refuse(message: str) -> NoReturn:
    raise MultipartError(400, message)


def _boundary(content_type: Sequence[bytes]) -> bytes:
    if len(content_type) != 1:
        raise MultipartError(415, f"{len(content_type)} Content-Type headers")
    match = _REQUEST_TYPE.fullmatch(content_type[0])
    if not match:
        raise MultipartError(
            415, f"Content-Type {content_type[0][:200]!r} is not multipart/form-data with one boundary"
        )
    boundary: bytes = match["token"] or match["quoted"]
    return boundary


def _check_frame(body: bytes, delimiter: bytes, max_files: int) -> int:
    """What holds for the body as a whole; the number of delimiters in it."""
    if not body.startswith(delimiter + CRLF):
        _refuse("the body does not begin with its boundary")
    end = len(body)
    for _ in range(MAX_FINAL_BREAKS):
        if body.endswith(CRLF, 0, end):
            end -= len(CRLF)
    if not body.endswith(CRLF + delimiter + b"--", 0, end):
        _refuse("the body does not end with its closing boundary")
    delimiters = body.count(delimiter)
    if delimiters - 1 > max_files:
        _refuse(f"more than {max_files} files")
    return delimiters


def _read_head(body: bytes, start: int) -> tuple[str, int]:
    """The headers of the part that begin at `start`: its file name, and where its data begins."""
    end = body.find(CRLF * 2, start, start + MAX_HEAD_BYTES + len(CRLF * 2))
    if end < 0:
        _refuse(f"part headers without an end, or of more than {MAX_HEAD_BYTES} bytes")
    found: dict[bytes, re.Match[bytes]] = {}
    for line in body[start:end].split(CRLF):
        name, _, value = line.partition(b": ")
        name = name.lower()
        grammar = _PART_HEADERS.get(name)
        if grammar is None:
            _refuse(f"part header {name[:40]!r}")
        if name in found:
            _refuse(f"part header {name!r} twice")
        match = grammar.fullmatch(value)
        if not match:
            _refuse(f"part header {name!r} with a value that cannot be read in one way only")
        found[name] = match
    if b"content-disposition" not in found:
        _refuse("a part without Content-Disposition")
    disposition = found[b"content-disposition"]
    if disposition["name"] != FIELD_NAME:
        _refuse(f"form field {disposition['name'][:40]!r}")
    try:
        filename = disposition["filename"].decode()
    except UnicodeDecodeError:
        raise MultipartError(400, "a file name that is not UTF-8") from None
    if filename.rpartition("/")[2] in ("", ".", ".."):
        _refuse("a part without a file name")  # pict-rs refuses these too, after it has begun to store earlier parts
    return filename, end + len(CRLF * 2)
