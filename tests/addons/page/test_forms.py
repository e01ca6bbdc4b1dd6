"""Forms: what is read, and what is no form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
from starlette.requests import Request

from addons.page.forms import MAX_BYTES, MAX_FIELDS, MAX_NOTE, TYPE, FormError, note, read


def request(body: bytes, kind: str = TYPE, pieces: int = 1) -> Request:
    """A request whose body comes in so many pieces."""
    size = max(1, -(-len(body) // pieces))
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]

    async def receive() -> Mapping[str, object]:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    headers = [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers, "path": "/", "query_string": b""}, receive)  # type: ignore[arg-type]


async def test_fields_of_a_form() -> None:
    body = b"ref=0a0b0c0d&note=a+statue+%C3%A9&empty="
    for pieces in (1, 7):
        assert await read(request(body, pieces=pieces)) == {"ref": "0a0b0c0d", "note": "a statue é", "empty": ""}
    assert await read(request(b"a=1", f"{TYPE}; charset=utf-8")) == {"a": "1"}
    assert await read(request(b"")) == {}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=1", "multipart/form-data", 415),
        (b"a=1", "application/json", 415),
        (b"a=1", "", 415),
        (b"a=" + b"x" * MAX_BYTES, TYPE, 413),
        (b"&".join(b"f%d=1" % index for index in range(MAX_FIELDS + 1)), TYPE, 400),
        (b"ref=1&ref=2", TYPE, 400),
        (b"a=\xff", TYPE, 400),
    ],
)
async def test_what_is_no_form(body: bytes, kind: str, status: int) -> None:
    with pytest.raises(FormError) as raised:
        await read(request(body, kind, pieces=3))
    assert raised.value.status == status


async def test_what_is_too_large_is_not_read_to_its_end() -> None:
    read_bytes = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        while True:
            read_bytes += 1024
            yield b"x" * 1024

    sent = request(b"")
    sent.stream = endless  # type: ignore[method-assign, assignment]
    with pytest.raises(FormError):
        await read(sent)
    assert read_bytes <= MAX_BYTES + 1024


@pytest.mark.parametrize(
    ("text", "line"), [("  a \n statue\t", "a statue"), ("", ""), ("x" * MAX_NOTE, "x" * MAX_NOTE)]
)
def test_a_note_is_one_line(text: str, line: str) -> None:
    assert note(text) == line


@pytest.mark.parametrize("text", ["x" * (MAX_NOTE + 1), "a\x00b", "a\x1b[31m", "\u202etxt"])
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(FormError):
        note(text)
