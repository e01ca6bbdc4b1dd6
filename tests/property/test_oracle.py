"""The oracle itself: what the filter writes is right to it, and each single thing that is wrong with it is a fault."""

from __future__ import annotations

import hashlib

import pytest

from addons.fetch.seal import Seal
from tests.addons.pictrs import actix
from tests.property import oracle, strict
from tests.property.oracle import Rules
from tests.property.strict import NotStrict

HOST = "127.0.0.1:9000"
FILES = (b"a file", b"another\r\nfile")
RULES = Rules(
    HOST,
    "http://127.0.0.1:8082/v/",
    frozenset(hashlib.sha256(data).hexdigest() for data in FILES),
    ("jwt-of-a-user",),
)
BOUNDARY = "0123456789abcdef" * 3
STAGED = "http%3A%2F%2F127.0.0.1%3A8082%2Fv%2F" + "A" * 30


def plain(line: str, *fields: str) -> bytes:
    """A request without a body."""
    head = (f"{line} HTTP/1.1", f"Host: {HOST}", f"x-pictrs-filter: {'0' * 32}", *fields)
    return "\r\n".join((*head, "", "")).encode("latin-1")


def part(data: bytes, name: str = "upload", length: int | None = None) -> bytes:
    """One part, as it is written."""
    size = len(data) if length is None else length
    disposition = f'Content-Disposition: form-data; name="images[]"; filename="{name}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: image/png\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def upload(*parts: bytes, line: str = "POST /image", kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> bytes:
    """An upload of these parts."""
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return plain(line, f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body


GOOD = [
    plain("GET /healthz"),
    plain("HEAD /image/original/a.png", "accept: image/*", "range: bytes=0-9", 'if-none-match: "x"'),
    plain(f"GET /image/original?proxy={STAGED}"),
    plain("GET /image/process.webp?src=a.png&thumbnail=96"),
    plain("POST /internal/purge?alias=a.png", "x-api-token: key", "Content-Length: 0"),
    plain("DELETE /image/delete/token/a.png") + plain("GET /healthz"),
    upload(part(FILES[0])),
    upload(part(FILES[0]), part(FILES[1]), line="POST /image/backgrounded?resize=200&allow_video=false"),
    upload(part(FILES[0], "alias.png"), line="POST /internal/import"),
    plain("POST /internal/set_not_found", "Content-Type: application/json", "Content-Length: 13") + b'{"alias":"a"}',
]

BAD = {
    "an unknown route": (plain("GET /internal/filename?alias=a"), "no row"),
    "a method in lower case": (plain("get /healthz"), "first line"),
    "another method": (plain("PUT /image"), "no row"),
    "an escaped path": (plain("GET /im%61ge/original/a.png"), "no row"),
    "not canonical": (plain("GET /image/original/a.png?"), "not canonical"),
    "an absolute target": (plain("GET http://x/healthz"), "first line"),
    "a fragment": (plain("GET /healthz#x"), "first line"),
    "a key twice": (plain("POST /image?resize=1&resize=2"), "a key twice"),
    "two sources": (plain(f"GET /image/process.png?src=a&proxy={STAGED}"), "no row"),
    "a remote address": (plain("GET /image/original?proxy=http%3A%2F%2Fh%2Fa.png"), "not staged"),
    "another callback": (plain(f"GET /image/original?proxy={STAGED.replace('8082', '8083')}"), "not staged"),
    "a step on an upload": (upload(part(FILES[0]), line="POST /image?crop=1x1"), "no row"),
    "a cookie": (plain("GET /healthz", "cookie: a=b"), "the field cookie"),
    "a field twice": (plain("GET /healthz", "accept: a", "accept: b"), "accept twice"),
    "another host": (plain("GET /healthz").replace(HOST.encode(), b"other"), "the host"),
    "a second host": (plain("GET /healthz", "host: other"), "the field host twice"),
    "no host": (plain("GET /healthz").replace(b"Host: ", b"Accept: "), "no field host"),
    "the key where it does not belong": (plain("GET /healthz", "x-api-token: key"), "the field x-api-token"),
    "a transfer encoding": (plain("GET /healthz", "transfer-encoding: chunked"), "Transfer-Encoding"),
    "two lengths": (plain("GET /healthz", "content-length: 0", "content-length: 0"), "two lengths"),
    "an odd length": (plain("GET /healthz", "content-length: +0"), "a length of"),
    "a folded field": (plain("GET /healthz", "accept: a", " b"), "header line"),
    "a bare line feed": (plain("GET /healthz", "accept: a\nb: c"), "header line"),
    "obs-text": (plain("GET /healthz", "accept: \xff"), "header line"),
    "a space before the colon": (plain("GET /healthz", "accept : a"), "header line"),
    "an upgrade": (plain("GET /healthz", "upgrade: h2c"), "the field upgrade"),
    "HTTP/1.0": (plain("GET /healthz").replace(b"/1.1", b"/1.0"), "first line"),
    "a secret in a field that goes on": (plain("GET /healthz", "accept: jwt-of-a-user"), "is not passed on"),
    "a secret in the target": (plain("GET /image/original/jwt-of-a-user"), "is not passed on"),
    "half a head": (plain("GET /healthz")[:-2], "no end of a head"),
    "bytes behind it": (plain("GET /healthz") + b"x", "no end of a head"),
    "a body that ends early": (upload(part(FILES[0]))[:-1], "ends 1 bytes early"),
    "a body on a view": (plain("GET /healthz", "content-length: 1") + b"x", "a body where none belongs"),
    "a type on a view": (plain("GET /healthz", "content-type: a/b"), "a body where none belongs"),
    "an upload without a body": (plain("POST /image"), "without one type and one length"),
    "another type": (upload(part(FILES[0]), kind=f"multipart/form-data;boundary={BOUNDARY}"), "the type"),
    "a file that was not judged": (upload(part(FILES[0]), part(b"a secret")), "not judged"),
    "forbidden bytes": (upload(part(b"forbidden")), "forbidden bytes"),
    "a name of the client's": (upload(part(FILES[0], "a.png")), "file name of the client's"),
    "no file": (upload(), "no file"),
    "a length that is not true": (upload(part(FILES[0], length=3)), "length is not true"),
    "the boundary inside": (upload(part(FILES[0] + BOUNDARY.encode())), "holds the boundary"),
    "something before the form": (upload(b"\r\n", part(FILES[0])), "not a form"),
    "a header of a part": (upload(part(FILES[0]).replace(b"image/png", b"image/png\r\nX: y")), "not a form"),
    "not an alias": (
        plain("POST /internal/set_not_found", "Content-Type: application/json", "Content-Length: 13")
        + b'{"proxy":"a"}',
        "not an alias in JSON",
    ),
}


@pytest.mark.parametrize("record", GOOD)
def test_what_the_filter_writes_is_right(record: bytes) -> None:
    assert oracle.faults(record, RULES) == []


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_a_fault(name: str) -> None:
    record, why = BAD[name]
    assert why in " / ".join(oracle.faults(record, RULES))
    assert oracle.faults(plain("GET /healthz") + record, RULES)


def test_where_two_readers_differ_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "_library", lambda *_: [FILES[0]])
    assert oracle.faults(upload(part(FILES[0])), RULES) == []
    assert "another reader" in oracle.faults(upload(part(FILES[1])), RULES)[0]
    monkeypatch.undo()
    monkeypatch.setattr(actix, "RELEASES", ("0.8",))
    monkeypatch.setattr(actix, "read", lambda *_: actix.Reading((), "an error"))
    assert "actix 0.8 reads something else: an error" in oracle.faults(upload(part(FILES[0])), RULES)[0]


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, FILES[0], ""),
        (200, b"other", "staged bytes that were not judged"),
        (304, b"", "a 304 to somebody who has nothing"),
        (304, b"x", "a 304 with a body"),
        (404, b'{"msg": "no", "code": "not-found", "files": []}', ""),
        (404, b"<html>", "not ours"),
    ],
)
def test_what_pict_rs_is_given(status: int, body: bytes, fault: str) -> None:
    found = oracle.staged(status, body, RULES)
    assert fault in found[0] if fault else found == []


def test_what_pict_rs_may_keep() -> None:
    assert oracle.staged(304, b"", RULES, FILES[0]) == []
    assert oracle.staged(304, b"", RULES, FILES[0], turns=True) == ["a 304 for a picture that has changed"]
    assert oracle.staged(200, FILES[0], RULES, b"other", turns=True) == []
    seal = Seal(bytes(32))
    for url, changing in (("http://h/turns/1.png", True), ("http://h/ok/1.png", False)):
        assert oracle.turns(f"http://127.0.0.1:1/v/{seal.token(url)}") is changing


PICTURE, PNG = oracle.PLACEHOLDER.read_bytes(), "Content-Type: image/png"
OURS = b'{"msg": "m", "code": "c", "files": []}'


def answer(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """What a client hears."""
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", "")).encode() + body


@pytest.mark.parametrize(
    ("heard", "head_asked", "fault"),
    [
        (b"", False, ""),
        (answer(OURS) + answer(b"recorded") + answer(FILES[0]), False, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"") + b"HTTP/1.1 204 No Content\r\n\r\n", False, ""),
        (answer(PICTURE, PNG, status="400 Bad Request"), False, ""),
        (answer(PICTURE, PNG), False, "neither ours nor pict-rs's"),
        (answer(PICTURE, "Content-Type: image/webp", status="400 Bad Request"), False, "neither ours nor pict-rs's"),
        (answer(PICTURE[:-1], PNG, status="400 Bad Request"), False, "neither ours nor pict-rs's"),
        (answer(b"recorded")[:-8] + answer(OURS), True, ""),
        (answer(b"recorded")[:-8] + answer(OURS), False, "first line"),
        (answer(b"<html>"), False, "neither ours nor pict-rs's"),
        (answer(b'{"msg": "m"}'), False, "neither ours nor pict-rs's"),
        (answer(OURS)[:-1], False, "ends 1 bytes early"),
        (answer(OURS) + b"HTTP", False, "no end of a head"),
        (answer(OURS, "Transfer-Encoding: chunked"), False, "Transfer-Encoding"),
        (b"HTTP/1.1 200 OK\r\n\r\n", False, "without Content-Length"),
        (b"hello\r\n\r\n", False, "first line"),
    ],
)
def test_what_a_client_hears(heard: bytes, head_asked: bool, fault: str) -> None:
    found = oracle.spoken(heard, head_asked, RULES, {b"recorded"})
    assert fault in found[0] if fault else found == []


def test_every_request_of_a_record_is_read() -> None:
    found = strict.requests(upload(part(FILES[0])) + plain("GET /healthz", "Accept: a"))
    assert [request.start for request in found] == [("POST", "/image"), ("GET", "/healthz")]
    assert found[1].headers[-1] == ("accept", "a")
    with pytest.raises(NotStrict):
        strict.requests(b"GET /healthz HTTP/1.1\r\n\r")
