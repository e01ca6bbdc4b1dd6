"""Queries and the one JSON body: read strictly, written in one spelling."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.pictrs import query
from addons.pictrs.query import RouteError


@pytest.mark.parametrize(("raw", "pairs"), [
    ("", []),
    ("&&", []),
    ("a=1&b=2", [("a", "1"), ("b", "2")]),
    ("b=2&a=1", [("b", "2"), ("a", "1")]),
    ("%61=%31", [("a", "1")]),
    ("a+b=c+d%2B", [("a b", "c d+")]),
    ("a&b=", [("a", ""), ("b", "")]),
    ("a=b=c", [("a", "b=c")]),
    ("a=1;b=2", [("a", "1;b=2")]),
    ("=x", [("", "x")]),
    ("A=1&a=2", [("A", "1"), ("a", "2")]),
    ("a=%C3%A9", [("a", "é")]),
])  # fmt: skip
def test_a_query_is_read_as_pict_rs_reads_it(raw: str, pairs: list[tuple[str, str]]) -> None:
    assert list(query.read(raw).items()) == pairs


@pytest.mark.parametrize(("raw", "why"), [
    ("a=1&a=1", "twice"), ("a=1&%61=2", "twice"), ("a&a", "twice"), ("=&=", "twice"),
    ("a=%", "broken"), ("a=%4", "broken"), ("a=%zz", "broken"), ("%=1", "broken"),
    ("a=%ff", "not UTF-8"), ("%C3=1", "not UTF-8"), ("a=%ED%A0%80", "not UTF-8"), ("a=%C0%AF", "not UTF-8"),
    ("&".join(f"k{n}" for n in range(query.MAX_QUERY_KEYS + 1)), "more than 16"),
])  # fmt: skip
def test_what_readers_differ_about_is_refused(raw: str, why: str) -> None:
    with pytest.raises(RouteError, match=why) as caught:
        query.read(raw)
    assert caught.value.status == 400


def test_sixteen_keys_are_read() -> None:
    assert len(query.read("&".join(f"k{n}" for n in range(query.MAX_QUERY_KEYS)))) == 16


@pytest.mark.parametrize(("raw", "trailing", "found"), [
    ("proxy=http://h/a", "", {"proxy": "http://h/a"}),
    ("proxy=https://h/a?b=1&c=%2F", "", {"proxy": "https://h/a?b=1&c=%2F"}),
    ("proxy=http://h/a&thumbnail=96", "", {"proxy": "http://h/a&thumbnail=96"}),
    ("proxy=http://h/a&thumbnail=96", "thumbnail", {"proxy": "http://h/a", "thumbnail": "96"}),
    ("proxy=http://h/a&thumbnail=1&thumbnail=2", "thumbnail", {"proxy": "http://h/a&thumbnail=1", "thumbnail": "2"}),
    ("proxy=http://h/a&resize=96", "thumbnail", {"proxy": "http://h/a&resize=96"}),
    ("proxy=http://h/a?thumbnail=96", "thumbnail", {"proxy": "http://h/a?thumbnail=96"}),
    ("proxy=http://&thumbnail=96", "thumbnail", {"proxy": "http://", "thumbnail": "96"}),
    ("proxy=http://", "thumbnail", {"proxy": "http://"}),
    *[(raw, "thumbnail", None) for raw in (
        "proxy=HTTP://h/a", "proxy=Https://h", "proxy=http%3A//h/a", "proxy=http:%2F%2Fh/a", "proxy=http%3A%2F%2Fh%2Fa",
        "proxy=httpx://h", "proxy=ftp://h", "proxy=//h/a", "proxy=", "", "&proxy=http://h", "thumbnail=9&proxy=http://h",
        "%70roxy=http://h", "proxy =http://h", "Proxy=http://h", "proxy=+http://h", "src=http://h", "proxyhttp://h",
    )],
])  # fmt: skip
def test_an_unescaped_address_is_taken_whole(raw: str, trailing: str, found: dict[str, str] | None) -> None:
    assert query.read_verbatim(raw, {trailing}) == found


KEYS = {"a": re.compile("[0-9]+"), "b": re.compile(".*")}


def test_values_are_held_against_their_patterns() -> None:
    query.check({"a": "12", "b": "é" * (query.MAX_VALUE_BYTES // 2)}, KEYS)
    for bad, why in (
        ({"a": "1x"}, "not one that is known"), ({"a": ""}, "not one that is known"), ({"c": "1"}, "not known here"),
        ({"A": "1"}, "not known here"), ({"a": "1\n"}, "not one that is known"),
        ({"b": "é" * (query.MAX_VALUE_BYTES // 2) + "x"}, "longer than 4096 bytes"),
    ):  # fmt: skip
        with pytest.raises(RouteError, match=why) as caught:
            query.check(bad, KEYS)
        assert caught.value.status == 400


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=8), max_size=query.MAX_QUERY_KEYS))
def test_what_is_written_is_read_again(pairs: dict[str, str]) -> None:
    written = query.write(pairs.items())
    assert re.fullmatch(r"[A-Za-z0-9._~%=&-]*", written)
    assert list(query.read(written).items()) == list(pairs.items())


@pytest.mark.parametrize("name", ["a", "a" * 128, "e15c.jpeg", "..a", "...", "_-"])
def test_a_name_is_plain(name: str) -> None:
    assert query.NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a" * 129, "a/b", "a b", "é", "a\n", "a%41", "a?b"])
def test_other_names_are_none(name: str) -> None:
    assert not query.NAME.fullmatch(name)


@pytest.mark.parametrize("body", [
    b'{"alias":"a.jpg"}', b' {\n"alias" :\t"a.jpg" } ', b'{"\\u0061lias":"\\u0061.jpg"}',
])  # fmt: skip
def test_the_body_of_set_not_found_is_written_anew(body: bytes) -> None:
    assert query.alias_body(body) == b'{"alias":"a.jpg"}'


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b"{}", b'"a"', b'["alias","a"]', b'[["alias","a"]]', b'{"alias":"a"}x', b'{"alias":"a"',
    b'{"alias":"a","alias":"a"}', b'{"alias":"a","x":1}', b'{"proxy":"http://h/a"}', b'{"proxy":"http://h/","alias":"a"}',
    b'{"Alias":"a"}', b'{"alias":1}', b'{"alias":null}', b'{"alias":["a"]}', b'{"alias":{"alias":"a"}}',
    b'{"alias":".."}', b'{"alias":""}', b'{"alias":"a/b"}', b'{"alias":"a\\u0000"}', b'{"alias":"\xff"}',
    b'\xef\xbb\xbf{"alias":"a"}', b"alias=a", b"[" * 1000, b'{"alias":NaN}',
])  # fmt: skip
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(RouteError) as caught:
        query.alias_body(body)
    assert caught.value.status == 400


def test_the_longest_body_passes_and_one_byte_more_does_not() -> None:
    longest = b'{"alias":"a"}'.ljust(query.MAX_ALIAS_BODY_BYTES)
    assert query.alias_body(longest) == b'{"alias":"a"}'
    with pytest.raises(RouteError, match="more than 1024 bytes"):
        query.alias_body(longest + b" ")
    assert query.alias_body(b'{"alias":"' + b"\\u0061" * 128 + b'"}') == b'{"alias":"' + b"a" * 128 + b'"}'
