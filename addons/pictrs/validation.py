"""The request of pict-rs's own hook: the file in it, read strictly.

pict-rs (0.4.3 and later) sends what it has just stored to the address in PICTRS__MEDIA__EXTERNAL_VALIDATION: a second
line behind the first, which sees every file that comes in, whatever way it came. Two shapes are known, both seen:

    0.4.8, 0.5.25   Content-Type: image/png         the body is the file
    0.6.0-rc.6      Content-Type: image/png         the body is a form with the file as its only part. reqwest's
                    Content-Type: multipart/...     `multipart()` adds a header beside the one that is there.

Rules this file keeps. What is neither shape, byte for byte, is refused, never repaired; so are bodies in which another
reader could find another file. The type that pict-rs gives a file is not handed on: whoever looks at the data knows
better. What passes here has passed nothing but this reading. Values in, values out; time is linear in the body.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from addons.pictrs.multipart import CRLF, MAX_HEAD_BYTES

# pict-rs names seven image types and two video types (`media_type` in formats.rs); more of either kind are expected.
# The third says nothing, and may do so. A form or a message is not a file: their readers find others inside.
_FILE_TYPE = re.compile(rb"(?:image|video)/[0-9A-Za-z][0-9A-Za-z!#$&^_.+-]{0,126}|application/octet-stream")
# `gen_boundary` of reqwest 0.13: four random numbers of 64 bits. None begins or ends with a hyphen, and no two hyphens
# meet, so that two delimiters cannot overlap.
_FORM_TYPE = re.compile(rb"multipart/form-data; boundary=(?P<boundary>[0-9a-f]{16}(?:-[0-9a-f]{16}){3})")
# `encode_headers` of reqwest 0.13. The field is named by the path in pict-rs's store (`generate_disk_path`: hexadecimal
# digits and an extension), and escaped (RFC 8187) because of its slashes. `multipart`, strict, takes no such name.
_PART_HEAD = re.compile(
    rb"Content-Disposition: form-data; name\*=utf-8''(?:[0-9A-Za-z_.-]+%2F)+[0-9A-Za-z_.-]+\r\n\r\n"
)


class ValidationError(Exception):
    """The request was refused. `message` is for the log: it escapes what it quotes, and quotes nothing of the body.

    415: the Content-Type headers are of neither shape. 400: all else, sizes too. To pict-rs they are the same: whatever
    is not 2xx refuses the file.
    """

    def __init__(self, status: Literal[400, 415], message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def file_of(content_types: Sequence[bytes], body: bytes, *, max_bytes: int) -> bytes:
    """The one file in the request, at least one byte. Raises ValidationError.

    content_types: every Content-Type header value of the request, raw, in order. body: without its chunks.
    max_bytes: the largest file. Memory is the body, and for a form a copy of the file.
    """
    if len(content_types) not in (1, 2):
        raise ValidationError(415, f"{len(content_types)} Content-Type headers")
    if not _FILE_TYPE.fullmatch(content_types[0]):
        raise ValidationError(415, f"Content-Type {content_types[0][:100]!r} is not that of a picture or a video")
    data = body if len(content_types) == 1 else _only_part(content_types[1], body)
    if not data:
        raise ValidationError(400, "an empty file")
    if len(data) > max_bytes:
        raise ValidationError(400, f"a file of more than {max_bytes} bytes")
    return data


def _only_part(form_type: bytes, body: bytes) -> bytes:
    """The data of the only part of a form, which is all that the body holds."""
    match = _FORM_TYPE.fullmatch(form_type)
    if not match:
        raise ValidationError(415, f"second Content-Type {form_type[:100]!r} is not that of pict-rs's form")
    delimiter = b"--" + match["boundary"]
    if not body.startswith(delimiter + CRLF):
        raise ValidationError(400, "the body does not begin with its boundary")
    start = len(delimiter + CRLF)
    head = _PART_HEAD.match(body, start, start + MAX_HEAD_BYTES + len(CRLF * 2))
    if not head:
        raise ValidationError(400, "part headers that are not those of pict-rs's form")
    last = CRLF + delimiter + b"--" + CRLF
    if not body.endswith(last, head.end()):
        raise ValidationError(400, "the body does not end with its closing boundary")
    if body.count(delimiter) != 2:
        raise ValidationError(400, "the boundary occurs where no part begins or ends")
    return body[head.end() : -len(last)]
