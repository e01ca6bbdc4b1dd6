"""Reading YAML: the values that PyYAML's safe loader gives, the right lines, and nothing is ever raised."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.document import MAX_DEPTH, MAX_FILE_BYTES, read

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
keys = st.text(min_size=1)
plain = st.dictionaries(
    keys,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)),
    max_size=5,
)


@settings(deadline=None)
@given(plain, st.sampled_from([True, False, None]))
def test_what_yaml_writes_is_read_back(values: dict[str, object], flow: bool | None) -> None:
    text = yaml.safe_dump(values, allow_unicode=True, default_flow_style=flow)
    document = read(text.encode())
    assert document.findings == []
    assert document.complete
    assert document.values == yaml.safe_load(text)  # which is not always `values`: PyYAML writes U+0085 as it is


def test_lines_are_those_of_the_keys_and_items() -> None:
    document = read(b"# comment\na: 1\nb:\n  c: 2\n  d:\n    - x\n    -\n      e: 3\nf: {g: 4,\n    h: 5}\n")
    assert document.lines == {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 4,
        ("b", "d"): 5,
        ("b", "d", 0): 6,
        ("b", "d", 1): 8,
        ("b", "d", 1, "e"): 8,
        ("f",): 9,
        ("f", "g"): 9,
        ("f", "h"): 10,
    }


def test_line_of_what_is_not_written_is_that_around_it() -> None:
    document = read(b"\nlimits:\n  max_files: 3\n")
    assert document.line(("limits", "max_frames")) == 2
    assert document.line(("limits", "max_files", 0)) == 3
    assert document.line(("fetch", "ports")) is None


def test_text_of_what_yaml_takes_for_something_else_is_kept() -> None:
    document = read(b"a: no\nb: 0x10\nc: 'no'\nd: ~\ne: 2001-01-01\nf: text\n")
    assert document.values == {"a": False, "b": 16, "c": "no", "d": None, "e": "2001-01-01", "f": "text"}
    assert document.written == {("a",): "no", ("b",): "0x10", ("d",): "~", ("e",): "2001-01-01"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000),
        ("-5", -5),
        ("+0x1F", 31),
        ("0b101", 5),
        ("0", 0),
        ("1.5", 1.5),
        ("1.0e+3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("1e3", "1e3"),
        ("0x_", "0x_"),
    ],
)
def test_number(text: str, value: object) -> None:
    assert read(f"a: {text}\n".encode()).values == {"a": value}


def nested(levels: int) -> bytes:
    """A mapping, and in it lists: `levels` of both together."""
    return b"a: " + b"[" * (levels - 1) + b"]" * (levels - 1)


def test_deepest_nesting_and_one_level_more() -> None:
    assert read(nested(MAX_DEPTH + 1)).complete
    document = read(b"\n" + nested(MAX_DEPTH + 2))
    assert not document.complete
    assert [(finding.line, finding.message) for finding in document.findings] == [(2, "is nested over 16 levels deep")]


def test_largest_file_and_one_byte_more() -> None:
    assert read(b"#" * MAX_FILE_BYTES).complete
    assert not read(b"#" * (MAX_FILE_BYTES + 1)).complete


def test_aliases_are_told_and_never_followed() -> None:
    """The billion laughs: each line would be ten times the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    document = read("\n".join(lines).encode())
    assert len(document.findings) == 90
    assert document.values["a9"] == [None] * 10


def test_anchor_that_nothing_uses_says_nothing() -> None:
    document = read(b"a: &b 1\n")
    assert (document.values, document.findings) == ({"a": 1}, [])


def test_first_of_two_equal_keys_is_kept_and_nothing_inside_the_second_is_told() -> None:
    document = read(b"a: 1\na: {b: 1, b: *c}\n")
    assert document.values == {"a": 1}
    assert [(finding.loc, finding.line) for finding in document.findings] == [(("a",), 2)]


@settings(deadline=None, max_examples=200)
@given(st.binary() | st.text(alphabet="ab:-[]{}&*!|>'\"%@#,?~<\n\t \\0x1.", max_size=60).map(str.encode))
@example(b'"\\UFFFFFFFF"')
@example(b'"\\xZZ"')
@example(b"%YAML 1." + b"9" * 5000)
@example(b"%TAG ! tag:x\n--- !a b")
@example(b"!<%ff> a")
@example(b"a: !!binary x")
@example(b"\xef\xbb\xbf")
@example(b"a\x00b")
@example(b"&a *a")
@example(b"*a : b")
@example(b"? {a: [b]}\n: c")
@example(b"<<: {a: b}")
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    document = read(data)
    assert document.complete or document.findings
