"""Upload bodies for tests: put together by hand, and read by a naive filter.

Rule this file keeps: nothing here checks anything, so that every broken body can be written down.
"""

from __future__ import annotations

import email
import re
from collections.abc import Sequence

BOUNDARY = b"b1"
TYPE = b"multipart/form-data; boundary=b1"
FILE = b'Content-Disposition: form-data; name="images[]"; filename="a.png"'
PNG = b"Content-Type: image/png"


def part(data: bytes, *lines: bytes) -> bytes:
    """One part: these header lines (an ordinary file's, if none are given) and this data."""
    return b"\r\n".join(lines or (FILE, PNG)) + b"\r\n\r\n" + data


def form(*parts: bytes, boundary: bytes = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    """A body of these parts."""
    return b"".join(b"--" + boundary + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + boundary + end


def naive(types: Sequence[bytes], body: bytes) -> list[bytes]:
    """The files that a filter sees which was put together from `email` and two regular expressions."""
    boundaries: list[bytes] = re.findall(rb'boundary="?([^";]+)', types[-1]) if types else []
    if not boundaries or not types[-1].startswith(b"multipart/form-data"):
        return []
    head = b'Content-Type: multipart/form-data; boundary="' + boundaries[-1] + b'"\r\n\r\n'
    files: list[bytes] = []
    for leaf in email.message_from_bytes(head + body).walk():
        headers = {name.lower(): str(value) for name, value in leaf.items()}
        parameters = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("content-disposition", "")))
        data = leaf.get_payload(decode=True)
        if parameters.get("name") == "images[]" and "filename" in parameters and isinstance(data, bytes):
            files.append(data)
    return files
