"""Forms that were sent: read whole, within a bound, as `application/x-www-form-urlencoded` and as nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

TYPE = "application/x-www-form-urlencoded"
MAX_BYTES = 8192
MAX_FIELDS = 16
MAX_NOTE = 200
"""Characters of a note."""


class FormError(Exception):
    """That is no form that is taken here. `status` is the answer's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read(request: Request) -> Mapping[str, str]:
    """The fields of a form. Raises FormError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != TYPE:
        raise FormError(415, f"Send a form ({TYPE}).")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FormError(413, "This form is too large.")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:  # not UTF-8, or too many fields
        raise FormError(400, "This is not a form.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormError(400, "A field of this form is there twice.")
    return fields


def note(text: str) -> str:
    """A note as a line of a list can have it. Raises FormError."""
    line = " ".join(text.split())
    if len(line) > MAX_NOTE or not line.isprintable():
        raise FormError(400, f"A note is one line of up to {MAX_NOTE} characters.")
    return line
