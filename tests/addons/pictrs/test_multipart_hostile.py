"""Bodies that must be refused, each for its own reason.

Three readers look at them: ours, pict-rs's (actix.py), and a naive filter (forms.naive). What makes a body dangerous is
that pict-rs ingests a file that the naive filter has not seen; for each such body that is shown too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from addons.pictrs.multipart import MultipartError, parse
from tests.addons.pictrs import actix
from tests.addons.pictrs.forms import FILE, PNG, TYPE, form, naive, part


@dataclass(frozen=True)
class Case:
    id: str
    body: bytes
    why: str
    """A piece of the message, so that a case is refused for its own reason."""
    types: Sequence[bytes] = (TYPE,)
    status: int = 400


def head(name: str, line: bytes, why: str) -> Case:
    """A part with one more header line."""
    return Case(name, form(part(b"HIDDEN junk", FILE, line)), why)


def disposition(name: str, parameters: bytes, why: str) -> Case:
    return Case(name, form(part(b"HIDDEN", b"Content-Disposition: form-data; " + parameters)), why)


def of_type(name: str, value: bytes, boundary: bytes = b"b1") -> Case:
    return Case(name, form(part(b"HIDDEN"), boundary=boundary), "one boundary", (value,), 415)


UNCLEAR = "with a value that cannot be read in one way only"
LOST = "where no part begins or ends"
BEGIN = "does not begin with its boundary"
END = "does not end with its closing boundary"

SWALLOWED = b"HIDDEN\r\n--b1\r\n" + part(b"DECOY")
TWO_FORMS = form(part(b"HIDDEN")) + form(part(b"DECOY"), boundary=b"b2")

DANGEROUS = [
    Case(
        "own-length-makes-boundaries-data",
        form(part(SWALLOWED, FILE, b"Content-Length: %d" % len(SWALLOWED))),
        "Content-Length",
    ),
    head("own-length-hides-a-tail", b"Content-Length: 6", "Content-Length"),
    head("own-length-with-a-plus", b"Content-Length: +6", UNCLEAR),
    head("own-length-with-zeros", b"Content-Length: 0006", UNCLEAR),
    head("own-length-twice", b"Content-Length: 6\r\nContent-Length: 11", "twice"),
    head("own-length-with-a-space-at-the-end", b"Content-Length: 6 ", UNCLEAR),
    disposition("field-with-an-odd-bracket", b'name="images][]"; filename="a"', "form field"),
    disposition("field-with-many-brackets", b'name="images]]]]][]"; filename="a"', "form field"),
    head("disposition-twice", b'Content-Disposition: form-data; name="text"; filename="a"', "twice"),
    disposition("name-twice", b'name="images[]"; name="text"; filename="a"', UNCLEAR),
    disposition("name-again-at-the-end", b'name="images[]"; filename="a"; name="text"', UNCLEAR),
    Case("boundary-twice", TWO_FORMS, "one boundary", (TYPE + b"; boundary=b2",), 415),
    Case("type-twice", TWO_FORMS, "2 Content-Type", (TYPE, b"multipart/form-data; boundary=b2"), 415),
    Case("type-twice-one-of-another-kind", form(part(b"HIDDEN")), "2 Content-Type", (TYPE, b"image/png"), 415),
    of_type("type-text", b"text/plain; boundary=b1"),
    of_type("type-mixed", b"multipart/mixed; boundary=b1"),
    of_type("type-in-capitals", b"MULTIPART/FORM-DATA; boundary=b1"),
    of_type("boundary-in-capitals", b"multipart/form-data; BOUNDARY=b1"),
    disposition("name-unquoted", b'name=images[]; filename="a"', UNCLEAR),
    disposition("file-name-unquoted", b'name="images[]"; filename=a', UNCLEAR),
    disposition("name-backslashed", rb'name="images\[\]"; filename="a"', UNCLEAR),
    disposition("quote-backslashed", rb'x="\"name="; name="images[]"; filename="a"', UNCLEAR),
    disposition("name-in-capitals", b'NAME="images[]"; filename="a"', UNCLEAR),
    disposition("name-with-spaces-around-the-equals", b'name = "images[]"; filename="a"', UNCLEAR),
    Case("head-ended-by-line-feeds", b"--b1\r\n" + FILE + b"\n\nDECOY\r\n\r\nHIDDEN\r\n--b1--\r\n", UNCLEAR),
    Case("first-boundary-not-quite-one", b"--b1X\n" + part(b"HIDDEN") + b"\r\n" + form(part(b"DECOY")), BEGIN),
    head("encoding-base64", b"Content-Transfer-Encoding: base64", UNCLEAR),
    Case(
        "encoding-quoted-printable",
        form(part(b"=48IDDEN", FILE, b"Content-Transfer-Encoding: quoted-printable")),
        UNCLEAR,
    ),
    head("mail-inside", b"Content-Type: message/rfc822", UNCLEAR),
    head("mail-inside-in-capitals", b"Content-Type: MESSAGE/RFC822", UNCLEAR),
]

# What pict-rs refuses as well, but after it has begun to store the first file.
TOO_LATE = [
    Case("cut-after-the-first-file", b"--b1\r\n" + part(b"HIDDEN") + b"\r\n--b1\r\n" + FILE, END),
    Case(
        "field-of-text-after-a-file",
        form(part(b"HIDDEN"), part(b"x", FILE.replace(b"images[]", b"text"))),
        "form field",
    ),
    Case("no-disposition-after-a-file", form(part(b"HIDDEN"), part(b"DATA", PNG)), "without Content-Disposition"),
    Case("multipart-after-a-file", form(part(b"HIDDEN"), part(b"", FILE, b"Content-Type: multipart/a")), UNCLEAR),
    Case("no-file-name-after-a-file", form(part(b"HIDDEN"), part(b"", FILE.replace(b"a.png", b"a/.."))), "file name"),
    Case("no-closing-boundary", form(part(b"HIDDEN"), end=b"\r\n"), END),
    Case("closing-boundary-with-text", form(part(b"HIDDEN"), end=b"--x\r\n"), END),
    Case("inner-boundary-with-a-space", form(part(b"HIDDEN\r\n--b1 \r\n" + part(b"DATA"))), "not a form"),
    Case("inner-boundary-with-text", form(part(b"HIDDEN\r\n--b1x\r\n")), "not a form"),
]

# Refused because nobody sends them, and because another reader, or the next release of one, may see something else.
ODD = [
    Case("type-missing", form(part(b"HIDDEN")), "0 Content-Type", (), 415),
    of_type("type-empty", b""),
    of_type("type-image", b"image/png"),
    of_type("type-urlencoded", b"application/x-www-form-urlencoded"),
    of_type("type-without-boundary", b"multipart/form-data"),
    of_type("boundary-empty", b"multipart/form-data; boundary=", b""),
    of_type("boundary-empty-quoted", b'multipart/form-data; boundary=""', b""),
    of_type("boundary-with-one-quote", b'multipart/form-data; boundary="b1'),
    of_type("boundary-with-a-space", b'multipart/form-data; boundary="b 1"', b"b 1"),
    of_type("boundary-with-a-backslash", b'multipart/form-data; boundary="b\\1"'),
    of_type("boundary-with-a-slash-unquoted", b"multipart/form-data; boundary=b/1", b"b/1"),
    of_type("boundary-not-ascii", b"multipart/form-data; boundary=b\xc3\xbc", b"b\xc3\xbc"),
    of_type("boundary-extended", b"multipart/form-data; boundary*=utf-8''b1"),
    of_type("boundary-with-nul", b"multipart/form-data; boundary=b1\x00"),
    of_type("boundary-with-line-feed", b"multipart/form-data; boundary=b1\n"),
    of_type("semicolon-at-the-end", b"multipart/form-data; boundary=b1;"),
    of_type("two-spaces", b"multipart/form-data;  boundary=b1"),
    of_type("space-before-the-semicolon", b"multipart/form-data ; boundary=b1"),
    of_type("types-joined-by-a-comma", b"multipart/form-data; boundary=b1, image/png"),
    of_type("unknown-parameter-after", b"multipart/form-data; boundary=b1; x=y"),
    of_type("unknown-parameter-before", b"multipart/form-data; x=y; boundary=b1"),
    of_type("charset-that-is-not-ascii-like", b"multipart/form-data; boundary=b1; charset=utf-16"),
    of_type("charset-twice", b"multipart/form-data; charset=utf-8; boundary=b1; charset=utf-8"),
    Case("body-empty", b"", BEGIN),
    Case("no-parts", b"--b1--\r\n", BEGIN),
    Case("no-parts-but-two-boundaries", b"--b1\r\n--b1--\r\n", "without an end"),
    Case("no-parts-but-an-empty-line", b"--b1\r\n\r\n--b1--\r\n", "without an end"),
    Case("head-empty", b"--b1\r\n\r\nHIDDEN\r\n\r\n\r\n--b1--\r\n", "part header b''"),
    Case("head-without-an-end", b"--b1\r\n" + FILE + b"\r\n--b1--\r\n", "without an end"),
    Case("preamble-text", b"hello\r\n" + form(part(b"HIDDEN")), BEGIN),
    Case("preamble-crlf", b"\r\n" + form(part(b"HIDDEN")), BEGIN),
    Case("epilogue-text", form(part(b"HIDDEN")) + b"hello", END),
    Case("epilogue-lf", form(part(b"HIDDEN"), end=b"--\n"), END),
    Case("epilogue-cr", form(part(b"HIDDEN"), end=b"--\r"), END),
    Case("epilogue-of-three-line-breaks", form(part(b"HIDDEN"), end=b"--\r\n\r\n\r\n"), END),
    Case("closing-boundary-within-a-line", b"--b1\r\n" + part(b"HIDDEN--b1--"), END),
    Case("closing-boundary-after-a-line-feed", b"--b1\r\n" + part(b"HIDDEN\n--b1--\r\n"), END),
    Case("epilogue-another-form", form(part(b"A")) + form(part(b"B")), LOST),
    Case("another-boundary", form(part(b"HIDDEN"), boundary=b"b2"), BEGIN),
    Case("boundary-in-other-case", form(part(b"HIDDEN"), boundary=b"B1"), BEGIN),
    Case("first-boundary-with-a-space", form(part(b"HIDDEN")).replace(b"--b1\r\n", b"--b1 \r\n", 1), BEGIN),
    Case("line-feeds-everywhere", form(part(b"HIDDEN")).replace(b"\r\n", b"\n"), BEGIN),
    Case("line-feed-after-an-inner-boundary", form(part(b"A\r\n--b1\n" + part(b"B"))), "not a form"),
    Case("line-feed-before-an-inner-boundary", form(part(b"A\n--b1\r\n" + part(b"B"))), LOST),
    Case("carriage-return-before-an-inner-boundary", form(part(b"HIDDEN\r--b1\r\nrest")), LOST),
    Case("boundary-within-a-line", form(part(b"HIDDEN --b1 HIDDEN")), LOST),
    disposition("boundary-in-a-file-name", b'name="images[]"; filename="--b1"', LOST),
    Case("line-feed-between-headers", form(part(b"HIDDEN", FILE + b"\n" + PNG)), UNCLEAR),
    Case("carriage-return-between-headers", form(part(b"HIDDEN", FILE + b"\r" + PNG)), UNCLEAR),
    Case("header-folded", form(part(b"HIDDEN", FILE.replace(b" filename", b"\r\n filename"))), UNCLEAR),
    Case("header-with-a-space-before-the-colon", form(part(b"HIDDEN", FILE.replace(b":", b" :", 1))), "part header"),
    Case("header-with-a-space-before-its-name", form(part(b"HIDDEN", b" " + FILE)), "part header"),
    Case("header-without-a-space", form(part(b"HIDDEN", FILE.replace(b": ", b":", 1))), "part header"),
    Case("header-with-two-spaces", form(part(b"HIDDEN", FILE.replace(b": ", b":  ", 1))), UNCLEAR),
    Case("header-with-a-space-at-the-end", form(part(b"HIDDEN", FILE + b" ")), UNCLEAR),
    head("header-without-a-colon", b"hello", "part header b'hello'"),
    head("header-unknown", b"X-A: b", "part header b'x-a'"),
    head("header-with-nul-in-its-name", b"Content-Type\x00: image/png", "part header"),
    head("header-that-python-spells-alike", b"Content-Tran\xc5\xbffer-Encoding: binary", "part header"),
    head("header-range", b"Content-Range: bytes 0-3/4", "part header b'content-range'"),
    head("header-content-encoding", b"Content-Encoding: gzip", "part header b'content-encoding'"),
    head("part-type-twice-in-other-case", PNG + b"\r\n" + PNG.lower(), "twice"),
    head("part-type-empty", b"Content-Type: ", UNCLEAR),
    head("part-type-without-a-slash", b"Content-Type: png", UNCLEAR),
    head("part-type-two", b"Content-Type: image/png, image/gif", UNCLEAR),
    head("part-type-not-ascii", b"Content-Type: image/\xc3\xbc", UNCLEAR),
    head("part-type-multipart", b"Content-Type: Multipart/mixed; boundary=b2", UNCLEAR),
    head("part-length-too-long", b"Content-Length: 12", "Content-Length"),
    head("part-length-too-short", b"Content-Length: 10", "Content-Length"),
    head("part-length-negative", b"Content-Length: -11", UNCLEAR),
    head("part-length-in-other-digits", b"Content-Length: \xd9\xa1\xd9\xa1", UNCLEAR),
    head("part-length-beyond-64-bits", b"Content-Length: 18446744073709551627", UNCLEAR),
    head("part-length-list", b"Content-Length: 11, 11", UNCLEAR),
    head("encoding-8bit", b"Content-Transfer-Encoding: 8bit", UNCLEAR),
    Case("disposition-missing", form(part(b"HIDDEN", PNG)), "without Content-Disposition"),
    Case("disposition-attachment", form(part(b"HIDDEN", FILE.replace(b"form-data", b"attachment"))), UNCLEAR),
    Case("disposition-in-capitals", form(part(b"HIDDEN", FILE.replace(b"form-data", b"FORM-DATA"))), UNCLEAR),
    Case("disposition-without-parameters", form(part(b"HIDDEN", b"Content-Disposition: form-data")), UNCLEAR),
    Case("disposition-without-a-space", form(part(b"HIDDEN", FILE.replace(b"; name", b";name"))), UNCLEAR),
    Case("disposition-without-a-semicolon", form(part(b"HIDDEN", FILE.replace(b"; name", b" name"))), UNCLEAR),
    disposition("file-name-without-a-space", b'name="images[]";filename="a"', UNCLEAR),
    disposition("file-name-with-text-after-it", b'name="images[]"; filename="a";', UNCLEAR),
    disposition("name-missing", b'filename="a"', UNCLEAR),
    disposition("file-name-missing", b'name="images[]"', UNCLEAR),
    disposition("file-name-empty", b'name="images[]"; filename=""', UNCLEAR),
    disposition("file-name-first", b'filename="a"; name="images[]"', UNCLEAR),
    disposition("file-name-twice", b'name="images[]"; filename="a"; filename="b"', UNCLEAR),
    disposition("file-name-extended-too", b'name="images[]"; filename="a"; filename*=utf-8\'\'b', UNCLEAR),
    disposition("file-name-extended-only", b"name=\"images[]\"; filename*=utf-8''b", UNCLEAR),
    disposition("file-name-with-a-backslash", rb'name="images[]"; filename="C:\a.png"', UNCLEAR),
    disposition("file-name-with-an-escaped-quote", rb'name="images[]"; filename="a\"; name=\"b"', UNCLEAR),
    disposition("file-name-with-a-quote", b'name="images[]"; filename="a"b"', UNCLEAR),
    disposition("file-name-with-nul", b'name="images[]"; filename="a\x00b"', UNCLEAR),
    disposition("file-name-with-a-tab", b'name="images[]"; filename="a\tb"', UNCLEAR),
    disposition("file-name-with-del", b'name="images[]"; filename="a\x7fb"', UNCLEAR),
    disposition("file-name-latin-1", b'name="images[]"; filename="\xfc.png"', "not UTF-8"),
    disposition("file-name-surrogate", b'name="images[]"; filename="\xed\xa0\x80"', "not UTF-8"),
    disposition("file-name-of-slashes", b'name="images[]"; filename="//"', "without a file name"),
    disposition("field-image", b'name="image"; filename="a"', "form field b'image'"),
    disposition("field-images", b'name="images"; filename="a"', "form field b'images'"),
    disposition("field-with-an-index", b'name="images[0]"; filename="a"', "form field"),
    disposition("field-in-capitals", b'name="Images[]"; filename="a"', "form field"),
    disposition("field-escaped", b'name="images%5B%5D"; filename="a"', "form field"),
    disposition("field-empty", b'name=""; filename="a"', "form field b''"),
]


def ids(cases: list[Case]) -> list[str]:
    return [case.id for case in cases]


ALL = DANGEROUS + TOO_LATE + ODD


def test_every_case_has_its_own_name() -> None:
    assert len(set(ids(ALL))) == len(ALL) >= 60


@pytest.mark.parametrize("case", ALL, ids=ids(ALL))
def test_it_is_refused_for_its_own_reason(case: Case) -> None:
    with pytest.raises(MultipartError) as refusal:
        parse(case.types, case.body, max_files=4, max_file_bytes=1000)
    assert refusal.value.status == case.status
    assert case.why in refusal.value.message == str(refusal.value)
    assert refusal.value.message.isascii()
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize("case", DANGEROUS, ids=ids(DANGEROUS))
def test_a_naive_filter_would_let_pictrs_ingest_what_it_has_not_seen(case: Case) -> None:
    seen = naive(case.types, case.body)
    ingested = [data for release in actix.RELEASES for data in actix.read(case.types, case.body, release).files]
    assert any(b"HIDDEN" in data or b"48IDDEN" in data for data in ingested if data not in seen)


@pytest.mark.parametrize("case", TOO_LATE, ids=ids(TOO_LATE))
def test_pictrs_would_begin_to_ingest_before_it_refuses(case: Case) -> None:
    for release in actix.RELEASES:
        reading = actix.read(case.types, case.body, release)
        assert reading.files == [b"HIDDEN"]
        assert reading.error is not None
