"""addons/pictrs/validation.py: what three versions of pict-rs really sent, and much that is near it but is not it.

The recorded requests are kept byte for byte; tests/real/test_validation_shapes.py asks the programs themselves.
"""

from __future__ import annotations

import email
import io
from collections import Counter
from collections.abc import Sequence

import multipart
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.pictrs.multipart import MAX_HEAD_BYTES
from addons.pictrs.validation import ValidationError, file_of
from tests.http1 import read_request

# A picture of 8x8 pixels in one colour, written by Pillow; pict-rs kept it as it is.
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x08\x00\x00\x00\x08\x08\x02\x00\x00\x00Km)\xdc"
    b"\x00\x00\x00\x14IDATx\x9ccd\x88:\xc1\x80\r0a\x15\x1d\xb4\x12\x00\xe6\x8c\x0127)\xf6\xde"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
SENT_BY_048 = (
    b"POST /validate HTTP/1.1\r\ncontent-type: image/png\r\naccept: */*\r\nuser-agent: pict-rs v0.4.2\r\n"
    b"host: 127.0.0.1:43711\r\ntransfer-encoding: chunked\r\n\r\n4D\r\n" + PNG + b"\r\n0\r\n\r\n"
)
SENT_BY_0525 = (
    b"POST /validate HTTP/1.1\r\ncontent-type: image/png\r\naccept: */*\r\nuser-agent: pict-rs 0.5.25\r\n"
    b"host: 127.0.0.1:41647\r\ntransfer-encoding: chunked\r\n\r\n4D\r\n" + PNG + b"\r\n0\r\n\r\n"
)
SENT_BY_06RC6 = (
    b"POST /validate HTTP/1.1\r\ncontent-type: image/png\r\ncontent-type: multipart/form-data; "
    b"boundary=8548dc4fb453750b-6e005cee44154c66-75a37457d827a45d-5b7e3c8caf8f0cb3\r\naccept: */*\r\n"
    b"user-agent: pict-rs 0.6.0-rc.6\r\nhost: 127.0.0.1:37729\r\ntransfer-encoding: chunked\r\n\r\n47\r\n"
    b"--8548dc4fb453750b-6e005cee44154c66-75a37457d827a45d-5b7e3c8caf8f0cb3\r\n\r\n73\r\n"
    b"Content-Disposition: form-data; name*=utf-8''"
    b"01%2Fa2%2F05%2F55%2F0d%2Fc7%2F73%2Ff8%2F8b%2Fad%2Fe45fa1b29a5f.png\r\n\r\n\r\n4D\r\n" + PNG + b"\r\n2\r\n\r\n\r\n"
    b"49\r\n--8548dc4fb453750b-6e005cee44154c66-75a37457d827a45d-5b7e3c8caf8f0cb3--\r\n\r\n0\r\n\r\n"
)

MAX_BYTES = 1000
BOUNDARY = b"8548dc4fb453750b-6e005cee44154c66-75a37457d827a45d-5b7e3c8caf8f0cb3"
DELIMITER = b"--" + BOUNDARY
FORM = b"multipart/form-data; boundary=" + BOUNDARY
TYPES = (b"image/png", FORM)
NAME = b"Content-Disposition: form-data; name*=utf-8''"
HEAD = NAME + b"01%2Fa2%2Fe45fa1b29a5f.png"


def form(data: bytes, head: bytes = HEAD) -> bytes:
    return DELIMITER + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" + DELIMITER + b"--\r\n"


def read(body: bytes, *types: bytes) -> bytes:
    return file_of(types or TYPES, body, max_bytes=MAX_BYTES)


def refusal(body: bytes, *types: bytes) -> tuple[int, str]:
    with pytest.raises(ValidationError) as caught:
        read(body, *types)
    assert str(caught.value) == caught.value.message
    return caught.value.status, caught.value.message


def recorded(sent: bytes) -> tuple[list[bytes], bytes]:
    request = read_request(io.BytesIO(sent))
    assert request is not None
    return [value.encode() for value in request.header("content-type")], request.body


@pytest.mark.parametrize(
    ("sent", "types"),
    [
        pytest.param(SENT_BY_048, [b"image/png"], id="0.4.8"),
        pytest.param(SENT_BY_0525, [b"image/png"], id="0.5.25"),
        pytest.param(SENT_BY_06RC6, list(TYPES), id="0.6.0-rc.6"),
    ],
)
def test_what_pictrs_sent(sent: bytes, types: list[bytes]) -> None:
    assert recorded(sent)[0] == types
    assert file_of(*recorded(sent), max_bytes=len(PNG)) == PNG


@pytest.mark.parametrize("kind", ["image/apng", "image/avif", "image/gif", "image/jpeg", "image/jxl", "image/webp",
                                  "video/mp4", "video/webm", "image/svg+xml", "application/octet-stream"])  # fmt: skip
def test_every_type_that_pictrs_has_and_some_more(kind: str) -> None:
    assert read(PNG, kind.encode()) == PNG
    assert read(form(PNG), kind.encode(), FORM) == PNG


# Limits, at the limit and one beyond


@pytest.mark.parametrize("types", [TYPES[:1], TYPES], ids=["raw", "form"])
def test_a_file_as_large_as_allowed_and_one_byte_more(types: Sequence[bytes]) -> None:
    for size in (1, MAX_BYTES):
        data = b"x" * size
        assert read(data if len(types) == 1 else form(data), *types) == data
    for size, message in ((0, "an empty file"), (MAX_BYTES + 1, "a file of more than 1000 bytes")):
        data = b"x" * size
        assert refusal(data if len(types) == 1 else form(data), *types) == (400, message)


def test_headers_as_large_as_allowed_and_one_byte_more() -> None:
    name = b"a" * (MAX_HEAD_BYTES - len(HEAD))
    assert read(form(PNG, HEAD + name)) == PNG
    assert refusal(form(PNG, HEAD + name + b"a"))[0] == 400


def test_a_type_as_long_as_allowed_and_one_character_more() -> None:
    assert read(PNG, b"image/" + b"a" * 127) == PNG
    assert refusal(PNG, b"image/" + b"a" * 128)[0] == 415


# Headers


@pytest.mark.parametrize(
    "kind",
    ["", "image", "image/", "/png", "image/png;", "image/png; a=b", "image/png, image/gif", "image/png\n", " image/png",
     "IMAGE/png", "image/p ng", "text/plain", "text/html", "application/json", "application/x-www-form-urlencoded",
     "multipart/form-data", FORM.decode(), "image/png, " + FORM.decode(), "message/rfc822", "audio/ogg",
     "application/octet-stream; a=b", "image/pn\xfc"],
    ids=repr,
)  # fmt: skip
def test_a_first_type_that_is_not_that_of_a_file(kind: str) -> None:
    for types, body in (((kind.encode(),), PNG), ((kind.encode(), FORM), form(PNG))):
        status, message = refusal(body, *types)
        assert (status, "is not that of a picture or a video" in message) == (415, True)


@pytest.mark.parametrize(
    "kind",
    [b"", b"image/png", b"multipart/form-data", FORM + b" ", FORM + b";", FORM + b"; a=b", FORM + b"; charset=utf-8",
     FORM + b"; boundary=" + BOUNDARY, b"multipart/form-data;boundary=" + BOUNDARY, FORM.replace(b"data", b"Data"),
     b"multipart/mixed; boundary=" + BOUNDARY, b'multipart/form-data; boundary="' + BOUNDARY + b'"', FORM + b"\r\n",
     b"multipart/form-data; boundary=b1", FORM[:-1], FORM + b"0", FORM.upper(), b"image/png, " + FORM],
    ids=repr,
)  # fmt: skip
def test_a_second_type_that_is_not_that_of_the_form(kind: bytes) -> None:
    status, message = refusal(form(PNG), b"image/png", kind)
    assert (status, "is not that of pict-rs's form" in message) == (415, True)


@pytest.mark.parametrize("types", [[], [b"image/png", FORM, FORM], [b"image/png", b"image/png", FORM]], ids=len)
def test_no_type_and_too_many(types: list[bytes]) -> None:
    with pytest.raises(ValidationError) as caught:
        file_of(types, form(PNG), max_bytes=MAX_BYTES)
    assert (caught.value.status, caught.value.message) == (415, f"{len(types)} Content-Type headers")


def test_types_in_another_order() -> None:
    assert refusal(form(PNG), FORM, b"image/png")[0] == 415


def test_a_message_is_one_short_printable_line_without_the_body() -> None:
    evil = b"image/\r\n\x1b[2J\xff" + b"secret" * 100
    for types in ((evil,), (b"image/png", evil)):
        message = refusal(form(PNG), *types)[1]
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 500
    for body in (
        b"secret" + form(PNG),
        form(PNG) + b"secret",
        form(PNG, HEAD + b'"secret"'),
        form(DELIMITER + b"secret"),
    ):
        assert "secret" not in refusal(body)[1]


# The form


FORMS: dict[str, tuple[bytes, str]] = {
    "a line break before": (b"\r\n" + form(PNG), "not begin"),
    "data before": (b"hello\r\n" + form(PNG), "not begin"),
    "data after": (form(PNG) + b"hello", "not end"),
    "a line break after": (form(PNG) + b"\r\n", "not end"),
    "no line break at the end": (form(PNG)[:-2], "not end"),
    "no end": (form(PNG)[: -len(DELIMITER) - 4], "not end"),
    "nothing": (b"", "not begin"),
    "the file alone": (PNG, "not begin"),
    "a closed form only": (DELIMITER + b"--\r\n", "not begin"),
    "no part": (DELIMITER + b"\r\n" + DELIMITER + b"--\r\n", "part headers"),
    "bare line feeds": (form(PNG).replace(b"\r\n", b"\n"), "not begin"),
    "another boundary": (form(PNG).replace(BOUNDARY, BOUNDARY[::-1]), "not begin"),
    "two parts": (form(PNG + b"\r\n" + DELIMITER + b"\r\n" + HEAD + b"\r\n\r\n" + PNG), "boundary occurs"),
    "a part inside": (form(PNG + b"\n" + DELIMITER + b"\n" + PNG), "boundary occurs"),
    "an end inside": (form(PNG + b"\r\n" + DELIMITER + b"--\r\n" + PNG), "boundary occurs"),
    "a boundary in mid-line": (form(b"a" + DELIMITER + b"b"), "boundary occurs"),
    "a boundary first": (form(DELIMITER + PNG), "boundary occurs"),
    "a boundary in the path": (form(PNG, HEAD + DELIMITER), "boundary occurs"),
    "no line break before the end": (
        form(PNG).replace(b"\r\n" + DELIMITER + b"--", DELIMITER + b"--"), "not end"),
    "no headers": (form(PNG, b""), "part headers"),
    "headers without an end": (DELIMITER + b"\r\n" + HEAD + b"\r\n" + DELIMITER + b"--\r\n", "part headers"),
    "headers and end in one": (form(b"")[: -len(b"\r\n" + DELIMITER + b"--\r\n")] + DELIMITER + b"--\r\n", "not end"),
    "a type": (form(PNG, HEAD + b"\r\nContent-Type: image/png"), "part headers"),
    "a length": (form(PNG, HEAD + b"\r\nContent-Length: 3"), "part headers"),
    "a length first": (form(PNG, b"Content-Length: 3\r\n" + HEAD), "part headers"),
    "an encoding": (form(PNG, HEAD + b"\r\nContent-Transfer-Encoding: base64"), "part headers"),
    "twice named": (form(PNG, HEAD + b"\r\n" + HEAD), "part headers"),
    "a folded line": (form(PNG, HEAD + b"\r\n folded"), "part headers"),
    "a file name": (form(PNG, HEAD + b'; filename="a.png"'), "part headers"),
    "a file name before": (form(PNG, HEAD.replace(b"; name", b'; filename="a.png"; name')), "part headers"),
    "a name without a star": (form(PNG, HEAD.replace(b"name*", b"name")), "part headers"),
    "an ordinary name": (form(PNG, b'Content-Disposition: form-data; name="a%2Fb.png"'), "part headers"),
    "an upload": (form(PNG, b'Content-Disposition: form-data; name="images[]"; filename="a"'), "part headers"),
    "a path without a folder": (form(PNG, NAME + b"a.png"), "part headers"),
    "no path": (form(PNG, NAME), "part headers"),
    "an open slash": (form(PNG, NAME + b"a/b.png"), "part headers"),
    "an escaped line break": (form(PNG, NAME + b"a%2Fb%0D%0Ac.png"), "part headers"),
    "a double escape": (form(PNG, NAME + b"a%2Fb%252F.png"), "part headers"),
    "another charset": (form(PNG, HEAD.replace(b"utf-8", b"utf-7")), "part headers"),
    "small letters": (form(PNG, HEAD.lower()), "part headers"),
    "a space more": (form(PNG, HEAD.replace(b": ", b":  ")), "part headers"),
    "an attachment": (form(PNG, HEAD.replace(b"form-data", b"attachment")), "part headers"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "why"), FORMS.values(), ids=list(FORMS))
def test_forms_that_are_not_pictrs_s(body: bytes, why: str) -> None:
    status, message = refusal(body)
    assert (status, why in message) == (400, True), message


def test_a_form_cut_anywhere_is_refused() -> None:
    whole = form(PNG)
    for size in range(len(whole)):
        assert refusal(whole[:size])[0] == 400


def test_a_file_may_hold_anything_but_the_boundary() -> None:
    for data in (
        b"\r\n",
        b"\r",
        b"\r\n\r\n",
        b"--",
        DELIMITER[:-1],
        DELIMITER[1:],
        b"\r\n--\r\n",
        FORM,
        HEAD,
        b"\x00\xff",
    ):
        assert read(form(data)) == data
    for data in (b"\r\n", form(PNG), DELIMITER):  # without a form there is no boundary
        assert read(data, b"image/png") == data


def others(body: bytes) -> list[bytes]:
    """The file that two readers with other manners find in a form: `multipart`, at its most lenient, and `email`."""
    with multipart.PushMultipartParser(BOUNDARY, strict=False) as parser:
        found = [b"".join(event for event in parser.parse(body) if isinstance(event, (bytes, bytearray)))]
    for leaf in email.message_from_bytes(b"Content-Type: " + FORM + b"\r\n\r\n" + body).walk():
        if isinstance(data := leaf.get_payload(decode=True), bytes):
            found.append(data)
    return found


@pytest.mark.parametrize(
    "new", [b"", b"\r", b"\n", b"\r\n", b"-", b"--", b" ", b"X", b"%2F", b"\x00", DELIMITER], ids=repr
)
def test_a_change_anywhere_is_refused_or_changes_nothing_but_the_file(new: bytes) -> None:
    whole, outcomes = form(PNG), Counter[bool]()
    for cut in (0, 1):  # a piece more, and a piece in place of one byte
        for place in range(len(whole)):
            body = whole[:place] + new + whole[place + cut :]
            try:
                data = read(body)
            except ValidationError:
                outcomes[False] += 1
            else:
                outcomes[True] += 1
                assert body[body.index(b"\r\n\r\n") + 4 : -len(b"\r\n" + DELIMITER + b"--\r\n")] == data
                assert others(body) == [data, data]
    assert outcomes[False] > len(DELIMITER)


PIECES = [
    b"\r\n",
    b"\n",
    b"--",
    DELIMITER,
    DELIMITER + b"--",
    HEAD,
    b"\r\n\r\n",
    BOUNDARY[:20],
    PNG,
    b"\x00",
    b"Content-Length: 3",
]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=5)), min_size=1, max_size=6))
def test_other_readers_find_the_same_file(pieces: list[bytes]) -> None:
    body = form(b"".join(pieces))
    try:
        data = read(body)
    except ValidationError:
        assert DELIMITER in b"".join(pieces) or not 0 < len(b"".join(pieces)) <= MAX_BYTES
    else:
        assert data == b"".join(pieces)
        assert others(body) == [data, data]
