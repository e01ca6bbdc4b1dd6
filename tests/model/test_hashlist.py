"""Lists as text: every spelling that is taken, every fault with its line, bounds, and that nothing makes it raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import hashlist
from model.hashlist import (
    MAX_FAULTS,
    MAX_LINE_BYTES,
    MAX_NOTE_CHARACTERS,
    Entry,
    Kind,
    line,
    one_line,
    parse,
    read_line,
)

A, B = bytes(range(32)), bytes(range(100, 132))
HASHES = st.binary(min_size=32, max_size=32)
DIGITS = "0123456789abcdef"
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["sha256", "pdq"])


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (A.hex(), Entry("sha256", A)),
        (A.hex().upper(), Entry("sha256", A)),
        (f"pdq {A.hex()}", Entry("pdq", A)),
        (f"PDQ\t {A.hex()}  ", Entry("pdq", A)),
        (f"  sha256 {A.hex()}\r\n", Entry("sha256", A)),
        (f"{A.hex()} # why\n", Entry("sha256", A, "why")),
        (f"pdq {A.hex()}#why # and more \r\n", Entry("pdq", A, "why # and more")),
        (f"{A.hex()} # a\x1b[31m\u2028b", Entry("sha256", A, "a [31m b")),
        (f"{A.hex()} #", Entry("sha256", A)),
        ("", None),
        ("  \r\n", None),
        (f"# {A.hex()}", None),
        (" # " + "x" * MAX_LINE_BYTES, None),
    ],
)
def test_a_line(text: str, entry: Entry | None) -> None:
    assert read_line(text.encode()) == entry
    found = parse(text.encode())
    assert (found.faults, found.faulty) == ((), 0)
    assert list(found.entries()) == ([] if entry is None else [entry])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (A.hex()[:-1], "a SHA-256 or PDQ hash has 64 hex digits, not 63"),
        (f"pdq {A.hex()}00", "a SHA-256 or PDQ hash has 64 hex digits, not 66"),
        (A.hex()[:32], "a SHA-256 or PDQ hash has 64 hex digits, not 32"),
        (f"md5 {A.hex()}", "the word before a hash must be pdq or sha256, not md5"),
        (f"{A.hex()} {B.hex()}", "must be 64 hex digits, or pdq and 64"),
        (f"{A.hex()} why", "must be 64 hex digits, or pdq and 64"),
        ("g" * 64, "must be 64 hex digits, or pdq and 64"),
        ("\N{ARABIC-INDIC DIGIT ONE}" * 64, "must be 64 hex digits, or pdq and 64"),
        ("pdq", "must be 64 hex digits, or pdq and 64"),
        ("<!doctype html>", "is not a list of hashes but a page"),
        ('{"msg": "not here"}', "is not a list of hashes but a page"),
        (A.hex() + " " * MAX_LINE_BYTES, f"the line has more than {MAX_LINE_BYTES} bytes"),
        ("a\x1b[31m\x00", "not a\\x1b[31m\\x00"),
    ],
)
def test_a_fault_and_its_line(text: str, message: str) -> None:
    found = parse(f"# first\r\n{A.hex()}\n{text}\n\n{B.hex()}".encode())
    assert found.sha256.tobytes() == A + B
    assert [one.line for one in found.faults] == [3]
    assert message in found.faults[0].message
    assert found.faults[0].message.isprintable()
    assert read_line(text.encode()) is None


def test_what_a_bare_hash_is() -> None:
    text = f"{A.hex()}\nsha256 {B.hex()}\n".encode()
    found = parse(text, "pdq")
    assert (found.pdq.tobytes(), found.sha256.tobytes()) == (A, B)
    assert (found.pdq.shape, found.pdq.dtype.name, len(found)) == ((1, 32), "uint8", 2)
    assert read_line(A.hex().encode(), "pdq") == Entry("pdq", A)


def test_marks_of_an_encoding() -> None:
    assert parse(b"\xef\xbb\xbf" + A.hex().encode()).sha256.tobytes() == A
    found = parse(A.hex().encode("utf-16"))
    assert [str(one.message) for one in found.faults] == ["the file is UTF-16; save it as UTF-8"]
    assert len(found) == 0


def test_notes_belong_to_their_rows() -> None:
    text = f"{A.hex()}\npdq {A.hex()} # p\n{B.hex()} # s\n"
    found = parse(text.encode())
    assert found.notes == {"sha256": {1: "s"}, "pdq": {0: "p"}}
    assert found.rows("sha256") is found.sha256
    assert found.rows("pdq") is found.pdq


def test_only_the_first_faults_are_told() -> None:
    found = parse(b"x\n" * (MAX_FAULTS + 5))
    assert [one.line for one in found.faults] == list(range(1, MAX_FAULTS + 1))
    assert found.faulty == MAX_FAULTS + 5


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlist, "MAX_ENTRIES", 2)
    assert parse(f"{A.hex()}\n# between\npdq {B.hex()}\n# after\n".encode()).faults == ()
    found = parse(f"{A.hex()}\n{B.hex()}\nx\n{A.hex()}\nx\n".encode())
    assert (len(found), [one.line for one in found.faults]) == (2, [3, 4])
    monkeypatch.setattr(hashlist, "MAX_BYTES", 64)
    assert len(parse(A.hex().encode())) == 1
    found = parse(A.hex().encode() + b"\n")
    assert (len(found), found.faulty) == (0, 1)
    assert "65 bytes, more than 64" in found.faults[0].message


def test_so_many_lines_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlist, "MAX_LINES", 3)
    assert len(parse(f"\n# c\n{A.hex()}\n".encode())) == 1
    found = parse(f"\n\n# c\n{A.hex()}\n".encode())
    assert (len(found), [str(one.message) for one in found.faults]) == (
        0,
        ["the list has 4 lines, more than 3; nothing of it is read"],
    )


def test_lines_without_a_hash_cost_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_into: list[bytes] = []
    read = hashlist._read

    def reading(line: bytes, bare: Kind) -> tuple[Kind, bytes, bytes] | None:
        looked_into.append(line)
        return read(line, bare)

    monkeypatch.setattr(hashlist, "_read", reading)
    found = parse(b"\n" * 100 + b" \r\n" * 100 + b"# c\n" * 100 + A.hex().encode() + b"\n\nx")
    assert (len(found), [one.line for one in found.faults]) == (1, [303])
    assert looked_into == [A.hex().encode() + b"\n", b"x"]


@given(KINDS, HASHES, st.text())
def test_what_is_written_is_read(kind: Kind, value: bytes, note: str) -> None:
    written = line(kind, value, note)
    assert written.splitlines() == [written]
    assert read_line(written.encode()) == Entry(kind, value, one_line(note))


@given(st.text())
def test_a_note_made_safe_stays_as_it_is(note: str) -> None:
    safe = one_line(note)
    assert safe.isprintable()
    assert len(safe) <= MAX_NOTE_CHARACTERS
    assert one_line(safe) == safe


def test_a_long_note_keeps_its_beginning() -> None:
    assert one_line("ab " * 100) == ("ab " * 100)[:MAX_NOTE_CHARACTERS].rstrip()
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        line("pdq", A[:-1])


@given(st.lists(st.one_of(st.binary(max_size=80), HASHES.map(lambda value: value.hex().encode()))))
def test_no_content_makes_it_raise(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    found = parse(data)
    assert len(found) + found.faulty <= data.count(b"\n") + 1
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        whole = {each.decode() for each in data.split(b"\n") if len(each) == 64 and each.isalnum() and each.islower()}
        assert {row.tobytes().hex() for row in found.sha256} >= {each for each in whole if not set(each) - set(DIGITS)}
