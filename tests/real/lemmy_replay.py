"""Plays Lemmy's part: sends a head, and a body as Lemmy streams it, and reads the answer as Lemmy does."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import logging
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.http1 import Answer
from tests.pictrs import API_KEY
from tests.real.conftest import Scene
from tests.real.lemmy_heads import SECRETS, V1, V19_4, Head

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"  # as Chromium draws one
FILENAME = "Kaffee mit Milch, größer (2).png"  # as it was typed, in UTF-8
SECONDS = 60.0  # a debug build of pict-rs on a busy machine
ON_THE_WAY = {
    "host", "content-type", "content-length", "accept", "range", "if-range", "if-match", "if-none-match",
    "if-modified-since", "if-unmodified-since", "x-pictrs-filter",
}  # fmt: skip
"""Header names that pict-rs may be sent; on /internal x-api-token too."""
PIECES = (1, 700, 37, 4096)  # bytes that come at once, over and over


def fields(url: str) -> dict[str, str]:
    """An address in the three spellings that Lemmy has for it."""
    every = "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"%{byte:02X}" for byte in url.encode())
    return {"escaped": quote(url, safe=""), "every": every, "verbatim": url}


def converse(address: tuple[str, int], *turns: tuple[Head, bytes, bytes | None]) -> list[Answer]:
    """One connection, and on it one request after the other: (head, that filled in, a picture to upload with it)."""
    answers = []
    with socket.create_connection(address, timeout=SECONDS) as connection:
        for head, raw, picture in turns:
            connection.sendall(raw)
            for piece in _body(raw, picture) if picture is not None else ():
                connection.sendall(piece)
            with http.client.HTTPResponse(connection, method=head.method) as response:
                response.begin()
                answers.append(Answer(response.status, response.headers, response.read()))
    return answers


def replay(address: tuple[str, int], head: Head, picture: bytes | None = None, /, **values: object) -> Answer:
    """One request on a connection of its own."""
    known = {"boundary": BOUNDARY, "length": len(_form(picture)) if picture is not None else 0}
    (answer,) = converse(address, (head, head.fill(**known, **values), picture))
    return answer


def _form(picture: bytes) -> bytes:
    """The body of an upload, as Chromium writes it."""
    disposition = f'Content-Disposition: form-data; name="images[]"; filename="{FILENAME}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: image/png\r\n\r\n"
    return head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()


def _body(raw: bytes, picture: bytes) -> Iterator[bytes]:
    """The body in pieces, each with its size in front where the head says chunked."""
    form, at = _form(picture), 0
    chunked = b"\r\ntransfer-encoding: chunked\r\n" in raw
    for size in itertools.cycle(PIECES):
        piece, at = form[at : at + size], at + size
        if not piece:
            break
        yield b"%X\r\n%b\r\n" % (len(piece), piece) if chunked else piece
    if chunked:
        yield b"0\r\n\r\n"


def read_upload(lemmy: str, answer: Answer) -> dict[str, Any]:
    """The one file of the answer to an upload or download, with all that this Lemmy needs of it."""
    found = answer.json()
    assert found["msg"] == "ok"
    (file,) = found["files"]
    assert file["file"]
    assert file["delete_token"]  # 0.13 to 0.19 fail without it
    if lemmy in (V19_4, V1):
        read_details(file["details"])
    assert isinstance(file, dict)
    return file


def read_details(details: dict[str, Any]) -> None:
    """What Lemmy from 0.19.4 needs to know of a picture (`PictrsFileDetails`); more it ignores."""
    for side in ("width", "height"):
        assert 0 < details[side] < 1 << 16
    assert details["content_type"].startswith("image/")
    assert datetime.fromisoformat(details["created_at"]).tzinfo


def read_refusal(answer: Answer) -> str:
    """The sentence for the user. Every Lemmy needs `msg`, 0.17 and 0.18 `files` too; lemmy-ui reads JSON alone."""
    assert answer.headers["Content-Type"] == "application/json"
    found = answer.json()
    assert set(found) == {"msg", "code", "files"}
    assert found["files"] == []
    assert isinstance(found["msg"], str)
    return found["msg"]


@contextlib.contextmanager
def discretion(scene: Scene, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is done in it, at its end nobody has been told what is the user's."""
    caplog.set_level(logging.DEBUG)
    scene.tap.reset()
    yield
    assert_nothing_told(scene)
    assert_nothing_noted(scene, caplog.get_records("call"))


def assert_nothing_told(scene: Scene) -> None:
    """pict-rs was sent known headers alone, the API key on /internal alone, and nothing of the user's anywhere."""
    for request in scene.tap.requests:
        internal = request.target.startswith("/internal/")
        assert {name.lower() for name, _ in request.headers} <= ON_THE_WAY | ({"x-api-token"} if internal else set())
        assert request.header("x-api-token") == ([API_KEY] if internal else [])
        assert request.header("host") == ["{}:{}".format(*scene.tap.address)]
        assert len(request.header("x-pictrs-filter")) == 1
    wire = b"".join(scene.tap.raw)
    private = {*SECRETS, FILENAME, BOUNDARY} - {API_KEY}
    assert [each for each in private if each.encode() in wire] == []


def assert_nothing_noted(scene: Scene, log: Sequence[logging.LogRecord]) -> None:
    """Neither the log nor the record of decisions has anything of the user's, or the API key."""
    noted = "\n".join([*map(logging.Formatter().format, log), *map(repr, scene.gate.decisions)])
    assert [each for each in (*SECRETS, FILENAME, BOUNDARY) if each in noted] == []
