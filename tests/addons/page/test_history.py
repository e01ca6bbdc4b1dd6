"""Filters of the history: what a query may say, and that pages follow each other without a gap."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from addons.page.history import PAGE, Filter, page, parse
from tests.addons.page.desk import filled, row, write


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, Filter()),
        ({"rule": " explicit ", "source": "proxy"}, Filter(rule="explicit", source="proxy")),
        ({"outcome": "would-reject", "ref": "0a0b0c0d"}, Filter(ref="0a0b0c0d", outcome="would-reject")),
        ({"before": "17", "page": "9"}, Filter(before="17")),
    ],
)
def test_a_query_that_is_a_filter(query: dict[str, str], wanted: Filter) -> None:
    assert parse(query) == (wanted, "")


@pytest.mark.parametrize(
    "query",
    [
        {"rule": "' OR 1"},
        {"ref": "0A0B0C0D"},
        {"source": "mail"},
        {"outcome": "lost"},
        {"before": "-1"},
        {"ref": "\u0660" * 8},
    ],
)
def test_what_is_no_filter_filters_nothing_and_is_told(query: dict[str, str]) -> None:
    (name,) = query
    wanted, said = parse(query)
    assert wanted == Filter()
    assert said.startswith(f"Not a {name} that the log could have")


def test_pages_follow_each_other(tmp_path: Path) -> None:
    log = write(tmp_path / "log.db", filled())
    refs: list[str] = []
    wanted = Filter(outcome="pass")
    while True:
        found = page(log, wanted)
        refs += [one.ref for one in found.rows]
        if not found.older:
            break
        assert len(found.rows) == PAGE
        wanted, said = parse(dict(parse_qsl(found.older)))
        assert said == ""
    assert len(refs) == len(set(refs)) > 6 * PAGE


def test_a_last_page_that_is_full_has_none_behind_it(tmp_path: Path) -> None:
    log = write(tmp_path / "log.db", [row(index) for index in range(PAGE)])
    found = page(log, Filter())
    assert (len(found.rows), found.older) == (PAGE, "")
