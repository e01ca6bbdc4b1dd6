"""What holds for every row of the table."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import get_args

import pytest

from addons.pictrs.query import MAX_QUERY_KEYS
from addons.pictrs.table import INGEST, INTERNAL_API, OPERATIONS, ROUTES, STAGED, Body, Kind, Route
from config.settings import InternalRoute

EACH = pytest.mark.parametrize(
    "route", ROUTES, ids=lambda r: f"{r.methods[0]} {r.path} {','.join(sorted(r.grammar.one_of))}"
)


def test_the_settings_and_the_table_name_the_same_internal_routes() -> None:
    assert get_args(InternalRoute) == INTERNAL_API
    assert {route.internal for route in ROUTES} == {None, *INTERNAL_API}


def test_rows_of_one_path_and_method_differ_in_their_source() -> None:
    sources = defaultdict(list)
    for route in ROUTES:
        for method in route.methods:
            sources[method, route.path].append(route.grammar.one_of)
    for rows in sources.values():
        assert len(rows) == 1 or all(rows)
        assert sum(map(len, rows)) == len(frozenset[str]().union(*rows))


@EACH
def test_a_row_is_whole(route: Route) -> None:
    assert re.fullmatch(r"all|0\.[3-6](\.[0-9]+)?\+", route.versions)
    assert re.fullmatch(r"[^|\n]+[^.|\n]", route.note)
    assert route.path.startswith(("/image", "/internal/", "/healthz"))
    assert route.grammar.one_of | route.grammar.ours <= route.grammar.keys.keys()
    assert len(route.grammar.keys) <= MAX_QUERY_KEYS


@EACH
def test_kind_and_body_and_token_go_together(route: Route) -> None:
    assert (route.body is Body.FILES) == (route.kind in (Kind.UPLOAD, Kind.IMPORT))
    assert (route.internal is not None) == (route.kind in (Kind.INTERNAL, Kind.IMPORT))
    assert (route.upstream is not None) == (route.kind is Kind.DOWNLOAD) == bool(route.grammar.ours)
    assert route.body is Body.NONE or route.methods == ("POST",)
    assert (route.body is Body.ALIAS) == (route.path == "/internal/set_not_found")


@EACH
def test_an_address_is_staged_or_kept(route: Route) -> None:
    assert route.proxied == ("proxy" in route.grammar.one_of)
    assert "url" not in route.grammar.keys.keys() - route.grammar.ours
    assert route.verbatim is None or (route.proxied and route.verbatim <= route.grammar.keys.keys())
    if route.proxied:
        assert route.kind in (Kind.READ, Kind.INTERNAL)
        assert route.versions.startswith(("0.5", "0.6"))  # no version before knows it


@EACH
def test_only_views_of_remote_pictures_make_pict_rs_fetch(route: Route) -> None:
    assert route.fetching == ("a GET makes it ask for there" in route.note)
    assert not route.fetching or (route.proxied and route.kind is Kind.READ and "GET" in route.methods)


@EACH
def test_nothing_changes_a_picture_on_its_way_in(route: Route) -> None:
    if route.kind in (Kind.UPLOAD, Kind.IMPORT, Kind.DOWNLOAD):
        assert set(route.grammar.keys) - route.grammar.ours == set(INGEST)
        assert not {"crop", "blur"} & set(route.grammar.keys)


def test_a_download_is_sent_as_an_upload() -> None:
    uploads = {route.path: route for route in ROUTES if route.kind is Kind.UPLOAD}
    for route in ROUTES:
        if route.upstream is not None:
            assert set(route.upstream.values()) <= uploads.keys()
            assert {key for key in route.grammar.keys if key not in route.grammar.ours} == set(INGEST)


def test_verbatim_is_for_the_two_routes_that_lemmy_writes_so() -> None:
    found = {route.path: route.verbatim for route in ROUTES if route.verbatim is not None}
    assert found == {"/image/original": frozenset(), "/image/process.{format}": frozenset({"thumbnail"})}


@pytest.mark.parametrize("value", ["200", "Lanczos.200", "lanczos2sharp.a40000", ".a40000", ".5", "Lanczos3.1"])
def test_resize_is_what_pict_rs_parses(value: str) -> None:
    assert OPERATIONS["resize"].fullmatch(value)


@pytest.mark.parametrize("value", ["", "a200", "-1", "1.5x", "Lanczos.", "Lan czos.1", "1x1", "+5", "a", ".aa5", "٣"])
def test_resize_is_nothing_else(value: str) -> None:
    assert not OPERATIONS["resize"].fullmatch(value)


@pytest.mark.parametrize("address", ["http://filter:8082/v/a", "http://10.0.0.1/v/A_-9", "http://[fd00::1]:1/v/x"])
def test_a_staged_address_is_one_of_our_listener(address: str) -> None:
    assert STAGED.fullmatch(address)


@pytest.mark.parametrize("address", [
    "https://h/v/a", "http://h/v/", "http://h/a", "http://h/v/a/b", "http://h/v/a?b", "http://h/v/a#b", "http://u@h/v/a",
    "http://h:/v/a", "http:///v/a", "http://h/v/a%2F", "http://h/v/a.b", "http://h/v/v/a", "HTTP://h/v/a", "http://h/v/a=",
])  # fmt: skip
def test_nothing_else_is(address: str) -> None:
    assert not STAGED.fullmatch(address)
