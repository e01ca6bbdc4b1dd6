"""addons/pictrs/multipart.py: limits, what is written, cut bodies, and the property that no reader sees another body.

Bodies that must be refused are in test_multipart_hostile.py, those that must pass in test_multipart_clients.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.pictrs import multipart
from addons.pictrs.multipart import MultipartError, Part, parse, serialise
from tests.addons.pictrs import actix
from tests.addons.pictrs.forms import FILE, PNG, TYPE, form, naive, part

MAX_FILES = 4
MAX_FILE_BYTES = 1000


def read(body: bytes, content_type: bytes = TYPE) -> list[Part]:
    return parse([content_type], body, max_files=MAX_FILES, max_file_bytes=MAX_FILE_BYTES)


def refusal(body: bytes, content_type: bytes = TYPE) -> MultipartError:
    with pytest.raises(MultipartError) as caught:
        read(body, content_type)
    return caught.value


def files(*data: bytes) -> list[Part]:
    return [Part(multipart.SAFE_FILENAME, "image/png", one) for one in data]


def draws(*tokens: str) -> Iterator[str]:
    yield from tokens
    pytest.fail("one boundary more was drawn")


# Limits, at the limit and one beyond


def test_as_many_files_as_allowed_and_one_more() -> None:
    assert [one.data for one in read(form(*[part(b"%d" % n) for n in range(MAX_FILES)]))] == [b"0", b"1", b"2", b"3"]
    assert refusal(form(*[part(b"x")] * (MAX_FILES + 1))).message == "more than 4 files"


def test_a_file_as_large_as_allowed_and_one_byte_more() -> None:
    large = b"x" * MAX_FILE_BYTES
    assert [one.data for one in read(form(part(b"small"), part(large)))] == [b"small", large]
    too_large = refusal(form(part(b"small"), part(large + b"x")))
    assert (too_large.status, too_large.message) == (400, "a file of more than 1000 bytes")


def test_an_empty_file_is_a_file() -> None:
    assert [one.data for one in read(form(part(b""), part(b"", FILE, b"Content-Length: 0")))] == [b"", b""]


def test_headers_as_large_as_allowed_and_one_byte_more() -> None:
    name = b"a" * (multipart.MAX_HEAD_BYTES - len(FILE) - len(PNG) - len(b"\r\n"))
    assert read(form(part(b"", FILE.replace(b"a.png", b"a.png" + name), PNG)))[0].filename == "a.png" + name.decode()
    assert "4096 bytes" in refusal(form(part(b"", FILE.replace(b"a.png", b"a.png" + name + b"a"), PNG))).message


def test_one_header_as_large_as_allowed() -> None:
    name = b"a" * (multipart.MAX_HEAD_BYTES - len(FILE))
    assert read(form(part(b"", FILE.replace(b"a.png", b"a.png" + name))))[0].filename == "a.png" + name.decode()


@pytest.mark.parametrize("quote", [b"", b'"'], ids=["token", "quoted"])
def test_a_boundary_as_long_as_allowed_and_one_character_more(quote: bytes) -> None:
    for size, passes in ((1, True), (70, True), (71, False)):
        body = form(part(b"DATA"), boundary=b"b" * size)
        content_type = b"multipart/form-data; boundary=" + quote + b"b" * size + quote
        if passes:
            assert [one.data for one in read(body, content_type)] == [b"DATA"]
        else:
            assert refusal(body, content_type).status == 415


@pytest.mark.parametrize("boundary", [b"'+_-.", b"-", b"--", b"b--", b"--b", b"-" * 70, b"0"], ids=repr)
def test_odd_boundaries_are_read_as_pictrs_reads_them(boundary: bytes) -> None:
    body = form(part(b"A\r\n-\r\n"), part(b"B"), boundary=boundary)
    content_type = b"multipart/form-data; boundary=" + boundary
    assert [one.data for one in read(body, content_type)] == [b"A\r\n-\r\n", b"B"]
    for release in actix.RELEASES:
        assert actix.read([content_type], body, release).files == [b"A\r\n-\r\n", b"B"]


def test_every_character_that_a_quoted_boundary_may_have() -> None:
    boundary = b"'()+_,-./:=?"
    body = form(part(b"DATA"), boundary=boundary)
    assert [one.data for one in read(body, b'multipart/form-data; boundary="' + boundary + b'"')] == [b"DATA"]


def test_line_breaks_after_the_end_as_many_as_allowed_and_one_more() -> None:
    for breaks in range(multipart.MAX_FINAL_BREAKS + 1):
        assert read(form(part(b"DATA"), end=b"--" + b"\r\n" * breaks))
    beyond = form(part(b"DATA"), end=b"--" + b"\r\n" * (multipart.MAX_FINAL_BREAKS + 1))
    assert "does not end" in refusal(beyond).message


@pytest.mark.parametrize("end", [b"--", b"--\r\n"], ids=["no-line-break", "line-break"])
def test_a_body_cut_anywhere_is_refused(end: bytes) -> None:
    whole = form(part(b"A\r\n"), part(b"B", FILE, b"Content-Length: 1"), end=end)
    assert [one.data for one in read(whole)] == [b"A\r\n", b"B"]
    complete = {len(whole), len(whole) - len(end) + len(b"--")}  # all that may lack is the last line break
    for size in range(len(whole)):
        if size not in complete:
            assert refusal(whole[:size]).status == 400


# What is written


def test_what_is_written_to_the_byte() -> None:
    content_type, body = serialise(files(b"A\r\n", b""), lambda: "token")
    assert content_type == "multipart/form-data; boundary=token"
    head = b'Content-Disposition: form-data; name="images[]"; filename="upload"\r\nContent-Type: image/png\r\n'
    first, second = head + b"Content-Length: 3\r\n\r\n", head + b"Content-Length: 0\r\n\r\n"
    assert body == b"--token\r\n" + first + b"A\r\n\r\n--token\r\n" + second + b"\r\n--token--\r\n"


def test_each_boundary_is_48_random_hex_digits() -> None:
    types = {serialise(files(b"A"))[0] for _ in range(10)}
    assert len(types) == 10
    assert all(re.fullmatch(r"multipart/form-data; boundary=[0-9a-f]{48}", one) for one in types)


@pytest.mark.parametrize("data", [(b"--one", b"two"), (b"x", b"xonex", b"...two")], ids=["first-file", "later-file"])
def test_a_boundary_that_occurs_in_a_file_is_drawn_again(data: Sequence[bytes]) -> None:
    tokens = draws("one", "two", "three")
    content_type, body = serialise(files(*data), lambda: next(tokens))
    assert content_type.endswith("boundary=three")
    assert actix.read([content_type.encode()], body).files == list(data)


def test_a_broken_source_of_boundaries_ends_in_an_error() -> None:
    tokens = draws(*["one"] * multipart.MAX_DRAWS)
    with pytest.raises(ValueError, match="every boundary"):
        serialise(files(b"one"), lambda: next(tokens))


@pytest.mark.parametrize(
    "content_type",
    [None, "", "image", "image/", "/png", "image/png; a=b", "image/png\r\nX: y", "image/p ng", "image/png\n",
     "IMAGE/png", "image/\xfc", '"/"', "a" * 128 + "/b"],
    ids=repr,
)  # fmt: skip
def test_only_a_plain_media_type_is_written(content_type: str | None) -> None:
    with pytest.raises(ValueError, match="is not a media type"):
        serialise([*files(b"A"), Part("a", content_type, b"B")])


@pytest.mark.parametrize("content_type", ["image/png", "image/svg+xml", "application/octet-stream", "a" * 127 + "/b"])
def test_media_types_are_written_as_given(content_type: str) -> None:
    assert (
        f"\r\nContent-Type: {content_type}\r\nContent-Length: 1\r\n".encode()
        in serialise([Part("a", content_type, b"A")])[1]
    )


def test_no_files_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="without a file"):
        serialise([])


def test_a_part_does_not_show_its_data() -> None:
    assert repr(Part("a", None, b"DATA")) == "Part(filename='a', content_type=None)"


# No reader sees another body

TOKENS = [
    b"\r\n", b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"--b1", b"\r\n--b1", b"\r\n--b1\r\n", b"\r\n--b1--", b"\r--b1",
    b"\n--b1\n", b"--b2", b"--", b"-", b"b1", b" ", b"\t", b"\x00", b"\xff", b"\xc3\xbc", b'"', b"\\", b"\\\"", b";",
    b"=", b":", b"[", b"]", b"*", b"'", b"%22", b"/", b"..", b"; ", b"name=", b'name="images[]"', b'filename="b"',
    b"images[]", b"form-data", FILE + b"\r\n", PNG + b"\r\n", b"Content-Length: 3\r\n", b"Content-Length: 4\r\n",
    b"Content-Length: +4\r\n", b"Content-Length: 60\r\n", b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: binary\r\n", b"Content-Type: multipart/mixed; boundary=b2\r\n",
    b"Content-Type: message/rfc822\r\n", b"X: y\r\n",
]  # fmt: skip
TYPE_TOKENS = [b";", b"; ", b"=", b'"', b" ", b"\\", b",", b"b", b"b1", b"boundary=b1", b"boundary=b2",
               b"charset=utf-8", b"multipart/", b"form-data", b"text/plain", b"x=y", b"*", b"'"]  # fmt: skip
DATA = [
    b"",
    b"DATA",
    b"\r\n",
    b"\r",
    b"\n",
    b"-",
    b"--",
    b"\r\n--",
    b"\r\n--b",
    b"\x00\xff\r\n\r\n",
    b"b1--",
    b"A" * 40,
]

Edit = tuple[str, int, int, bytes]


def edits(tokens: list[bytes]) -> st.SearchStrategy[list[Edit]]:
    kinds = st.sampled_from(["insert", "delete", "replace", "duplicate"])
    return st.lists(st.tuples(kinds, st.integers(0, 400), st.integers(0, 30), st.sampled_from(tokens)), max_size=2)


def edited(whole: bytes, changes: list[Edit]) -> bytes:
    for kind, at, size, token in changes:
        start = at % (len(whole) + 1)
        middle = {"insert": token + whole[start : start + size], "delete": b"", "replace": token}
        piece = middle.get(kind, whole[start : start + size] * 2)
        whole = whole[:start] + piece + whole[start + size :]
    return whole


@st.composite
def parts_of_a_form(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(DATA) | st.binary(max_size=20))
    lines = [FILE] if draw(st.integers(0, 9)) else []
    lines += draw(
        st.lists(st.sampled_from([PNG, b"content-type: image/*", b"Content-Transfer-Encoding: binary"]), max_size=2)
    )
    length = draw(st.sampled_from([None, None, 0, 0, 0, 1, -1]))
    if length is not None:
        lines.append(b"Content-Length: %d" % (len(data) + length))
    lines += draw(st.lists(st.sampled_from(TOKENS), max_size=1)) if not draw(st.integers(0, 5)) else []
    return part(data, *draw(st.permutations(lines)))


BODIES = st.lists(parts_of_a_form(), max_size=3).map(lambda parts: form(*parts))
TYPES = st.sampled_from([TYPE, b'multipart/form-data;boundary="b1"; charset=utf-8'])


def check_no_reader_sees_another_body(content_type: bytes, body: bytes) -> bool:
    """False: the body is refused. True: it is read, and as everyone else reads it."""
    try:
        parts = read(body, content_type)
    except MultipartError:
        return False
    data = [one.data for one in parts]
    assert data
    assert naive([content_type], body) == data
    new_type, new_body = serialise([Part(multipart.SAFE_FILENAME, "image/webp", one) for one in data])
    assert naive([new_type.encode()], new_body) == data
    for release in actix.RELEASES:
        original = actix.read([content_type], body, release)
        assert (original.files, original.error) == (data, None)
        again = actix.read([new_type.encode()], new_body, release)
        assert again.fields == tuple(actix.Field("images[]", "upload", one) for one in data)
        assert again.error is None
    return True


def test_bodies_made_of_odd_pieces_and_edited() -> None:
    outcomes: Counter[bool] = Counter()

    @settings(max_examples=500, deadline=None, derandomize=True)
    @given(content_type=TYPES, body=BODIES, changes=edits(TOKENS))
    def run(content_type: bytes, body: bytes, changes: list[Edit]) -> None:
        outcomes[check_no_reader_sees_another_body(content_type, edited(body, changes))] += 1

    run()
    assert min(outcomes[True], outcomes[False]) > 50  # it cannot pass by refusing, or by accepting, everything


def test_request_types_edited() -> None:
    outcomes: Counter[bool] = Counter()
    body = form(part(b"A"), part(b"B", FILE, b"Content-Length: 1"))

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(content_type=TYPES, changes=edits(TYPE_TOKENS))
    def run(content_type: bytes, changes: list[Edit]) -> None:
        outcomes[check_no_reader_sees_another_body(edited(content_type, changes), body)] += 1

    run()
    assert min(outcomes[True], outcomes[False]) > 10


def test_any_data_arrives_as_it_was_sent() -> None:
    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(data=st.lists(st.binary(max_size=200) | st.sampled_from(DATA), min_size=1, max_size=MAX_FILES))
    def run(data: list[bytes]) -> None:
        content_type, body = serialise(files(*data))
        assert [one.data for one in read(body, content_type.encode())] == data
        for release in actix.RELEASES:
            assert actix.read([content_type.encode()], body, release).files == data

    run()
