"""The judge of what reached pict-rs: what may not come is found wherever a connection ends."""

from __future__ import annotations

import pytest

from addons.pictrs.multipart import Part, serialise
from tests.chaos.oracle import files, split, unjudged
from tests.chaos.pictures import TRAILER, Gallery
from tests.http1 import form


def request(*pictures: bytes) -> bytes:
    """An upload as the filter writes it."""
    content_type, body = serialise([Part("upload", "image/png", data) for data in pictures])
    return (
        f"POST /image HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


VIEW = b"GET /image/original/a.png HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def allowed(pictures: Gallery) -> tuple[bytes, ...]:
    return tuple(pictures.passed.values())


def test_what_may_come_may_end_anywhere(pictures: Gallery, allowed: tuple[bytes, ...]) -> None:
    whole = VIEW + request(allowed[0]) + request(allowed[1], allowed[2]) + VIEW
    assert [files(each) for each in split(whole)[0]] == [None, [allowed[0]], [*allowed[1:3]], None]
    for end in range(0, len(whole), 7):
        assert unjudged([whole[:end]], [], pictures) == []
    assert unjudged([whole, b""], allowed, pictures) == []


def test_a_forbidden_picture_is_found(pictures: Gallery, allowed: tuple[bytes, ...]) -> None:
    for bad in pictures.forbidden:
        whole = request(allowed[0], bad)
        assert unjudged([VIEW + whole], [], pictures)
        assert unjudged([], [bad], pictures)
        start = whole.index(bad)
        assert unjudged([whole[: start + len(bad) * 9 // 10]], [], pictures)  # before, tables that all files share


def test_other_bytes_are_found(pictures: Gallery, allowed: tuple[bytes, ...]) -> None:
    good = allowed[0]
    assert unjudged([request(good + b"x")], [], pictures)
    assert unjudged([request(good)[:-2] + b"x"], [], pictures)
    assert unjudged([request(good[:-1])], [], pictures)
    assert unjudged([], [good[:-1]], pictures)
    (trailed,) = [data for data in pictures.ordinary if data.endswith(TRAILER)]
    assert unjudged([request(trailed)], [], pictures)
    assert unjudged([b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"], [], pictures)
    assert unjudged([b"GET / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc"], [], pictures)


def test_a_form_that_a_client_wrote_is_found(pictures: Gallery, allowed: tuple[bytes, ...]) -> None:
    headers, body = form(allowed[0])
    head = f"POST /image HTTP/1.1\r\nContent-Type: {headers['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert unjudged([head.encode() + body], [], pictures)
    assert unjudged([(head.encode() + body)[:-5]], [], pictures)
